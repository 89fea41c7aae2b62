"""What every statement that reads waiting jobs has in common."""

# What a decision needs to know of a waiting job; how long it is taken to run is the user's own limit, else
# what the program took before on this backend, for this user if they ran it, else the limit in force (W2).
# One that outlived its session stands alone; one that had to give way takes at least as long as it had run.
EXPECTED = """(CASE WHEN j.cost > 0 THEN j.cost
    ELSE greatest(coalesce(own.mean, r.mean, j.max_seconds), j.ran_at_least) END)::float"""
PLACE_COLUMNS = """j.id, j.created_at, CASE WHEN j.outlived_session THEN NULL ELSE j.session_id END,
    j.instance_id, j.user_id"""
JOB_COLUMNS = f"{PLACE_COLUMNS}, {EXPECTED}"
RUN_TIME = """
LEFT JOIN sessions_app_runtime own
    ON own.backend_id = j.backend_id AND own.program = j.program AND own.user_id = j.user_id
LEFT JOIN sessions_app_runtime r
    ON r.backend_id = j.backend_id AND r.program = j.program AND r.user_id IS NULL
"""
# S10: of the waiting jobs, those whose instance and user are active may start.
ACTIVE = """
JOIN accounts_instance i ON i.id = j.instance_id AND i.is_active
JOIN accounts_user u ON u.id = j.user_id AND u.is_active
"""
# The same asked of one job ``q`` at a time, so that the first in the order of an index is found at once.
IS_ACTIVE = """(SELECT i.is_active FROM accounts_instance i WHERE i.id = q.instance_id)
    AND (SELECT u.is_active FROM accounts_user u WHERE u.id = q.user_id)"""
# The oldest waiting job of each (instance, user), from one to the next by index, whatever lies between.
_HEAD = """SELECT q.instance_id, q.user_id, q.id, q.created_at, q.session_id, q.outlived_session, q.program,
        q.cost, q.max_seconds, q.ran_at_least
    FROM sessions_app_job q WHERE q.backend_id = %s AND q.state = 'queued' AND NOT q.is_system"""
_IN_TURN = "ORDER BY q.instance_id, q.user_id, q.created_at, q.id LIMIT 1"
HEADS = f"""
WITH RECURSIVE j AS (
    ({_HEAD} {_IN_TURN})
    UNION ALL
    SELECT step.* FROM j CROSS JOIN LATERAL (
        {_HEAD} AND (q.instance_id, q.user_id) > (j.instance_id, j.user_id) {_IN_TURN}
    ) step
)
"""
# Steps from one (instance, user) with waiting jobs to the next, by index, whatever lies between.
PAIRS = """
WITH RECURSIVE pair AS (
    (SELECT instance_id, user_id FROM sessions_app_job WHERE backend_id = %s AND state = 'queued'
     ORDER BY instance_id, user_id LIMIT 1)
    UNION ALL
    SELECT step.instance_id, step.user_id FROM pair p CROSS JOIN LATERAL (
        SELECT q.instance_id, q.user_id FROM sessions_app_job q WHERE q.backend_id = %s AND q.state = 'queued'
        AND (q.instance_id, q.user_id) > (p.instance_id, p.user_id)
        ORDER BY q.instance_id, q.user_id LIMIT 1) step
)
"""
USED = """
LEFT JOIN sessions_app_userusage used
    ON used.backend_id = j.backend_id AND used.instance_id = j.instance_id AND used.user_id = j.user_id
"""
OF_PAIR = """
    SELECT q.* FROM sessions_app_job q WHERE q.backend_id = %s AND q.state = 'queued' AND NOT q.is_system
    AND q.instance_id = p.instance_id AND q.user_id = p.user_id ORDER BY q.created_at, q.id
"""
# L17: when the last activation of a session that is not active ended; what its jobs run after that, they
# pay themselves. A job may still run in an inactive session (W4, W5) or in one that has closed (L8, L10).
PAID_UNTIL = """(SELECT max(left_active.at) FROM sessions_app_sessionevent left_active
    WHERE left_active.session_id = {session}.id AND left_active.source = 'active')"""
