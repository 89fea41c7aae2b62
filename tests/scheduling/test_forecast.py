"""Expected starts: the same rules, run forward (E1)."""

from dataclasses import replace
from datetime import datetime, timedelta

from quantumsvc.scheduling.explain import explain
from quantumsvc.scheduling.fairshare import Books, Meter, Share
from quantumsvc.scheduling.forecast import Estimate, Expectation, WaitingSession, forecast
from quantumsvc.scheduling.policy import Start, decide
from quantumsvc.scheduling.queued import Bar, QueuedJob
from quantumsvc.scheduling.snapshot import RunningJob, Snapshot
from quantumsvc.scheduling.states import SessionMode
from tests.scheduling.making import active, job, window
from tests.scheduling.times import at

NOW = Snapshot(now=at(10))


def given(*queue: QueuedJob, **over: object) -> Snapshot:
    return replace(NOW, heads=queue, **over)  # type: ignore[arg-type]


def likely(snapshot: Snapshot, *queue: QueuedJob, **over: object) -> dict[str, datetime | None]:
    return {ident: each.likely for ident, each in forecast(snapshot, queue, **over).items()}  # type: ignore[arg-type]


A, B, C = (job(name, number, takes=10) for number, name in enumerate("ABC"))


def test_it_starts_one_after_another() -> None:
    got = forecast(given(A, B, C), [C, B, A])
    assert [(got[name].place, got[name].likely) for name in "ABC"] == [(1, at(10)), (2, at(20)), (3, at(30))]


def test_it_begins_when_the_running_job_ends_and_never_before_now() -> None:
    running = RunningJob(id="r", started_at=at(5), instance="b", user="bob", expected=timedelta(seconds=20))
    assert likely(given(A, running=running), A) == {"A": at(25)}
    overdue = replace(running, expected=timedelta(seconds=1))
    assert likely(given(A, running=overdue), A) == {"A": at(10)}


def test_it_gives_a_range_when_estimates_are_uncertain() -> None:
    estimates = {"A": Estimate(timedelta(seconds=1), timedelta(seconds=5), timedelta(seconds=50))}
    got = forecast(given(A, B), [A, B], estimates)
    assert got["B"] == Expectation(2, at(11), at(15), at(60))


def test_it_knows_that_an_idle_session_may_be_gone_or_come_back() -> None:
    held = active(idle_until=100, ends=500, of="b/bob")
    assert forecast(given(A, active=held), [A])["A"] == Expectation(1, at(10), at(100), at(500))


def test_it_runs_the_active_sessions_jobs_first_and_then_holds() -> None:
    ours = job("ours", 9, "s", of="b/bob", takes=10)
    held = active(head=ours, ends=900, of="b/bob")
    got = forecast(given(A, ours, active=held), [A, ours])
    assert got["ours"] == Expectation(1, at(10), at(10), at(10))
    assert got["A"] == Expectation(2, at(20), at(320), at(900))


def test_it_counts_the_hold_from_the_end_of_the_sessions_running_job() -> None:
    running = RunningJob(
        id="r", started_at=at(5), instance="b", user="bob", session="s", expected=timedelta(seconds=15)
    )
    held = active(ends=900, of="b/bob")
    assert likely(given(A, running=running, active=held), A) == {"A": at(320)}


def test_it_prioritises_a_waiting_session_from_its_first_job_on() -> None:
    one, two = (job(f"s{n}", n, "t", of="b/bob", takes=10) for n in (1, 7))
    session = WaitingSession(
        id="t", instance="b", user="bob", mode=SessionMode.BATCH, interactive_ttl=60, max_ttl=1000
    )
    queue = (A, job("A2", 6, takes=10), one, two)
    got = likely(given(*queue), *queue, sessions=[session])
    assert got == {"A": at(10), "s1": at(20), "s7": at(30), "A2": at(40)}
    alone = likely(given(*queue), *queue)
    assert (alone["s7"], alone["A2"]) == (at(40), at(30)), "without its session known, a job stands alone"


def test_it_expects_nothing_of_jobs_that_cannot_start() -> None:
    gone = WaitingSession(
        id="t", instance="b", user="bob", mode=SessionMode.DEDICATED, interactive_ttl=60, max_ttl=1000,
        ends_at=at(15),
    )  # fmt: skip
    late = job("late", 5, "t", of="b/bob", takes=10)
    barred = replace(job("barred", 0, of="c/cy"), barred=Bar.USER_SUSPENDED)
    got = forecast(given(A, B, late, barred), [A, late, barred], sessions=[gone])
    assert got["A"].likely == at(10)
    assert (got["late"], got["barred"]) == (Expectation(), Expectation())
    assert forecast(given(A, online=False), [A]) == {"A": Expectation()}
    assert forecast(given(A, paused=True), [A]) == {"A": Expectation()}


def test_it_goes_around_windows() -> None:
    long = job("long", 0, takes=100)
    got = likely(given(long, B, windows=(window(50, 80),)), long, B)
    assert got == {"B": at(10), "long": at(80)}


def test_it_knows_that_a_window_takes_the_backend_from_what_runs() -> None:
    running = RunningJob(
        id="r", started_at=at(5), submitted_at=at(2), instance="c", user="cy", expected=timedelta(seconds=60)
    )
    theirs = job("theirs", 6, of="b/bob", takes=10)
    held = (window(30, 50, "b"),)
    got = likely(given(B, theirs, running=running, windows=held), B, theirs)
    assert got == {"theirs": at(30), "B": at(50)}, (
        "B was sent before the running job, which goes back to its place"
    )
    drained = likely(given(B, theirs, running=running, windows=held, drains=True), B, theirs)
    assert drained == {"B": at(65), "theirs": at(75)}


def test_it_counts_what_is_being_charged() -> None:
    books = Books([Share(id="a"), Share(id="b", used=15_000_000)])
    other = job("other", 9, of="b/bob", takes=10)
    meters = (Meter(instance="a", user="ann", since=at(-10)),)
    assert likely(given(A, other, books=books, meters=meters), A, other) == {"other": at(10), "A": at(20)}
    assert books.used("a") == 0, "a forecast leaves the books alone"


def test_it_can_stop_when_it_knows_enough() -> None:
    got = forecast(given(A, B, C), [A, B, C], only="B")
    assert (got["B"].likely, got["C"].likely) == (at(20), None)


def test_its_first_start_is_what_would_be_decided() -> None:
    queue = (A, job("x", 3, of="b/bob"), job("y", 4, of="c/cy"))
    snapshot = given(
        *queue, books=Books([Share(id="a", used=5), Share(id="b", used=9), Share(id="c", used=1)])
    )
    decision = decide(snapshot)
    assert isinstance(decision, Start)
    places = {ident: each.place or 0 for ident, each in forecast(snapshot, queue).items()}
    assert places[decision.job.id] == 1
    assert explain(snapshot, queue, places)[decision.job.id].place == 1
