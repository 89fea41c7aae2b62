"""The decision log (E1): every choice, by which rule, and what was passed over."""

import json
from heapq import nsmallest

from quantumsvc.scheduling.policy import Start
from quantumsvc.scheduling.queued import QueuedJob, submission_order
from quantumsvc.scheduling.snapshot import Snapshot
from quantumsvc.statements import Statement

# Of a long queue, so many of the oldest heads are written down.
NOTED = 10

_NOTE = """
INSERT INTO sessions_app_decision (backend_id, at, rule, job_id, session_id, passed_over)
VALUES (%s, %s, %s, %s, %s, %s::jsonb)
"""


def decision_note(backend_id: int, decision: Start, snapshot: Snapshot) -> Statement:
    """The statement that writes down why a job was started.

    ``passed_over`` holds the oldest jobs that could have started instead, oldest first. When a session's
    job goes first (S4), others are not looked at, and so none are named.
    """
    job = decision.job
    others = (head for head in snapshot.heads if head.id != job.id)
    passed_over = json.dumps([_passed(head) for head in nsmallest(NOTED, others, key=submission_order)])
    parameters = [backend_id, snapshot.now, decision.rule, job.id, job.session or "", passed_over]
    return Statement(_NOTE, parameters)


def _passed(head: QueuedJob) -> dict[str, str]:
    return {"job": head.id, "instance": head.instance, "since": head.submitted_at.isoformat()}
