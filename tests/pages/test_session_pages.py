"""The list of sessions, the page of one, and ending it."""

import pytest

from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import Cause, SessionMode
from sessions_app.models import Job, Session
from sessions_app.pages import paging
from sessions_app.pages.words import CAUSES, duration
from sessions_app.services.submission import Author
from tests.api.conftest import Time
from tests.factories import open_, submit
from tests.pages.conftest import Reader, jobs_in
from tests.services.worker import Worker


@pytest.fixture
def busy(author: Author, backend: Backend, time: Time) -> Session:
    """A session with a job of each kind: ended, running, queued."""
    session = open_(author, backend)
    for when in (0, 1, 2):
        submit(author, backend, when, session_id=session.pk)
    worker = Worker(backend)
    worker.start(10)
    worker.start(13, end="completed")
    time.seconds = 20
    return session


def test_it_lists_sessions_with_their_status_and_jobs(
    busy: Session, backend: Backend, rita: Reader, olga: Reader
) -> None:
    row = f"Active In progress, accepting new jobs {busy.pk} dedicated {backend.name} the lab wanda 1 1 1"
    for reader in (rita, olga):
        assert row in reader.sees("/sessions")
    assert busy.pk in rita.sees("/sessions", state="active")
    assert "No session matches" in rita.sees("/sessions", state="closed")
    assert "No session matches" in rita.sees("/sessions", state="a\0b")


def test_it_lists_nothing_of_other_instances(busy: Session, stranger: Reader) -> None:
    text = stranger.sees("/sessions")
    assert "No sessions yet" in text
    assert busy.pk not in text


def test_it_pages_through_sessions(
    author: Author, backend: Backend, wanda: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "SIZE", 2)
    oldest, middle, newest = (open_(author, backend, when) for when in (1, 2, 3))
    first = wanda.sees("/sessions")
    assert newest.pk in first
    assert oldest.pk not in first
    second = wanda.sees("/sessions", before=paging.cursor_of(middle))
    assert oldest.pk in second
    assert middle.pk not in second


def test_it_tells_the_state_the_timers_the_jobs_and_the_history(busy: Session, rita: Reader) -> None:
    answer = rita.get(f"/sessions/{busy.pk}")
    text = rita.sees(f"/sessions/{busy.pk}")
    for part in (
        f"Session {busy.pk} Active In progress, accepting new jobs",
        "Accepts jobs yes Jobs 1 queued, 1 running, 1 ended",
        "Interactive time 5 min does not run now the session idles",
        "Maximum time to live 8 h 2026-11-21 20:00:10 7 h 59 min the session closes",
        "2026-11-21 12:00:00 Open created 10 s",
        "2026-11-21 12:00:10 Active chosen to run",
        f'Session.from_id("{busy.pk}"',
    ):
        assert part in text
    newest_first = busy.jobs.order_by("-created_at").values_list("pk", flat=True)
    assert jobs_in(answer) == list(newest_first)


def test_it_tells_when_the_interactive_time_runs_out(
    author: Author, backend: Backend, rita: Reader, time: Time
) -> None:
    batch = open_(author, backend, mode=SessionMode.BATCH)
    submit(author, backend, session_id=batch.pk)
    worker = Worker(backend)
    worker.start(1)
    worker.turn(2, end="completed")
    time.seconds = 12
    text = rita.sees(f"/sessions/{batch.pk}")
    assert "Interactive time 1 min 2026-11-21 12:01:02 50 s the session idles" in text
    assert "Batch.from_id" in text
    time.seconds = 63
    later = rita.sees(f"/sessions/{batch.pk}")
    assert f"Batch {batch.pk} Inactive Pending" in later
    assert "Inactive no job came within the interactive time" in later


def test_it_tells_when_an_unused_session_is_closed(
    author: Author, backend: Backend, rita: Reader, time: Time
) -> None:
    session = open_(author, backend)
    assert "Unused 30 min 2026-11-21 12:30:00 30 min the session closes" in rita.sees(
        f"/sessions/{session.pk}"
    )
    time.seconds = 1_801
    text = rita.sees(f"/sessions/{session.pk}")
    assert "Closed it was never used" in text
    assert "Timers" not in text


def test_it_lets_writers_close(busy: Session, wanda: Reader) -> None:
    path = f"/sessions/{busy.pk}"
    assert "It accepts no more jobs." in wanda.sees(f"{path}/close")
    assert Session.objects.get().accepting_jobs, "asking changes nothing"
    assert wanda.post(f"{path}/close")["Location"] == path
    text = wanda.sees(path)
    assert "In progress, not accepting new jobs" in text
    assert "Close…" not in text
    assert "Cancel…" in text
    assert "There is nothing left to do" in wanda.sees(f"{path}/close")


def test_it_lets_managers_cancel(busy: Session, max_: Reader) -> None:
    path = f"/sessions/{busy.pk}"
    assert "Queued jobs fail." in max_.sees(f"{path}/cancel")
    max_.post(f"{path}/cancel")
    text = max_.sees(path)
    assert "Closed the session was cancelled" in text
    assert "End it" not in text
    states = Job.objects.order_by("created_at").values_list("state", flat=True)
    assert list(states) == ["completed", "running", "failed"]
    assert "There is nothing left to do" in max_.sees(f"{path}/cancel")


@pytest.mark.parametrize("deed", ["close", "cancel"])
def test_it_lets_no_reader_end_a_session(busy: Session, rita: Reader, deed: str) -> None:
    path = f"/sessions/{busy.pk}"
    assert f"{path}/{deed}" not in rita.get(path).content.decode()
    assert rita.get(f"{path}/{deed}").status_code == 403
    assert rita.post(f"{path}/{deed}").status_code == 403
    session = Session.objects.get()
    assert (session.state, session.accepting_jobs) == ("active", True)


def test_it_has_words_for_every_cause() -> None:
    assert set(CAUSES) == set(Cause)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0.00 s"), (0.4249, "0.42 s"), (9.99, "9.99 s"), (12.6, "13 s"), (59.7, "1 min"),
        (185, "3 min 5 s"), (3_600, "1 h"), (3_605, "1 h"), (90_061, "1 d 1 h"), (86_400, "1 d"),
    ],
)  # fmt: skip
def test_it_writes_durations_in_two_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words
