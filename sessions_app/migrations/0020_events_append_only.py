"""Why something was started, and how jobs and sessions came to their states, stays as it was written down."""

from django.db import migrations

TABLES = {"decision_log": "decision", "job_history": "jobevent", "session_history": "sessionevent"}

APPEND_ONLY = """
CREATE FUNCTION {name}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'entries of the {words} are neither changed nor deleted'
        USING ERRCODE = 'check_violation', CONSTRAINT = '{name}_is_append_only';
END $$;
CREATE TRIGGER {name}_is_append_only BEFORE UPDATE OR DELETE ON sessions_app_{table}
    FOR EACH ROW EXECUTE FUNCTION {name}_is_append_only();
"""
NO_LONGER = """
DROP TRIGGER {name}_is_append_only ON sessions_app_{table};
DROP FUNCTION {name}_is_append_only();
"""


def _filled(text: str) -> str:
    filled = (
        text.format(name=name, table=table, words=name.replace("_", " ")) for name, table in TABLES.items()
    )
    return "".join(filled)


class Migration(migrations.Migration):
    dependencies = [("sessions_app", "0019_ledger_append_only")]

    operations = [migrations.RunSQL(_filled(APPEND_ONLY), _filled(NO_LONGER))]
