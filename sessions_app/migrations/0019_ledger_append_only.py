"""What was charged stays charged: whoever writes, and by whichever way, lines stay as they were inserted."""

from django.db import migrations

APPEND_ONLY = """
CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'lines of the ledger are neither changed nor deleted'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_is_append_only';
END $$;
CREATE TRIGGER ledger_is_append_only BEFORE UPDATE OR DELETE ON sessions_app_ledgerline
    FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
"""
NO_LONGER = """
DROP TRIGGER ledger_is_append_only ON sessions_app_ledgerline;
DROP FUNCTION ledger_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("sessions_app", "0018_lists_by_state")]

    operations = [migrations.RunSQL(APPEND_ONLY, NO_LONGER)]
