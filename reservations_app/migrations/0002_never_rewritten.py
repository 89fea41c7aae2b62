from django.db import migrations

# What was booked stays as it was booked: a move cancels a window and makes another.
FORWARD = """
CREATE FUNCTION reservations_app_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is never deleted or rewritten', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER window_never_deleted BEFORE DELETE ON reservations_app_window
    FOR EACH ROW EXECUTE FUNCTION reservations_app_refuse();
CREATE TRIGGER window_never_rewritten BEFORE UPDATE ON reservations_app_window FOR EACH ROW
    WHEN ((OLD.backend_id, OLD.instance_id, OLD.mode, OLD.kind, OLD.starts_at, OLD.ends_at, OLD.end_policy,
           OLD.counts_as_used, OLD.note, OLD.override_reason, OLD.created_by_id, OLD.created_at, OLD.series_id,
           OLD.occurrence)
        IS DISTINCT FROM
          (NEW.backend_id, NEW.instance_id, NEW.mode, NEW.kind, NEW.starts_at, NEW.ends_at, NEW.end_policy,
           NEW.counts_as_used, NEW.note, NEW.override_reason, NEW.created_by_id, NEW.created_at, NEW.series_id,
           NEW.occurrence))
    EXECUTE FUNCTION reservations_app_refuse();
CREATE TRIGGER window_event_never_changed BEFORE UPDATE OR DELETE ON reservations_app_windowevent
    FOR EACH ROW EXECUTE FUNCTION reservations_app_refuse();
"""
BACKWARD = """
DROP TRIGGER window_event_never_changed ON reservations_app_windowevent;
DROP TRIGGER window_never_rewritten ON reservations_app_window;
DROP TRIGGER window_never_deleted ON reservations_app_window;
DROP FUNCTION reservations_app_refuse();
"""


class Migration(migrations.Migration):

    dependencies = [("reservations_app", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
