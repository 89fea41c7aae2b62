from django.db import migrations

# Jobs outside dedicated sessions pay for themselves, sessions for each time they were active, and a job
# that outlived its dedicated session for the rest of its run.
WRITE = """
INSERT INTO sessions_app_ledgerline
    (backend_id, instance_id, user_id, kind, subject, session_id, since, at, microseconds)
SELECT backend_id, instance_id, user_id, kind, subject, session_id, least(since, at), at,
    round(seconds * 1000000)::bigint
FROM (
    SELECT j.backend_id, j.instance_id, j.user_id, 'job' AS kind, j.id AS subject,
        coalesce(j.session_id, '') AS session_id, greatest(j.started_at, s.closed_at) AS since,
        j.finished_at AS at,
        CASE WHEN s.id IS NULL THEN j.quantum_seconds
            ELSE least(j.quantum_seconds, extract(epoch FROM j.finished_at - s.closed_at)) END AS seconds
    FROM sessions_app_job j
    LEFT JOIN sessions_app_session s ON s.id = j.session_id AND s.mode = 'dedicated'
    WHERE NOT j.is_system AND j.finished_at IS NOT NULL AND j.started_at IS NOT NULL
        AND (s.id IS NULL OR s.closed_at < j.finished_at)
    UNION ALL
    SELECT s.backend_id, s.instance_id, s.user_id, 'session', s.id, s.id, e.at, e.until,
        extract(epoch FROM e.until - e.at)
    FROM (
        SELECT session_id, target, at, lead(at) OVER (PARTITION BY session_id ORDER BY id) AS until
        FROM sessions_app_sessionevent
    ) e
    JOIN sessions_app_session s ON s.id = e.session_id AND s.mode = 'dedicated'
    WHERE e.target = 'active' AND e.until IS NOT NULL
) charged
WHERE round(seconds * 1000000) > 0
ORDER BY at
"""


class Migration(migrations.Migration):
    dependencies = [("sessions_app", "0009_ledger")]

    operations = [migrations.RunSQL(WRITE, migrations.RunSQL.noop)]
