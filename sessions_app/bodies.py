"""How jobs, sessions and backends look on the wire."""

from datetime import datetime
from typing import Any

from django.db.models import Sum

from quantumsvc.backends.models import Backend, BackendKind
from quantumsvc.conventions.etags import mark_of
from quantumsvc.scheduling.states import JobState, SessionMode, SessionState
from quantumsvc.wire.times import iso_z
from sessions_app.models import Job, Session
from sessions_app.services.load import Load

# The wire knows five words and no other; a client polls for ever on anything else (J1).
STATE_WORDS = {state.value: state.value.capitalize() for state in JobState}


def instant(at: datetime | None) -> str | None:
    """An instant as the wire writes it, or nothing."""
    return iso_z(at) if at else None


def job_state(job: Job) -> dict[str, Any]:
    """The state, and why it is so when it failed or was cancelled."""
    state: dict[str, Any] = {"status": STATE_WORDS[job.state]}
    if job.reason and job.is_terminal:
        state["reason"] = job.reason
        if job.reason_code is not None:
            state["reason_code"] = job.reason_code
    return state


def job_body(job: Job) -> dict[str, Any]:
    """One job without its params."""
    return {
        "id": job.pk,
        "backend": job.backend.name,
        "state": job_state(job),
        "status": STATE_WORDS[job.state],
        "program": {"id": job.program},
        "created": iso_z(job.created_at),
        "ended": instant(job.finished_at),
        "runtime": job.runtime,
        "cost": job.max_seconds,
        "tags": job.tags,
        "session_id": job.session_id,
        "private": job.private,
        "user_id": str(job.user_id),
        "estimated_running_time_seconds": job.estimated_seconds,
        "calibration_id": job.calibration_run_id or job.calibration_submitted_id,
        "calibration": calibration_of(job),
        "phase": job.phase or None,
        "progress": {"done": job.progress_done, "total": job.progress_total},
    }


def calibration_of(job: Job) -> dict[str, Any]:
    """W9: the sets in force when the job was submitted and when it ran, and whether these are two."""
    return {
        "submitted": job.calibration_submitted_id,
        "run": job.calibration_run_id,
        "changed": job.calibration_changed,
    }


def metrics_body(job: Job) -> dict[str, Any]:
    """What a job took: when it was where, and what is charged for it (seconds)."""
    known = dict(job.metrics)
    phases = known.pop("phases", {})
    ended = job.is_terminal
    return {
        "timestamps": {
            "created": iso_z(job.created_at),
            "running": instant(job.started_at),
            "finished": instant(job.finished_at),
        },
        "usage": {
            "status": "complete" if ended else "pending",
            "qpu_charge_time_seconds": job.quantum_seconds,
            "quantum_seconds": job.quantum_seconds,
            "seconds": job.quantum_seconds,
        },
        "bss": {"seconds": job.quantum_seconds},
        "circuits_execution_time_ns": None,
        "qiskit_version": known.pop("qiskit_version", None),
        "caller": job.client_application or None,
        "phases": phases,
        "attempts": job.attempt,
        "calibration": calibration_of(job),
        "measured": known,
    }


def session_body(session: Session, now: datetime) -> dict[str, Any]:
    """L15: one session; call after its overdue changes were settled."""
    return {
        "id": session.pk,
        "backend_name": session.backend.name,
        "mode": session.mode,
        "state": session.state,
        "accepting_jobs": session.accepting_jobs,
        "interactive_ttl": session.interactive_ttl,
        "max_ttl": session.max_ttl,
        "active_ttl": session.active_ttl if session.active_ttl is not None else session.max_ttl,
        "created_at": iso_z(session.created_at),
        "started_at": instant(session.started_at),
        "activated_at": instant(session.activated_at),
        "last_job_started": instant(session.last_job_started),
        "last_job_completed": instant(session.last_job_completed),
        "closed_at": instant(session.closed_at),
        "state_reason": session.close_cause or None,
        "elapsed_time": used_seconds(session, now),
        "user_id": str(session.user_id),
        "timestamps": [
            {"status": event.target, "timestamp": iso_z(event.at), "reason": event.cause}
            for event in session.events.all()
        ],
    }


def session_mark(session: Session) -> str:
    """The mark of a session's answer; the time used, which grows all the while it is active, is left out."""
    times = (session.started_at, session.activated_at, session.last_job_started, session.last_job_completed)
    said = (session.pk, session.state, session.accepting_jobs, session.max_ttl, session.close_cause)
    return mark_of(*map(str, (*said, *times, session.closed_at, session.version)))


def used_seconds(session: Session, now: datetime, of_jobs: float | None = None) -> float:
    """L17: a dedicated session's time while active; a batch's, the time its jobs ran.

    The sum of its jobs is read unless it is known already.
    """
    if session.mode == SessionMode.BATCH:
        if of_jobs is None:
            of_jobs = session.jobs.aggregate(total=Sum("quantum_seconds"))["total"]
        return round(float(of_jobs or 0.0), 6)
    seconds = session.active_seconds
    if session.state == SessionState.ACTIVE and session.activated_at:
        seconds += (now - session.activated_at).total_seconds()
    return round(seconds, 6)


def backend_body(backend: Backend, load: Load) -> dict[str, Any]:
    """One entry of the list of backends."""
    body: dict[str, Any] = {
        "name": backend.name,
        "status": {"name": online_word(backend), "reason": backend.status_message},
        "is_simulator": backend.kind == BackendKind.SIMULATOR,
        "qubits": backend.qubits,
        "physical_qubits": backend.qubits,
        "processor_type": {"family": "Aer", "revision": "1"},
        "queue_length": load.jobs,
        "wait_time_seconds": {"average": round(load.seconds, 1)},
        "performance_metrics": {},
        "clops": {"value": 0, "type": "hardware"},
    }
    if backend.kind == BackendKind.MOCK:
        body["class"] = "mock"
    return body


def online_word(backend: Backend) -> str:
    """``online``, ``paused`` or ``offline``."""
    if not backend.is_online:
        return "offline"
    return "paused" if backend.is_paused else "online"


def backend_status(backend: Backend, queue_length: int) -> dict[str, Any]:
    """What a client asks before every submission."""
    return {
        "state": backend.is_online,
        "status": "active" if backend.accepts_starts else online_word(backend),
        "message": backend.status_message,
        "length_queue": queue_length,
        "backend_version": "1.0.0",
    }
