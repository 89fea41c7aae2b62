"""Many waiting jobs, put into the database by one statement: copies of one job, dealt out among instances."""

from typing import Any

_FILL = """
INSERT INTO sessions_app_job
SELECT (jsonb_populate_record(pattern, jsonb_build_object(
    'id', %s || n, 'instance_id', i.ids[1 + n %% cardinality(i.ids)], 'state', 'queued',
    'session_id', NULL, 'started_at', NULL, 'finished_at', NULL, 'attempt', 0, 'phase', '',
    'created_at', pattern.created_at + n * interval '1 ms'
))).*
FROM generate_series(%s::int, %s::int) n
CROSS JOIN (SELECT array_agg(id ORDER BY id) AS ids FROM accounts_instance
            WHERE NOT is_system AND name <> %s) i
JOIN sessions_app_job pattern ON pattern.id = %s
"""


def fill(pattern: Any, prefix: str, first: int, last: int, *, but: str = "") -> None:
    """Copies number ``first`` to ``last`` of a job, a millisecond apart, for all instances ``but`` one."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(_FILL, [prefix, first, last, but, pattern.pk])
        cursor.execute(
            "INSERT INTO sessions_app_jobpayload (job_id, params) "
            "SELECT id, '{}'::bytea FROM sessions_app_job WHERE id LIKE %s ON CONFLICT DO NOTHING",
            [prefix + "%"],
        )
        cursor.execute("VACUUM ANALYZE")


def empty(prefix: str) -> None:
    """Take the copies out again."""
    from django.db import connection

    with connection.cursor() as cursor:
        for table, column in (("jobpayload", "job_id"), ("job", "id")):
            cursor.execute(f"DELETE FROM sessions_app_{table} WHERE {column} LIKE %s", [prefix + "%"])
        cursor.execute("VACUUM ANALYZE")
