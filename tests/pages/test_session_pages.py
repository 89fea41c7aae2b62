"""The page of one session, and ending it."""

import pytest

from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import Cause, SessionMode
from sessions_app.models import Job, Session
from sessions_app.pages.words import CAUSES, duration
from sessions_app.services.submission import Author
from tests.api.conftest import Time
from tests.factories import open_, submit
from tests.pages.conftest import Reader, jobs_in, text_of
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


def test_the_sessions_alone_are_the_jobs_page_with_its_filter_set(busy: Session, rita: Reader) -> None:
    assert rita.get("/sessions", state="active")["Location"] == "/?state=active&show=sessions"
    answer = rita.client.get("/sessions", follow=True)
    assert busy.pk in text_of(answer.content.decode())
    assert jobs_in(answer) == []


def test_it_tells_the_state_the_timers_the_jobs_and_the_history(busy: Session, rita: Reader) -> None:
    answer = rita.get(f"/sessions/{busy.pk}")
    text = rita.sees(f"/sessions/{busy.pk}")
    for part in (
        f"Session {busy.pk} Copy Active In progress, accepting new jobs on",
        "Accepts jobs yes Jobs 1 queued, 1 running, 1 ended",
        "Interactive time, 5 min does not run now; then the session idles",
        "Maximum time to live, 8 h 7 h 59 min then the session closes at 2026-11-21 20:00:10",
        f"Now Session {busy.pk} for a while Job",
        "Used so far: 10 s.",
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
    assert "Interactive time, 1 min 50 s then the session idles at 2026-11-21 12:01:02" in text
    assert "Batch.from_id" in text
    time.seconds = 63
    later = rita.sees(f"/sessions/{batch.pk}")
    assert f"Batch {batch.pk} Copy Inactive Pending" in later
    assert "Inactive no job came within the interactive time" in later


def test_it_tells_when_an_unused_session_is_closed(
    author: Author, backend: Backend, rita: Reader, time: Time
) -> None:
    session = open_(author, backend)
    assert "Unused, 30 min 30 min then the session closes at 2026-11-21 12:30:00" in rita.sees(
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


def test_it_draws_the_states_and_marks_the_present_one(busy: Session, rita: Reader) -> None:
    page = rita.get(f"/sessions/{busy.pk}").content.decode()
    assert "The session is active; from here it can become closed or inactive" in page
    assert page.count("state here") == 2, "for wide and for narrow windows"
    assert page.count('class="arrow taken"') == 2, "from open to active"
    assert page.count('class="stretch job ') == 4, "one ran, one runs"


def test_it_tells_how_often_the_cache_had_what_jobs_needed(busy: Session, rita: Reader) -> None:
    assert "nothing was looked for yet" in rita.sees(f"/sessions/{busy.pk}")
    Job.objects.filter(state="completed").update(metrics={"cache_hits": 3, "cache_misses": 1})
    Job.objects.filter(state="running").update(metrics={"cache_hits": 2})
    assert "5 hits, 1 misses" in rita.sees(f"/sessions/{busy.pk}")


def test_it_lets_managers_give_more_time(author: Author, backend: Backend, max_: Reader) -> None:
    session = open_(author, backend, max_ttl=600)
    path = f"/sessions/{session.pk}"
    assert "up to 8 h on this backend" in max_.sees(path)
    assert "It may last 10 min in all" in max_.sees(f"{path}/extend")
    answer = max_.client.post(f"{path}/extend", {"max_ttl": "1h 30m"}, follow=True)
    assert "The session may now last 1 h 30 min in all." in answer.content.decode()
    session.refresh_from_db()
    assert session.max_ttl == 5400
    assert "a manager gave it more time" in max_.sees(path)
    for wanted in ("", "90m", "soon", "9h"):
        refused = max_.client.post(f"{path}/extend", {"max_ttl": wanted})
        assert refused.status_code == 400
        assert 'role="alert"' in refused.content.decode()
    max_.post(f"{path}/cancel")
    assert "There is no more time to give" in max_.sees(f"{path}/extend")
    assert max_.client.post(f"{path}/extend", {"max_ttl": "2h"}).status_code == 409


def test_it_lets_only_managers_give_more_time(
    author: Author, backend: Backend, wanda: Reader, rita: Reader
) -> None:
    session = open_(author, backend, max_ttl=600)
    path = f"/sessions/{session.pk}"
    for reader in (wanda, rita):
        assert "/extend" not in reader.get(path).content.decode()
        assert reader.get(f"{path}/extend").status_code == 403
        assert reader.client.post(f"{path}/extend", {"max_ttl": "1h"}).status_code == 403
    session.refresh_from_db()
    assert session.max_ttl == 600


def test_it_renders_the_live_part_like_the_whole_page(busy: Session, max_: Reader) -> None:
    whole = max_.get(f"/sessions/{busy.pk}").content.decode()
    part = max_.client.get(f"/sessions/{busy.pk}", headers={"X-Live": "session-now"}).content.decode().strip()
    assert part.startswith('<div id="session-now"')
    assert part in whole
