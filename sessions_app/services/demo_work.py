"""Some real work for a first start, so that no page or list begins empty.

The jobs go the way of all jobs: they are submitted here and run as soon as the service is up.
"""

import hashlib

import msgspec

from quantumsvc import clock
from quantumsvc.accounts.demo import DemoAccounts, DemoLogin
from quantumsvc.accounts.models import Instance
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import SessionMode
from quantumsvc.wire.envelope import JobEnvelope
from sessions_app.models import Job
from sessions_app.services.opening import close_session, open_session
from sessions_app.services.submission import Author, answered, submission_digest, submit_job

DEVICE = "demo_nairobi"
SMALL_DEVICE = "demo_manila"
SIMULATOR = "ibmq_qasm_simulator"
ITERATIONS = 5


def submit_demo_work(accounts: DemoAccounts) -> int:
    """A closed session of an iterative algorithm, a batch and two single jobs. Returns how many jobs.

    Does nothing when there is any job already.
    """
    if Job.objects.exists():
        return 0
    # The libraries take a second to import; only the first start pays for it.
    from quantumsvc.backends.programs.demo_params import bell_params, ghz_params, vqe_params

    manager = _author(accounts.logins["manager"], accounts.open_lab)
    guest = _author(accounts.logins["guest"], accounts.guest_lab)
    configurations = dict(Backend.objects.values_list("name", "configuration"))
    session = [vqe_params(configurations[DEVICE], step) for step in range(ITERATIONS)]
    _in_session(manager, DEVICE, SessionMode.DEDICATED, "estimator", session, ["vqe", "demo"])
    batch = [ghz_params(configurations[SMALL_DEVICE], qubits) for qubits in (2, 3)]
    _in_session(manager, SMALL_DEVICE, SessionMode.BATCH, "sampler", batch, ["ghz", "demo"])
    _single(manager, DEVICE, "sampler", bell_params(configurations[DEVICE]), ["bell", "demo"])
    _single(guest, SIMULATOR, "sampler", bell_params(None), ["bell"])
    return len(session) + len(batch) + 2


def _author(login: DemoLogin, instance: Instance) -> Author:
    return Author(user=login.user, instance=instance, client_application="quantumsvc demo")


def _in_session(
    author: Author, backend: str, mode: SessionMode, program: str, jobs: list[bytes], tags: list[str]
) -> None:
    session = open_session(
        instance=author.instance,
        user=author.user,
        backend=Backend.objects.get(name=backend),
        mode=mode,
        max_ttl=None,
        now=clock.now(),
    )
    for params in jobs:
        _single(author, backend, program, params, tags, session_id=session.pk)
    close_session(session=session, now=clock.now())


def _single(
    author: Author, backend: str, program: str, params: bytes, tags: list[str], session_id: str | None = None
) -> None:
    envelope = JobEnvelope(
        program_id=program, backend=backend, params=msgspec.Raw(params), tags=tags, session_id=session_id
    )
    digest = submission_digest(author, hashlib.sha256(params).digest())
    answered(submit_job(author=author, envelope=envelope, digest=digest, now=clock.now()).pk)
