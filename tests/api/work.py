"""Bodies that the official client posts, and shortcuts for what follows them."""

import json
from typing import Any

from quantumsvc.backends.models import Backend
from sessions_app.models import Job, JobPayload, JobResult, Session, Submission
from tests.api.callers import Caller

SAMPLER = {"pubs": [["circuit", None, 100]], "options": {}, "version": 2, "support_qiskit": True}
ESTIMATOR = {"pubs": [["circuit", {"ZZ": 1.0}]], "options": {}, "version": 2, "resilience_level": 1}
EXECUTOR = {"quantum_program": {"shots": 100, "items": [{}]}, "schema_version": "v2.0"}


def job_of(backend: Backend | str, **over: Any) -> dict[str, Any]:
    """The body of ``POST /jobs``; None leaves a field out."""
    body = {
        "program_id": "sampler",
        "backend": backend if isinstance(backend, str) else backend.name,
        "params": SAMPLER,
        "log_level": "WARNING",
        **over,
    }
    return {name: value for name, value in body.items() if value is not None}


def post_job(caller: Caller, backend: Backend, **over: Any) -> str:
    """Post a job that must be accepted; its id."""
    answer = caller.post("/jobs", job_of(backend, **over))
    assert answer.status_code == 200, answer.content
    return str(answer.json()["id"])


def post_session(caller: Caller, backend: Backend, **over: Any) -> str:
    """Post a session that must be accepted; its id."""
    body = {"mode": "dedicated", "backend": backend.name, "instance": caller.instance.crn, **over}
    answer = caller.post("/sessions", body)
    assert answer.status_code == 200, answer.content
    assert set(answer.json()) == {"id"}
    return str(answer.json()["id"])


def nothing_is_stored() -> bool:
    """Whether no row of any refused request remains."""
    return not any(model.objects.exists() for model in (Job, JobPayload, JobResult, Session, Submission))


def params_text(**over: Any) -> bytes:
    """Sampler params as text, with other members."""
    return json.dumps(SAMPLER | over).encode()
