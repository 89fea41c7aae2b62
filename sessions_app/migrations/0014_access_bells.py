from django.db import migrations

# Whoever changes what somebody may see, and by whichever way, the sockets of that person hear of it in the
# moment it is true. User 0 stands for everybody.
BELLS = """
CREATE FUNCTION ring_access_changed(who bigint) RETURNS void LANGUAGE sql AS $$
    SELECT pg_notify('quantumsvc_events', json_build_object('type', 'access', 'user', who)::text)
$$;
CREATE FUNCTION membership_changes_access() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN PERFORM ring_access_changed(OLD.user_id); END IF;
    IF TG_OP <> 'DELETE' THEN PERFORM ring_access_changed(NEW.user_id); END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION user_changes_access() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ring_access_changed(NEW.id);
    RETURN NULL;
END $$;
CREATE FUNCTION backend_changes_access() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ring_access_changed(0);
    RETURN NULL;
END $$;
CREATE FUNCTION signing_out_changes_access() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('quantumsvc_events', json_build_object(
        'type', 'access', 'browser', encode(sha256(OLD.session_key::bytea), 'hex'))::text);
    RETURN NULL;
END $$;
CREATE TRIGGER signing_out_changes_access AFTER DELETE ON django_session
    FOR EACH ROW EXECUTE FUNCTION signing_out_changes_access();
CREATE TRIGGER membership_changes_access AFTER INSERT OR UPDATE OR DELETE ON accounts_membership
    FOR EACH ROW EXECUTE FUNCTION membership_changes_access();
CREATE TRIGGER user_changes_access AFTER UPDATE OF is_active, is_operator, password ON accounts_user
    FOR EACH ROW WHEN ((OLD.is_active, OLD.is_operator, OLD.password)
        IS DISTINCT FROM (NEW.is_active, NEW.is_operator, NEW.password))
    EXECUTE FUNCTION user_changes_access();
CREATE TRIGGER grant_changes_access AFTER INSERT OR UPDATE OR DELETE ON backends_backendaccess
    FOR EACH STATEMENT EXECUTE FUNCTION backend_changes_access();
CREATE TRIGGER opening_changes_access AFTER UPDATE OF open_to_all ON backends_backend
    FOR EACH ROW WHEN (OLD.open_to_all IS DISTINCT FROM NEW.open_to_all)
    EXECUTE FUNCTION backend_changes_access();
CREATE TRIGGER new_backend_changes_access AFTER INSERT ON backends_backend
    FOR EACH STATEMENT EXECUTE FUNCTION backend_changes_access();
"""
SILENCE = """
DROP TRIGGER signing_out_changes_access ON django_session;
DROP FUNCTION signing_out_changes_access();
DROP TRIGGER new_backend_changes_access ON backends_backend;
DROP TRIGGER opening_changes_access ON backends_backend;
DROP TRIGGER grant_changes_access ON backends_backendaccess;
DROP TRIGGER user_changes_access ON accounts_user;
DROP TRIGGER membership_changes_access ON accounts_membership;
DROP FUNCTION backend_changes_access();
DROP FUNCTION user_changes_access();
DROP FUNCTION membership_changes_access();
DROP FUNCTION ring_access_changed(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [
        ('accounts', '0003_audit'),
        ('backends', '0002_calibration_source'),
        ('sessions', '0001_initial'),
        ('sessions_app', '0013_windows'),
    ]

    operations = [migrations.RunSQL(BELLS, SILENCE)]
