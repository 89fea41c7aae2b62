"""Why a job waits: every kind of waiting, and what a reader is told of it (E1)."""

from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from quantumsvc.scheduling.explain import Blocker, Kind, Reason, Waiting, explain
from quantumsvc.scheduling.fairshare import Books, Share
from quantumsvc.scheduling.queued import Bar, QueuedJob
from quantumsvc.scheduling.snapshot import RunningJob, Snapshot
from quantumsvc.scheduling.words import blocker_for, sentence
from tests.scheduling.making import active, job, window
from tests.scheduling.times import at

ME = job("me", 5, of="a/ann", takes=10)
ELDER, COLLEAGUE, STRANGER = job("elder", 1), job("mate", 2, of="a/abe"), job("other", 1, of="b/bob")
OF_SESSION = job("next", 3, "s", of="b/bob")
BUSY = RunningJob(id="busy", started_at=at(5), instance="b", user="bob")
THEIRS = {"of": "b/bob"}
NOW = Snapshot(now=at(9))


def seen(*heads: QueuedJob, **over: object) -> Snapshot:
    return replace(NOW, heads=heads, **over)  # type: ignore[arg-type]


def because(
    reason: str, rule: str, kind: str = "", ident: str = "", of: str | None = None, until: float | None = None
) -> Waiting:
    blocker = Blocker(Kind(kind), ident, of) if kind else None
    return Waiting("me", Reason(reason), rule, blocker, None if until is None else at(until))


@dataclass(frozen=True)
class Case:
    name: str
    snapshot: Snapshot
    want: Waiting
    words: str
    me: QueuedJob = ME


BEHIND_SESSION = active(head=OF_SESSION, of="b/bob")
CASES = [
    Case("S7 nothing is in its way", seen(ME), because("next", "S7"), "It is next and starts at once."),
    Case(
        "S1 it is next, and a job runs",
        seen(ME, running=BUSY),
        because("running_job", "S1", "job", "busy", "b"),
        "It is next, after a job of another instance, which is running.",
    ),
    Case(
        "S2 it is next, and a system job runs",
        seen(ME, running=replace(BUSY, instance=None)),
        because("running_job", "S1", "system_job", "busy"),
        "It is next, after a calibration or maintenance job, which is running.",
    ),
    Case(
        "S2 a system job is due",
        seen(ME, running=BUSY, system=(job("cal", 4, of="/"),)),
        because("system_job", "S2", "system_job", "cal"),
        "It waits for a calibration or maintenance job.",
    ),
    Case(
        "S4 a session of others has a job waiting",
        seen(ME, active=BEHIND_SESSION),
        because("session_active", "S4", "session", "s", "b", 1000),
        "The backend works for a session of another instance until 12:17 UTC at the latest.",
    ),
    Case(
        "S4 a dedicated session of others has a job running",
        seen(ME, running=replace(BUSY, session="s"), active=active(of="b/bob")),
        because("session_active", "S4", "session", "s", "b", 1000),
        "The backend works for a session of another instance until 12:17 UTC at the latest.",
    ),
    Case(
        "S6 a batch of others has its last job running",
        seen(ME, running=replace(BUSY, session="s"), active=active("batch", of="b/bob")),
        because("running_job", "S1", "job", "busy", "b"),
        "It is next, after a job of another instance, which is running.",
    ),
    Case(
        "L9 a closing session of others has its last job running",
        seen(ME, running=replace(BUSY, session="s"), active=active(of="b/bob", accepting=False)),
        because("running_job", "S1", "job", "busy", "b"),
        "It is next, after a job of another instance, which is running.",
    ),
    Case(
        "S4 its own session has an older job",
        seen(ME, active=active(head=job("first", 1, "s"))),
        because("older_job_of_session", "S4", "job", "first", "a"),
        "It waits for job first, which its session sent before it.",
        replace(ME, session="s"),
    ),
    Case(
        "S5 a session of others holds the backend",
        seen(ME, active=active(idle_until=300, of="b/bob")),
        because("session_holds", "S5", "session", "s", "b", 300),
        "The backend is held for a session of another instance until 12:05 UTC at the latest.",
    ),
    Case(
        "S5 a session of its own instance holds the backend",
        seen(ME, active=active(idle_until=300.1)),
        because("session_holds", "S5", "session", "s", "a", 300.1),
        "The backend is held for session s until 12:06 UTC at the latest.",
    ),
    Case(
        "S5 a system job runs while a session holds the backend",
        seen(ME, running=replace(BUSY, instance=None), active=active(idle_until=300, of="b/bob")),
        because("session_holds", "S5", "session", "s", "b", 300),
        "The backend is held for a session of another instance until 12:05 UTC at the latest.",
    ),
    Case(
        "L6 a session whose ITTL is over holds nothing, written down or not",
        seen(ME, active=active(idle_until=9, of="b/bob")),
        because("next", "S7"),
        "It is next and starts at once.",
    ),
    Case(
        "W2 a session of others keeps the backend until a window",
        seen(ME, active=active(head=replace(OF_SESSION, expected=timedelta(hours=1)), of="b/bob"),
             windows=(window(20, 50, "a"),)),
        because("session_holds", "W2", "session", "s", "b", 20),
        "The backend is held for a session of another instance until 12:01 UTC at the latest.",
    ),
    Case(
        "S3 the time is reserved for others",
        seen(ME, windows=(window(5, 60, "b"),)),
        because("window_of_others", "S3", "window", "w5", "b", 60),
        "The backend is reserved: a reservation of another instance until 12:01 UTC at the latest.",
    ),
    Case(
        "S3 the time is reserved for others of its instance",
        seen(ME, windows=(window(5, 60, "a", users="abe"),)),
        because("window_of_others", "S3", "window", "w5", "a", 60),
        "The backend is reserved: reservation w5 until 12:01 UTC at the latest.",
    ),
    Case(
        "S3 it is next to fill the time that others leave unused",
        seen(ME, windows=(window(5, 60, "b", lends=600),)),
        because("next", "S3"),
        "It is next and starts at once.",
    ),
    Case(
        "W2 it would not end before maintenance",
        seen(ME, windows=(window(15, 60),)),
        because("window_ahead", "W2", "window", "w15", None, 60),
        "It would not end before maintenance, which lasts until 12:01 UTC at the latest.",
    ),
    Case(
        "S9 jobs sent inside a priority window go first",
        seen(ME, job("vip", 6, of="b/bob"), windows=(window(6, 60, "b", "priority"),)),
        because("reserved_job", "S9", "window", "w6", "b", 60),
        "Jobs of a reservation of another instance go first until 12:01 UTC at the latest.",
    ),
    Case(
        "F3 its user has an older job",
        seen(ELDER),
        because("older_job_of_user", "F3", "job", "elder", "a"),
        "It waits for job elder, an older job of the same user.",
    ),
    Case(
        "F3 its user has an older job, and others are next",
        seen(ELDER, STRANGER, books=Books([Share(id="a", used=1)])),
        because("older_job_of_user", "F3", "job", "elder", "a"),
        "It waits for job elder, an older job of the same user.",
    ),
    Case(
        "F3 another user of its instance is next",
        seen(ME, COLLEAGUE),
        because("fair_share", "F3", "job", "mate", "a"),
        "Fair share gives the next turn to job mate.",
    ),
    Case(
        "F2 another instance is next",
        seen(ME, STRANGER, running=BUSY),
        because("fair_share", "F2", "job", "other", "b"),
        "Fair share gives the next turn to a job of another instance.",
    ),
    Case(
        "S10 the backend is offline",
        seen(ME, online=False),
        because("backend_offline", "S10"),
        "The backend is offline.",
    ),
    Case(
        "S10 the backend is offline, paused or not",
        seen(ME, online=False, paused=True),
        because("backend_offline", "S10"),
        "The backend is offline.",
    ),
    Case(
        "S10 the queue is paused",
        seen(ME, paused=True),
        because("queue_paused", "S10"),
        "The queue of the backend is paused.",
    ),
    Case(
        "S10 its instance has used up its time",
        seen(online=False),
        because("instance_limit", "S10"),
        "The instance has used all the time that its limit allows.",
        replace(ME, barred=Bar.INSTANCE_LIMIT),
    ),
    Case(
        "S10 its instance is archived",
        seen(),
        because("instance_inactive", "S10"),
        "The instance is not active.",
        replace(ME, barred=Bar.INSTANCE_INACTIVE),
    ),
    Case(
        "S10 its user is suspended",
        seen(),
        because("user_suspended", "S10"),
        "The user is not active.",
        replace(ME, barred=Bar.USER_SUSPENDED),
    ),
    Case(
        "L8 its session is over",
        seen(),
        because("session_over", "L8"),
        "Its session has reached its maximum time to live.",
        replace(ME, session="t", expires_at=at(9)),
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_says_why_a_job_waits(case: Case) -> None:
    waiting = explain(case.snapshot, [case.me])["me"]
    assert waiting == case.want
    assert sentence(waiting, {"a"}, at(9)) == case.words


def test_every_reason_is_shown_by_a_case() -> None:
    assert {case.want.reason for case in CASES} == set(Reason)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_names_nothing_of_others(case: Case) -> None:
    waiting = explain(case.snapshot, [case.me])["me"]
    shown = blocker_for(waiting.blocker, {"a"})
    if waiting.blocker and waiting.blocker.instance == "b":
        assert shown == Blocker(waiting.blocker.kind, "", None)
        assert waiting.blocker.id not in sentence(waiting, {"a"}, at(9)).split()
        assert waiting.blocker.id in sentence(waiting, {"a", "b"}, at(9))
    elif waiting.blocker and waiting.blocker.instance == "a":
        assert shown == waiting.blocker


def test_it_keeps_the_places_it_is_given() -> None:
    waits = explain(seen(ME, STRANGER), [ME, STRANGER], {"me": 2})
    assert (waits["me"].place, waits["other"].place) == (2, None)


def test_it_tells_the_readers_own_time_and_names_another_day() -> None:
    waiting = Waiting("me", Reason.SESSION_HOLDS, "S5", None, at(12 * 3600))
    words = sentence(waiting, set(), at(0), ZoneInfo("Asia/Tokyo"))
    assert words == "The backend is held for other work until 09:00 on 22 November JST at the latest."
    assert "until 00:00 on 22 November UTC" in sentence(waiting, set(), at(0))
