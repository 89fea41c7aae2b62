"""Things to test with, made by plain functions with defaults."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from quantumsvc.accounts.models import Instance, Membership, User
from quantumsvc.backends.models import Backend, CalibrationSet
from quantumsvc.scheduling.states import SessionMode
from quantumsvc.wire.envelope import JobEnvelope
from sessions_app.models import Job, Session
from sessions_app.services.opening import open_session
from sessions_app.services.submission import Author, submit_job

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
_numbers = itertools.count(1)

SAMPLER_PARAMS = b'{"pubs":[["circuit",null,100]],"options":{},"version":2,"support_qiskit":true}'


def at(seconds: float) -> datetime:
    """So many seconds after the tests' beginning of time."""
    return START + timedelta(seconds=seconds)


def make_user(**over: Any) -> User:
    number = next(_numbers)
    return User.objects.create(**{"username": f"user{number}", **over})


def make_instance(**over: Any) -> Instance:
    number = next(_numbers)
    crn = f"crn:v1:bluemix:public:quantum-computing:us-east:a/acct:{number:08d}::"
    return Instance.objects.create(**{"crn": crn, "name": f"instance{number}", "account": "acct", **over})


def make_backend(**over: Any) -> Backend:
    number = next(_numbers)
    fields = {"name": f"demo_{number}", "configuration": '{"n_qubits":5}', "qubits": 5, **over}
    backend = Backend.objects.create(**fields)
    CalibrationSet.objects.create(backend=backend, taken_at=START - timedelta(days=1))
    return backend


def make_author(**over: Any) -> Author:
    """A writer in an instance of their own."""
    user = over.pop("user", None) or make_user()
    instance = over.pop("instance", None) or make_instance(**over)
    Membership.objects.get_or_create(user=user, instance=instance, defaults={"role": "writer"})
    return Author(user=user, instance=instance)


def envelope(backend: Backend, **over: Any) -> JobEnvelope:
    fields = {"program_id": "sampler", "backend": backend.name, "params": SAMPLER_PARAMS, **over}
    fields["params"] = msgspec.Raw(fields["params"])
    return JobEnvelope(**fields)


def submit(author: Author, backend: Backend, when: float = 0, **over: Any) -> Job:
    """Submit a sampler job at so many seconds."""
    digest = next(_numbers).to_bytes(32, "big")
    return submit_job(author=author, envelope=envelope(backend, **over), digest=digest, now=at(when))


def open_(author: Author, backend: Backend, when: float = 0, **over: Any) -> Session:
    """Open a session at so many seconds."""
    fields: dict[str, Any] = {"mode": SessionMode.DEDICATED, "max_ttl": None, **over}
    return open_session(instance=author.instance, user=author.user, backend=backend, now=at(when), **fields)
