"""A lab with some of everything, for the pictures of the pages. Its times lie around the present."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from quantumsvc import clock
from quantumsvc.accounts.models import ApiKey, Instance, Membership, User
from quantumsvc.accounts.roles import Role
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import SessionMode
from reservations_app.models import Window
from reservations_app.services import changing
from sessions_app.models import Job, Session
from sessions_app.services.endings import cancel_job
from sessions_app.services.submission import Author
from tests.browser.scenery import chips, counts_result, draw, plans, settings_of, values_result
from tests.factories import START, make_instance, make_user, open_, submit
from tests.reservations.making import make_window
from tests.services.worker import Worker


@dataclass(frozen=True)
class Scene:
    """What the addresses of the pictures name."""

    member: User
    reader: User
    newcomer: User
    operator: User
    ended: Job
    failed: Job
    values: Job
    waiting: Job
    running: Job
    session: Session
    batch: str
    backend: Backend
    booked: Window
    calibration: str
    key: int
    subscription: str


def _people(lab: Instance) -> dict[str, User]:
    roles = {"wanda": Role.MANAGER, "felix": Role.WRITER, "rita": Role.READER}
    people = {name: make_user(username=name) for name in roles}
    for name, role in roles.items():
        Membership.objects.create(user=people[name], instance=lab, role=role.value)
    return people


def make_scene() -> Scene:
    """Store it all and give what is needed to find it."""
    now = (clock.now() - START).total_seconds()
    lab, others = make_instance(name="Materials lab"), make_instance(name="Course QC-101")
    people = _people(lab)
    wanda, felix = (Author(user=people[name], instance=lab) for name in ("wanda", "felix"))
    backends = chips()
    operator = make_user(username="olga", is_operator=True, is_staff=True)
    guest = Author(user=make_user(username="guest"), instance=others)
    Membership.objects.create(user=guest.user, instance=others, role="writer")
    failed, ended = _past(wanda, felix, backends, now)
    session, running = _session(wanda, backends[0], now)
    waiting = _queue(felix, guest, backends, now)
    booked = _windows(wanda, guest, backends)
    subscription = settings_of(people["wanda"], lab)
    return Scene(
        member=people["wanda"],
        reader=people["rita"],
        newcomer=make_user(username="newcomer"),
        operator=operator,
        ended=ended,
        failed=failed,
        values=Job.objects.filter(session=session, state="completed").order_by("-created_at")[0],
        waiting=waiting,
        running=running,
        session=session,
        batch=str(waiting.session_id),
        backend=backends[0],
        booked=booked,
        calibration=plans(backends, operator),
        key=ApiKey.objects.filter(user=people["wanda"], revoked_at=None)[0].pk,
        subscription=str(subscription.pk),
    )


def _past(wanda: Author, felix: Author, backends: list[Backend], now: float) -> tuple[Job, Job]:
    """Six hours of jobs that have ended, one way or another; one that failed, and the last with a result."""
    worker = Worker(backends[2], when=now - 30_000)
    ends: list[dict[str, Any]] = [{"end": "completed", "result": counts_result()}] * 4
    ends.append(
        {
            "end": "failed",
            "reason": "The circuit has 31 qubits; this backend simulates 29.",
            "reason_code": 1517,
        }
    )
    for n in range(18):
        when = now - 25_000 + 1_200 * n
        job = submit(
            (wanda, felix)[n % 2], backends[2], when, tags=["sweep", f"theta-{n:02}"] if n % 3 else []
        )
        worker.start(when + 2)
        worker.turn(when + 40 + 7 * n, **ends[n % 5], log="transpiled to 12 layers\nran 4096 shots")
    cancelled = submit(felix, backends[1], now - 3_000, tags=["typo"])
    cancel_job(job=cancelled, now=clock.now())
    draw(job)
    return Job.objects.filter(backend=backends[2], state="failed")[0], job


def _session(wanda: Author, backend: Backend, now: float) -> tuple[Session, Job]:
    """A VQE session in its sixth iteration."""
    session = open_(wanda, backend, now - 300, max_ttl=7_200)
    worker = Worker(backend, when=now - 300)
    for n in range(6):
        submit(
            wanda,
            backend,
            now - 290 + 40 * n,
            program_id="estimator",
            session_id=session.pk,
            tags=["vqe", "h2"],
        )
        worker.start(now - 289 + 40 * n)
        if n < 5:
            worker.turn(now - 280 + 40 * n, end="completed", result=values_result())
    submit(wanda, backend, now - 5, session_id=session.pk, tags=["vqe", "h2"])
    running = Job.objects.get(session=session, state="running")
    Job.objects.filter(pk=running.pk).update(phase="executing", progress_done=3, progress_total=8)
    return Session.objects.get(pk=session.pk), running


def _queue(felix: Author, guest: Author, backends: list[Backend], now: float) -> Job:
    """A batch that waits behind the session, and jobs of several people."""
    batch = open_(felix, backends[0], now - 120, mode=SessionMode.BATCH)
    waiting = [
        submit(felix, backends[0], now - 119 + n, session_id=batch.pk, tags=["tomography"]) for n in range(3)
    ]
    submit(guest, backends[0], now - 60)
    submit(felix, backends[1], now - 20, tags=["calib-check"])
    return waiting[0]


def _windows(wanda: Author, guest: Author, backends: list[Backend]) -> Window:
    """A week of reservations of the lab and of others, maintenance, and one that was moved."""
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    since = (hour - START).total_seconds() / 3_600

    def put(start: float, length: float, backend: Backend, **over: Any) -> Window:
        begins = (since + start) * 3_600
        return make_window(begins, begins + length * 3_600, backend=backend, **over)

    lab: dict[str, Any] = {"instance": wanda.instance, "created_by": wanda.user}
    put(-50, 2, backends[0], **lab, state="missed")
    put(-26, 3, backends[0], **lab, state="completed", first_job_at=hour - timedelta(hours=25))
    put(-6, 2, backends[2], **lab, state="completed", first_job_at=hour - timedelta(hours=5))
    put(20, 4, backends[0], instance=guest.instance)
    put(22, 1.5, backends[1], **lab, mode="priority", note="Summer school")
    put(44, 6, backends[0], kind="maintenance", note="Cryostat")
    put(66, 1, backends[1], kind="calibration")
    moved = put(5, 2, backends[0], **lab, note="VQE runs for the paper")
    change = changing.Change(starts_at=hour + timedelta(hours=8), ends_at=hour + timedelta(hours=11))
    return changing.move(moved.pk, change, by=wanda.user, now=clock.now())
