"""What time does to a session."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from quantumsvc.scheduling.states import (
    JOB_MOVES,
    SESSION_MOVES,
    TERMINAL_JOB_STATES,
    Cause,
    JobState,
    SessionState,
    job_sources,
    session_sources,
    session_words,
)
from quantumsvc.scheduling.timers import (
    Change,
    SessionFacts,
    due_changes,
    effective_state,
    idle_deadline_after,
    next_deadline,
)
from tests.scheduling.times import at

OPEN = SessionFacts(
    state=SessionState.OPEN,
    accepting_jobs=True,
    created_at=at(0),
    max_ttl=1000,
    interactive_ttl=300,
    unused_ttl=1800,
)
ACTIVE = replace(OPEN, state=SessionState.ACTIVE, started_at=at(10), has_jobs=True)
IDLE = replace(ACTIVE, interactive_deadline=at(400))
INACTIVE = replace(ACTIVE, state=SessionState.INACTIVE)
CLOSED = replace(ACTIVE, state=SessionState.CLOSED, accepting_jobs=False)


@dataclass(frozen=True)
class Case:
    name: str
    facts: SessionFacts
    now: float
    want: tuple[Change, ...]
    want_next: float | None


GOES_INACTIVE = Change(SessionState.INACTIVE, at(400), Cause.INTERACTIVE_TTL)
CLOSES = Change(SessionState.CLOSED, at(1010), Cause.MAX_TTL)
UNUSED = Change(SessionState.CLOSED, at(1800), Cause.NEVER_USED)

ENDS = Change(SessionState.INACTIVE, at(300), Cause.WINDOW_ENDED, waiting_fail=True)
IN_WINDOW = replace(ACTIVE, window_pause=ENDS)

CASES = [
    Case("W4 the end of its window is a session's deadline", IN_WINDOW, 299, (), 300),
    Case("W4 then it is inactive", IN_WINDOW, 300, (ENDS,), 300),
    Case(
        "W4 the ITTL may end before",
        replace(IN_WINDOW, interactive_deadline=at(200)),
        300,
        (replace(GOES_INACTIVE, at=at(200)),),
        200,
    ),
    Case("W4 or after", replace(IN_WINDOW, interactive_deadline=at(400)), 500, (ENDS,), 300),
    Case(
        "W4 at one instant, the window counts",
        replace(IN_WINDOW, interactive_deadline=at(300)),
        300,
        (ENDS,),
        300,
    ),
    Case(
        "W4 a window does nothing to a session that is not active",
        replace(IN_WINDOW, state=SessionState.INACTIVE),
        500,
        (),
        1010,
    ),
    Case("L2 a new session waits for its first job", OPEN, 1799, (), 1800),
    Case("L2 a session never used is closed after half an hour", OPEN, 1800, (UNUSED,), 1800),
    Case("L2 not when that is switched off", replace(OPEN, unused_ttl=0), 9999, (), None),
    Case("L2 not when it got a job that still waits", replace(OPEN, has_jobs=True), 9999, (), None),
    Case("L3 max TTL counts from the first job's start", ACTIVE, 1009, (), 1010),
    Case("L8 at max TTL a session closes", ACTIVE, 1010, (CLOSES,), 1010),
    Case("L4 max TTL goes on while inactive", INACTIVE, 1010, (CLOSES,), 1010),
    Case("L5 before the ITTL ends nothing happens", IDLE, 399.999, (), 400),
    Case("L6 at the ITTL a session becomes inactive", IDLE, 400, (GOES_INACTIVE,), 400),
    Case("L6 L8 both deadlines passed while nobody looked", IDLE, 5000, (GOES_INACTIVE, CLOSES), 400),
    Case(
        "L8 max TTL before the ITTL closes at once",
        replace(IDLE, interactive_deadline=at(1200)),
        5000,
        (CLOSES,),
        1010,
    ),
    Case(
        "L8 both at the same instant: closed",
        replace(IDLE, interactive_deadline=at(1010)),
        1010,
        (CLOSES,),
        1010,
    ),
    Case(
        "L2 a session that has been active is not closed as never used",
        replace(ACTIVE, has_jobs=False, unused_ttl=100),
        500,
        (),
        1010,
    ),
    Case(
        "L6 an inactive session has no ITTL", replace(INACTIVE, interactive_deadline=at(400)), 500, (), 1010
    ),
    Case("L8 a closed session stays closed", CLOSED, 9999, (), None),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_makes_changes_due(case: Case) -> None:
    now = at(case.now)
    assert due_changes(case.facts, now) == case.want
    assert next_deadline(case.facts) == (None if case.want_next is None else at(case.want_next))
    assert effective_state(case.facts, now) == (case.want[-1].state if case.want else case.facts.state)


def test_it_starts_the_ittl_when_the_last_job_ends() -> None:
    assert idle_deadline_after(ACTIVE, at(50), queued=False) == at(50) + timedelta(seconds=300)
    assert idle_deadline_after(ACTIVE, at(50), queued=True) is None
    assert idle_deadline_after(replace(ACTIVE, accepting_jobs=False), at(50), queued=False) is None


def test_it_never_leaves_a_terminal_state() -> None:
    assert set(TERMINAL_JOB_STATES) == {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}
    for target in JobState:
        assert not job_sources(target) & set(TERMINAL_JOB_STATES)
    assert SESSION_MOVES[SessionState.CLOSED] == frozenset()


def test_it_allows_exactly_these_moves() -> None:
    moves = {(source.value, target.value) for source, targets in JOB_MOVES.items() for target in targets}
    assert moves == {
        ("queued", "running"), ("queued", "cancelled"), ("queued", "failed"), ("running", "completed"),
        ("running", "failed"), ("running", "cancelled"), ("running", "queued"),
    }  # fmt: skip
    assert session_sources(SessionState.OPEN) == frozenset()
    assert session_sources(SessionState.ACTIVE) == {SessionState.OPEN, SessionState.INACTIVE}


@pytest.mark.parametrize(
    ("state", "accepting", "words"),
    [
        (SessionState.OPEN, True, "Pending"),
        (SessionState.INACTIVE, False, "Pending"),
        (SessionState.ACTIVE, True, "In progress, accepting new jobs"),
        (SessionState.ACTIVE, False, "In progress, not accepting new jobs"),
        (SessionState.CLOSED, False, "Closed"),
    ],
)
def test_it_says_the_four_words_of_l16(state: SessionState, accepting: bool, words: str) -> None:
    assert session_words(state, accepting) == words
