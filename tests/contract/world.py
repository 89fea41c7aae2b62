"""One of everything in every state, so that calls have something to be about."""

import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

from quantumsvc.accounts.hubs import hub_path
from quantumsvc.accounts.roles import Role
from quantumsvc.backends.models import Backend, CalibrationSet
from quantumsvc.notices.models import Delivery, Subscription
from quantumsvc.notices.outbox import try_out
from quantumsvc.openapi.examples import examples
from quantumsvc.scheduling.states import WindowState
from reservations_app.services import feeds
from sessions_app.services.calibrations.requesting import cancel_calibration
from tests.api.callers import Caller, make_caller
from tests.api.work import ESTIMATOR, EXECUTOR, SAMPLER, job_of, post_job, post_session
from tests.calibrations.making import ask, make_chip, measured, properties
from tests.calibrations.test_concluding import ended, started
from tests.factories import START, at, make_backend
from tests.legacy.test_calls import FIRST
from tests.reservations.making import cancelled, make_window
from tests.services.worker import Worker

HOOK = {"channel": "webhook", "kinds": ["job.ended"], "address": "http://127.0.0.1:9/"}
DAY = 86_400


@dataclass
class World:
    """Ids by what stands before them in an address, values by a query's word, bodies by operation."""

    places: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    words: dict[str, list[str]] = field(default_factory=dict)
    bodies: defaultdict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))

    def put(self, kind: str, *idents: object) -> None:
        """So many more of a kind."""
        self.places[kind] += map(str, idents)


def make_world(people: dict[str, Caller], owned: dict[str, str], closed: Backend) -> World:
    """All of the lab's; ``people`` are its members by role."""
    world = World()
    chip, spare = make_chip(), make_chip()
    _backends(world, closed, chip)
    _jobs(world, people["writer"], chip, owned)
    _sessions(world, people["writer"], spare, owned)
    _calibrations(world, people["operator"], chip, owned)
    _reservations(world, people["manager"], people["operator"])
    for caller in people.values():
        _hooks(world, caller)
    world.put("notifications", owned["notifications"])
    _names(world, people["manager"])
    world.words = _words(world, people["writer"])
    _bodies(world, people["writer"], chip)
    return world


def _backends(world: World, closed: Backend, chip: Backend) -> None:
    paused = make_backend(is_paused=True)
    offline = make_backend(is_online=False)
    mock, simulator = make_backend(kind="mock"), make_backend(kind="simulator")
    world.put("backends", closed.name, chip.name, paused.name, offline.name, mock.name, simulator.name)


def _jobs(world: World, alice: Caller, chip: Backend, owned: dict[str, str]) -> None:
    """Completed, failed, cancelled, running and waiting; a private one that is done."""
    world.put("jobs", owned["jobs"], *(post_job(alice, chip, tags=["quokka"]) for _ in range(2)))
    private, gone = post_job(alice, chip, private=True), post_job(alice, chip)
    alice.post(f"/jobs/{gone}/cancel")
    waiting = [post_job(alice, chip, program_id=program, params=params) for program, params in PARAMS.items()]
    worker = Worker(chip)
    worker.start(1)
    worker.turn(2, end="completed", result=b'{"results": []}', log="a line", quantum_seconds=2.0)
    worker.turn(3, end="failed", reason="It broke.", quantum_seconds=1.0)
    worker.turn(4, end="completed", result=b"{}", quantum_seconds=1.0)
    world.put("jobs", private, gone, *waiting)


def _sessions(world: World, alice: Caller, spare: Backend, owned: dict[str, str]) -> None:
    """Open, active, closed and cancelled; with jobs."""
    active = post_session(alice, spare, max_ttl=600)
    held = [post_job(alice, spare, session_id=active) for _ in range(2)]
    Worker(spare).start(5)
    batch, done, gone = (post_session(alice, spare, mode=mode) for mode in ("batch", "batch", "dedicated"))
    alice.patch(f"/sessions/{done}", {"accepting_jobs": False})
    alice.delete(f"/sessions/{gone}/close")
    world.put("sessions", owned["sessions"], active, batch, done, gone)
    world.put("jobs", *held)
    world.put("backends", spare.name)


def _calibrations(world: World, olga: Caller, chip: Backend, owned: dict[str, str]) -> None:
    fridge = make_chip()
    done = ended(started(ask(fridge)), measured=measured(("T1", (0,), 50e-6)))
    waiting, gone = ask(fridge, 600), ask(chip, 900)
    cancel_calibration(run=gone, now=START, by=olga.user)
    plan = olga.post(
        "/calibration-schedules", {"backend": fridge.name, "name": "nightly", "rrule": "FREQ=DAILY"}
    )
    world.put("backends", fridge.name)
    world.put("calibrations", owned["calibrations"], done.pk, waiting.pk, gone.pk)
    world.put("calibration-schedules", owned["calibration-schedules"], plan.json()["id"])
    world.put("alerts", owned["alerts"])
    world.put("sets", *CalibrationSet.objects.filter(backend=fridge).values_list("pk", flat=True))
    world.put("fridge", fridge.name)
    named = properties(chip.name, t1=90.0)
    world.bodies["upload_a_calibration_set"] += [{"properties": named}, {"properties": named, "note": "own"}]


def _reservations(world: World, max_: Caller, olga: Caller) -> None:
    """Windows in every state, and a series."""
    room = make_backend()
    mine = {"backend": room, "instance": max_.instance, "created_by": max_.user}
    now = make_window(-600, 3600, state=WindowState.ACTIVE, **mine)
    past = make_window(-7200, -3600, state=WindowState.COMPLETED, first_job_at=at(-7000), **mine)
    missed = make_window(-12_000, -9000, state=WindowState.MISSED, **mine)
    ahead = make_window(2 * DAY, 2 * DAY + 3600, **mine)
    gone = make_window(3 * DAY, 3 * DAY + 3600, **mine, **cancelled(max_.user))
    upkeep = make_window(5 * DAY, 6 * DAY, backend=room, kind="maintenance", created_by=olga.user)
    weekly = {"rule": "FREQ=WEEKLY;COUNT=3", "first": "2026-12-01T08:00", "time_zone": "Europe/Berlin"}
    made = max_.post("/reservation-series", {"backend": room.name, "duration": 3600, **weekly})
    assert made.status_code == 201, made.content
    world.put("backends", room.name)
    world.put("reservation-series", made.json()["id"])
    world.put("reservations", *(each.pk for each in (now, past, missed, ahead, gone, upkeep)))
    world.put("calendars", feeds.rotate(user=max_.user, instance=max_.instance, now=START))
    world.put("calendars", feeds.rotate(user=max_.user, backend=room, now=START))
    world.bodies["skip_one_date_of_a_series"] += [{"occurrence": "2026-12-08T08:00", "reason": "holiday"}]
    world.bodies["change_a_series"] += [{"duration": 1800, "skip_taken": True}, {"note": "shorter"}]
    world.bodies["move_or_change_a_window"] += [{"note": "new"}, {"start": _text(2 * DAY + 900)}]


def _hooks(world: World, caller: Caller) -> None:
    fields = {**HOOK, "salt": "salt", "created_at": START, "created_by": caller.user}
    hook = Subscription.objects.create(user=caller.user, **fields)
    world.put("notifications", hook.pk)
    sent = try_out(hook, START)
    Delivery.objects.filter(pk=sent.pk).update(state="sent", attempts=1, next_at=None, status=204)
    try_out(hook, at(1))


def _names(world: World, caller: Caller) -> None:
    hub, group, project = hub_path(caller.instance).split("/")
    world.put("accounts", caller.instance.account)
    world.put("catalog", "plan-open", caller.instance.catalogue_entry.id)
    world.put("resource_instances", caller.instance.crn)
    world.put("Network", hub)
    world.put("Groups", group)
    world.put("Projects", project)


def _words(world: World, caller: Caller) -> dict[str, list[str]]:
    return {
        "backend": world.places["backends"],
        "session_id": world.places["sessions"],
        "series": world.places["reservation-series"],
        "before": [*world.places["sets"], "current"],
        "after": [*world.places["sets"], "current"],
        "calibration_id": world.places["sets"],
        "program": ["sampler", "estimator"],
        "tags": ["quokka", "secret tag"],
        "search": ["quokka", "secret"],
        "user_id": [str(caller.user.pk)],
        "plan_id": world.places["catalog"],
        "name": [caller.instance.name],
    }


PARAMS = {"estimator": ESTIMATOR, "executor": EXECUTOR, "sampler": SAMPLER}


def _bodies(world: World, alice: Caller, chip: Backend) -> None:
    """The documented examples, made to be about what exists; and some that the description doesn't show."""
    for name, shown in examples().items():
        if "body" in shown:
            world.bodies[name].append(_about(shown["body"], world, alice))
    hub = dict(zip(("hub", "group", "project"), hub_path(alice.instance).split("/"), strict=True))
    jobs = [job_of(chip, program_id=program, params=params) for program, params in PARAMS.items()]
    in_session = job_of(world.places["backends"][0], session_id=world.places["sessions"][0])
    longer = [{"backend": chip.name, "mode": mode, "max_ttl": "1h 5m"} for mode in ("dedicated", "batch")]
    key = alice.issued.text
    more: dict[str, list[Any]] = {
        "submit_a_job": [*jobs, in_session, job_of(chip, private=True, tags=["a", "b"], cost=60)],
        "old_submit_a_job": [*jobs, {**job_of(chip, params=FIRST), **hub}],
        "open_a_session": longer,
        "old_open_a_session": [{**longer[0], "instance": hub_path(alice.instance)}],
        "book_a_window": [
            {"backend": chip.name, "start": _text(when * DAY), "duration": 3600, "mode": mode}
            for when, mode in ((8, "dedicated"), (9, "priority"))
        ],
        "plan_calibrations": [{"backend": chip.name, "name": "weekly", "rrule": "FREQ=WEEKLY"}],
        "ask_for_a_calibration": [{"backend": chip.name, "experiments": ["T1"]}, {"backend": chip.name}],
        "subscribe": [HOOK, {"channel": "mail", "kinds": ["job.ended"], "address": ""}],
        "exchange_an_api_key_for_a_token": [
            {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": key}
        ],
        "exchange_an_api_key_for_an_old_token": [{"apiToken": key}],
        "search_instances": [{"query": "service_name:quantum-computing", "fields": ["crn", "name"]}],
        "extend_a_session": [{"max_ttl": 1200}, {"max_ttl": "20m"}],
        "change_the_limits": [{"over_limit": "wait"}, {"max_pending_jobs": 50}, {"instance_limit": None}],
    }
    for name, bodies in more.items():
        world.bodies[name] += bodies
    for name in [name for name in world.bodies if f"old_{name}" not in world.bodies]:
        world.bodies[f"old_{name}"] = world.bodies[name]


def _about(shown: Any, world: World, caller: Caller) -> Any:
    """The example with names of what exists in the place of the recorded ones."""
    body = json.loads(json.dumps(shown))
    if "backend" in body:
        body["backend"] = world.places["fridge"][0]
    if "instance" in body:
        body["instance"] = caller.instance.crn
    if "address" in body:
        body["address"] = HOOK["address"]
    body.pop("session_id", None)
    return body


def _text(seconds: float) -> str:
    return at(seconds).isoformat()


def make_people(alice: Caller) -> dict[str, Caller]:
    """Alice, who writes, and a member of every other role; the operator is a reader."""
    found = {"reader": make_caller(alice.instance, Role.READER), "writer": alice}
    found["manager"] = make_caller(alice.instance, Role.MANAGER)
    found["operator"] = make_caller(alice.instance, Role.READER, is_operator=True, email="olga@example.org")
    return {name: _of_all_ages(each) for name, each in found.items()}


def _of_all_ages(caller: Caller) -> Caller:
    """With the header of old clients, too."""
    token = caller.headers["Authorization"].removeprefix("Bearer ")
    return replace(caller, headers={**caller.headers, "X-Access-Token": token})
