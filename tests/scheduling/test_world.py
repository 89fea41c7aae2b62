"""The rules over time, in a world that only carries them out: short stories, named by rule."""

from datetime import datetime, timedelta

import pytest

from quantumsvc.scheduling.actors import ForbiddenMove, Sitting, Work
from quantumsvc.scheduling.fairshare import Books, Share
from quantumsvc.scheduling.policy import Hold, Idle, Start, Stop
from quantumsvc.scheduling.queued import QueuedJob
from quantumsvc.scheduling.states import JobState, SessionMode, SessionState
from quantumsvc.scheduling.timeline import Timeline
from quantumsvc.scheduling.windows import Window
from quantumsvc.scheduling.world import World
from tests.scheduling.making import job, window
from tests.scheduling.times import at


def sitting(ident: str = "s", of: str = "a/ann", mode: str = "dedicated", max_ttl: int = 1000) -> Sitting:
    instance, user = of.split("/")
    return Sitting(
        id=ident, instance=instance, user=user, mode=SessionMode(mode), max_ttl=max_ttl, interactive_ttl=60,
        unused_ttl=1800, created_at=at(0),
    )  # fmt: skip


class Story:
    """A world whose bells are heard, told in seconds."""

    def __init__(
        self, *sittings: Sitting, shares: tuple[Share, ...] = (), windows: tuple[Window, ...] = ()
    ) -> None:
        self.world = World(Books(shares), windows)
        for each in sittings:
            self.world.open_session(each)

    def send(self, when: float, *jobs: QueuedJob) -> None:
        for each in jobs:
            self.world.submit(each, at(when))

    def starts(self, when: float) -> str | None:
        decision = self.world.look(at(when))
        return decision.job.id if isinstance(decision, Start) else None

    def ends(self, when: float, state: JobState = JobState.COMPLETED) -> None:
        self.world.finish(at(when), state)


def test_l5_l6_a_sessions_next_job_reactivates_it_after_its_ttl() -> None:
    s = sitting()
    story = Story(s)
    story.send(0, job("one", 0, "s"), job("foreign", 1, of="b/bob"))
    assert story.starts(2) == "one"
    story.ends(10)
    assert story.world.look(at(10)) == Hold(at(70), "S5", "s")
    story.send(70, job("two", 70, "s"))
    assert (s.state, story.starts(70)) == (SessionState.INACTIVE, "foreign")
    story.ends(90)
    assert (story.starts(90), s.state, s.started_at) == ("two", SessionState.ACTIVE, at(2))
    assert s.activated_at == at(90)


def test_l8_at_max_ttl_waiting_jobs_fail_and_a_running_one_completes() -> None:
    s = sitting(max_ttl=50)
    story = Story(s)
    story.send(0, job("one", 0, "s"), job("two", 1, "s"))
    story.starts(0)
    story.ends(60)
    assert story.world.jobs["one"].state is JobState.COMPLETED
    assert (story.world.jobs["two"].state, story.world.jobs["two"].finished_at) == (JobState.FAILED, at(50))
    assert (s.state, s.closed_at) == (SessionState.CLOSED, at(50))
    assert not story.world.submit(job("three", 61, "s"), at(61))


def test_l11_cancelling_the_first_job_fails_the_others() -> None:
    s = sitting()
    story = Story(s)
    story.send(0, job("one", 0, "s"), job("two", 1, "s"))
    story.world.cancel_job("one", at(5))
    assert (story.world.jobs["two"].state, s.state) == (JobState.FAILED, SessionState.CLOSED)


def test_l17_a_dedicated_session_pays_for_its_time_and_a_batch_for_its_jobs() -> None:
    story = Story(sitting(), sitting("t", "b/bob", "batch"))
    story.send(0, job("one", 0, "s"), job("two", 0, "t", of="b/bob"))
    assert story.starts(0) == "one"
    story.ends(10)
    assert story.starts(70) == "two"
    story.ends(75)
    story.world.settle(at(200))
    seconds = {name: used / 1e6 for name, used in story.world.ledger.charged.items()}
    assert seconds == {"a": 70, "b": 5}


def test_l17_a_job_that_outlives_its_session_pays_the_rest() -> None:
    story = Story(sitting(max_ttl=10))
    story.send(0, job("one", 0, "s"))
    story.starts(0)
    story.ends(25)
    assert story.world.ledger.charged == {"a": 25_000_000}
    assert story.world.books.used("a") == 25_000_000


def test_j2_a_lost_attempt_goes_back_to_its_place_and_fails_the_third_time() -> None:
    story = Story()
    story.send(0, job("one", 0), job("two", 1))
    for _ in range(2):
        assert story.starts(2) == "one"
        story.world.lose(at(2))
    assert story.starts(2) == "one"
    story.world.lose(at(2))
    assert (story.world.jobs["one"].state, story.starts(2)) == (JobState.FAILED, "two")


def test_j2_a_lost_attempt_of_a_closed_session_is_not_tried_again() -> None:
    story = Story(sitting(max_ttl=10))
    story.send(0, job("one", 0, "s"))
    story.starts(0)
    story.world.lose(at(11))
    assert story.world.jobs["one"].state is JobState.FAILED


def test_j1_a_terminal_state_never_changes() -> None:
    work = Work(job("one"), JobState.COMPLETED)
    with pytest.raises(ForbiddenMove):
        work.move(JobState.QUEUED)
    closed = sitting()
    closed.state = SessionState.CLOSED
    with pytest.raises(ForbiddenMove):
        closed.move(SessionState.ACTIVE)


def test_w3_a_session_gives_way_to_a_window_of_others() -> None:
    s = sitting()
    world = World(windows=[window(20, 50)])
    world.open_session(s)
    world.submit(job("one", 0, "s", takes=5), at(0))
    world.look(at(0))
    world.finish(at(5), JobState.COMPLETED)
    assert world.look(at(6)) == Hold(at(20), "S5", "s")
    assert world.look(at(20)) == Idle("S7", at(50))
    assert s.state is SessionState.INACTIVE
    assert world.ledger.charged == {"a": 20_000_000}


def test_w2_what_must_give_way_goes_back_to_its_place_and_pays_nothing() -> None:
    story = Story(windows=(window(20, 50, "b"),))
    story.send(0, job("one", 0), job("two", 1), job("theirs", 2, of="b/bob"))
    assert story.starts(0) == "one"
    assert story.world.look(at(20)) == Stop("one", "w20", "W2")
    assert (story.world.jobs["one"].state, story.world.jobs["one"].lost_attempts) == (JobState.QUEUED, 0)
    assert story.world.ledger.charged == {}
    assert story.starts(20) == "theirs"
    story.ends(30)
    assert story.starts(30) is None
    assert story.starts(50) == "one"


def test_w3_a_stopped_job_of_a_session_reactivates_it_after_the_window() -> None:
    s = sitting()
    story = Story(s, windows=(window(20, 50, "b"),))
    story.send(0, job("one", 0, "s"), job("two", 1, "s"))
    story.starts(0)
    assert story.starts(20) is None
    assert (s.state, s.line.head(), s.ends_at) == (
        SessionState.INACTIVE,
        story.world.jobs["one"].entry,
        at(1000),
    )
    assert story.world.ledger.charged == {"a": 20_000_000}, "the session had the backend for that time"
    assert (story.starts(50), s.activated_at, s.started_at) == ("one", at(50), at(0))


def test_w2_l8_what_ran_when_its_session_closed_is_not_lost_if_it_must_give_way() -> None:
    s = sitting(max_ttl=10)
    story = Story(s, windows=(window(20, 50, "b"),))
    story.send(0, job("one", 0, "s"))
    story.starts(0)
    story.world.look(at(20))
    assert (s.state, story.world.jobs["one"].state) == (SessionState.CLOSED, JobState.QUEUED)
    assert story.starts(50) == "one"
    story.ends(55)
    assert (story.world.jobs["one"].state, s.state) == (JobState.COMPLETED, SessionState.CLOSED)
    assert story.world.ledger.charged == {"a": 15_000_000}, "ten seconds of the session, five of its own"


@pytest.mark.parametrize(("policy", "state"), [("release", JobState.QUEUED), ("fail", JobState.FAILED)])
def test_w4_at_the_end_of_a_window_its_session_is_inactive_and_its_policy_holds(
    policy: str, state: JobState
) -> None:
    s = sitting()
    story = Story(s, windows=(window(0, 20, "a", policy=policy),))
    story.send(0, job("one", 0, "s"), job("two", 1, "s"), job("alone", 2))
    story.starts(0)
    story.world.settle(at(20))
    assert (s.state, story.world.jobs["two"].state, s.accepting_jobs) == (SessionState.INACTIVE, state, True)
    assert (story.world.jobs["one"].state, story.world.jobs["alone"].state) == (
        JobState.RUNNING,
        JobState.QUEUED,
    )


def test_w4_l9_a_closing_session_closes_when_its_last_jobs_fail_at_the_end_of_a_window() -> None:
    s = sitting()
    story = Story(s, windows=(window(5, 20, "a", policy="fail"),))
    story.send(0, job("one", 0, "s"), job("two", 1, "s"))
    story.starts(0)
    story.ends(3)
    story.world.online = False
    story.world.close_session("s", at(6))
    story.world.settle(at(30))
    assert (s.state, s.closed_at) == (SessionState.CLOSED, at(20))


def test_w2_an_owner_who_releases_the_rest_of_a_window_lets_others_start() -> None:
    s = sitting(of="b/bob")
    story = Story(s, windows=(window(0, 50, "b"),))
    story.send(0, job("theirs", 0, "s", of="b/bob"), job("one", 0))
    story.starts(0)
    story.ends(10)
    assert story.starts(10) is None
    story.world.release("w0", at(12))
    assert (s.state, story.starts(12)) == (SessionState.INACTIVE, "one")


def test_w2_a_window_that_is_cancelled_stops_nobody() -> None:
    story = Story(windows=(window(20, 50, "b"),))
    story.send(0, job("one", 0))
    story.starts(0)
    story.world.withdraw("w20", at(10))
    assert story.world.look(at(20)) == Idle("S1")


def test_w2_in_virtual_time_a_stopped_job_runs_anew_after_the_window() -> None:
    world = World(windows=[window(20, 50, "b"), window(60, 61)])
    times: list[tuple[str, str, datetime]] = []
    timeline = Timeline(
        world,
        at(0),
        lambda work: timedelta(seconds=30),
        started=lambda work, now: times.append(("starts", work.entry.id, now)),
        ended=lambda work, now: times.append(("ends", work.entry.id, now)),
    )
    world.admit(job("one", 0, takes=1))
    world.admit(job("theirs", 0, of="b/bob", takes=30))
    world.books.charge("b", "bob", 10)
    timeline.run(at(200))
    assert times == [
        ("starts", "one", at(0)),
        ("starts", "theirs", at(20)),
        ("ends", "theirs", at(50)),
        ("starts", "one", at(50)),
        ("starts", "one", at(61)),
        ("ends", "one", at(91)),
    ]


def test_s2_in_virtual_time_a_system_job_starts_when_it_is_due_though_the_backend_is_held() -> None:
    world = World()
    world.open_session(sitting())
    world.admit(job("one", 0, "s"))
    world.submit_system(job("cal", 30, of="/"))
    starts: dict[str, datetime] = {}
    timeline = Timeline(
        world,
        at(0),
        lambda work: timedelta(seconds=5),
        started=lambda w, now: starts.update({w.entry.id: now}),
    )
    timeline.run(at(100))
    assert starts == {"one": at(0), "cal": at(30)}


@pytest.mark.parametrize("rivals", [1, 5])
def test_f5_a_job_starts_though_others_send_without_end(rivals: int) -> None:
    """Others' jobs take a second; the victim has used ten minutes more than each of them."""
    names = [f"r{number}" for number in range(rivals)]
    world = World(Books([Share(id="a", used=600 * 10**6), *(Share(id=name, shares=3) for name in names)]))
    timeline = Timeline(world, at(0), lambda work: work.entry.expected, ended=lambda w, now: flood(now))
    count = iter(range(10**6))

    def flood(now: datetime) -> None:
        for name in names:
            number = next(count)
            world.submit(entry(f"{number:06d}", now, name), now)

    flood(at(0))
    world.submit(entry("victim", at(1), "a"), at(1))
    timeline.run(at(3 * 600 * rivals + 100))
    started = world.jobs["victim"].started_at
    assert started is not None
    assert started <= at(3 * 600 * rivals + rivals + 2)


def test_f5_even_jobs_that_cost_nothing_cannot_keep_it_away_for_longer_than_the_window() -> None:
    world = World(Books([Share(id="b")]))
    world.ledger.charge("a", "ann", at(-1), at(0))
    world.submit(job("victim", 1, of="a/ann"), at(1))
    for day in range(28):
        world.submit(entry(f"free{day:02d}", at(day * 86400 + 1.5), "b"), at(day * 86400 + 2))
        decision = world.look(at(day * 86400 + 2))
        assert isinstance(decision, Start)
        assert decision.job.instance == "b"
        world.cancel_job(decision.job.id, at(day * 86400 + 2))
    world.submit(entry("free28", at(28 * 86400), "b"), at(28 * 86400))
    decision = world.look(at(28 * 86400))
    assert isinstance(decision, Start)
    assert decision.job.id == "victim"


def entry(ident: str, now: datetime, instance: str) -> QueuedJob:
    second = timedelta(seconds=1)
    return QueuedJob(id=ident, submitted_at=now, instance=instance, user="u", expected=second)
