from django.db import migrations

# Whoever writes an event fills the outbox in the same transaction, if anybody wants to hear of it.
FORWARD = """
CREATE FUNCTION notices_wanted(kind text, of_instance bigint, of_user bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM notices_subscription s
        WHERE s.is_active AND kind = ANY(s.kinds) AND (
            s.instance_id = of_instance
            OR s.user_id = of_user
            OR (s.user_id IS NOT NULL AND (of_user IS NULL OR of_instance IS NULL))))
$$;

CREATE FUNCTION notices_of_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO notices_notice (kind, subject, key, at, instance_id, user_id, data)
    SELECT 'job.ended', j.id, '', NEW.at, j.instance_id, j.user_id, jsonb_build_object(
        'job', j.id, 'state', j.state, 'cause', NEW.cause, 'reason_code', j.reason_code, 'backend', b.name,
        'program', j.program, 'session', j.session_id, 'tags', to_jsonb(j.tags), 'seconds', j.quantum_seconds)
    FROM sessions_app_job j JOIN backends_backend b ON b.id = j.backend_id
    WHERE j.id = NEW.job_id AND NOT j.is_system AND notices_wanted('job.ended', j.instance_id, j.user_id)
    ON CONFLICT (kind, subject, key) DO NOTHING;
    IF FOUND THEN PERFORM pg_notify('quantumsvc_timekeeper', ''); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER job_event_fills_the_outbox AFTER INSERT ON sessions_app_jobevent FOR EACH ROW
    WHEN (NEW.target IN ('completed', 'failed', 'cancelled')) EXECUTE FUNCTION notices_of_job();

CREATE FUNCTION notices_of_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO notices_notice (kind, subject, key, at, instance_id, user_id, data)
    SELECT 'session.closed', s.id, '', NEW.at, s.instance_id, s.user_id, jsonb_build_object(
        'session', s.id, 'mode', s.mode, 'cause', NEW.cause, 'backend', b.name,
        'active_seconds', s.active_seconds)
    FROM sessions_app_session s JOIN backends_backend b ON b.id = s.backend_id
    WHERE s.id = NEW.session_id AND notices_wanted('session.closed', s.instance_id, s.user_id)
    ON CONFLICT (kind, subject, key) DO NOTHING;
    IF FOUND THEN PERFORM pg_notify('quantumsvc_timekeeper', ''); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER session_event_fills_the_outbox AFTER INSERT ON sessions_app_sessionevent FOR EACH ROW
    WHEN (NEW.target = 'closed') EXECUTE FUNCTION notices_of_session();

CREATE FUNCTION notices_of_window() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE said text := CASE NEW.target WHEN 'active' THEN 'reservation.started' ELSE 'reservation.missed' END;
BEGIN
    INSERT INTO notices_notice (kind, subject, key, at, instance_id, user_id, data)
    SELECT said, w.id, '', NEW.at, w.instance_id, NULL, jsonb_build_object(
        'reservation', w.id, 'backend', b.name, 'mode', w.mode,
        'starts_at', to_char(w.starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'ends_at', to_char(w.ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
    FROM reservations_app_window w JOIN backends_backend b ON b.id = w.backend_id
    WHERE w.id = NEW.window_id AND w.instance_id IS NOT NULL AND notices_wanted(said, w.instance_id, NULL)
    ON CONFLICT (kind, subject, key) DO NOTHING;
    IF FOUND THEN PERFORM pg_notify('quantumsvc_timekeeper', ''); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER window_event_fills_the_outbox AFTER INSERT ON reservations_app_windowevent FOR EACH ROW
    WHEN (NEW.target IN ('active', 'missed')) EXECUTE FUNCTION notices_of_window();

CREATE FUNCTION notices_of_alert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO notices_notice (kind, subject, key, at, instance_id, user_id, data)
    SELECT 'calibration.overdue', NEW.id, '', NEW.at, NULL, NULL,
        jsonb_build_object('backend', b.name, 'text', NEW.text)
    FROM backends_backend b
    WHERE b.id = NEW.backend_id AND notices_wanted('calibration.overdue', NULL, NULL)
    ON CONFLICT (kind, subject, key) DO NOTHING;
    IF FOUND THEN PERFORM pg_notify('quantumsvc_timekeeper', ''); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER alert_fills_the_outbox AFTER INSERT ON sessions_app_backendalert FOR EACH ROW
    WHEN (NEW.kind = 'overdue') EXECUTE FUNCTION notices_of_alert();
"""
BACKWARD = """
DROP TRIGGER alert_fills_the_outbox ON sessions_app_backendalert;
DROP TRIGGER window_event_fills_the_outbox ON reservations_app_windowevent;
DROP TRIGGER session_event_fills_the_outbox ON sessions_app_sessionevent;
DROP TRIGGER job_event_fills_the_outbox ON sessions_app_jobevent;
DROP FUNCTION notices_of_alert();
DROP FUNCTION notices_of_window();
DROP FUNCTION notices_of_session();
DROP FUNCTION notices_of_job();
DROP FUNCTION notices_wanted(text, bigint, bigint);
"""
TASK = "sessions_app.tasks.look_ahead"


def schedule(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule")
    schedules.objects.get_or_create(
        func=TASK, defaults={"name": "look ahead", "schedule_type": "I", "minutes": 1}
    )


def unschedule(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(func=TASK).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("sessions_app", "0014_access_bells"),
        ("reservations_app", "0002_never_rewritten"),
        ("notices", "0001_initial"),
        ("django_q", "0018_task_success_index"),
    ]

    operations = [migrations.RunSQL(FORWARD, BACKWARD), migrations.RunPython(schedule, unschedule)]
