"""The list of jobs: what it shows to whom, its filters, and that its pages hold still."""

import re
from typing import Any

import pytest

from quantumsvc.accounts.models import Membership
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import SessionMode
from sessions_app.models import Job
from sessions_app.pages.work import paging
from sessions_app.pages.work.columns import COOKIE
from sessions_app.pages.work.places import Place
from sessions_app.services.endings import cancel_job
from sessions_app.services.submission import Author
from tests.api.conftest import Time
from tests.factories import at, make_author, make_backend, make_instance, open_, submit
from tests.pages.conftest import Reader, jobs_in
from tests.reservations.making import make_window
from tests.services.worker import Worker


def test_it_shows_each_job_to_every_member_and_the_operator(
    author: Author, backend: Backend, wanda: Reader, rita: Reader, max_: Reader, olga: Reader
) -> None:
    job = submit(author, backend, tags=["vqe"])
    for reader in (wanda, rita, max_, olga):
        text = reader.sees("/")
        why = "It is next and starts at once."
        row = f"Queued {job.pk} sampler {why} job {backend.name} wanda vqe 2026-11-21 12:00:00"
        assert row in text
    make_instance(name="another")
    assert f"job {backend.name} the lab wanda vqe" in olga.sees("/"), "told where there is a choice"
    assert f"job {backend.name} wanda vqe" in rita.sees("/")


def test_it_shows_nothing_of_other_instances(author: Author, backend: Backend, stranger: Reader) -> None:
    submit(author, backend, tags=["secret"])
    text = stranger.sees("/")
    assert "All 0" in text
    assert "No jobs yet" in text
    assert not any(word in text for word in ("the lab", "wanda", "secret"))


def test_it_names_the_phase_the_mode_and_both_durations(
    author: Author, backend: Backend, wanda: Reader, time: Time
) -> None:
    session = open_(author, backend)
    job = submit(author, backend, session_id=session.pk)
    Worker(backend).start(65)
    Job.objects.filter(pk=job.pk).update(phase="executing")
    time.seconds = 65 + 7_320
    answer = wanda.get("/")
    assert f'<a href="/sessions/{session.pk}">session</a>' in answer.content.decode()
    text = wanda.sees("/")
    assert f"Running: executing {job.pk}" in text
    assert "1 min 5 s 2 h 2 min" in text


def test_it_shows_more_columns_to_who_asks_for_them(
    author: Author, backend: Backend, wanda: Reader, time: Time
) -> None:
    session = open_(author, backend)
    done, _, waiting = (submit(author, backend, when, session_id=session.pk) for when in range(3))
    worker = Worker(backend)
    worker.start(10)
    worker.turn(75, end="completed", quantum_seconds=61.5)
    time.seconds = 75
    usual = wanda.sees("/")
    assert not any(word in usual for word in ("1 min 2 s", "10 min", ", place"))
    wanda.client.cookies[COOKIE] = "started.expected.limit.usage.calibration.owner"
    text = wanda.sees("/")
    assert "Started Probably starts Waited Ran Time limit Usage Calibration" in text
    assert "Owner State" not in text.split("Select")[-1]
    assert f"2026-11-21 12:00:10 10 s 1 min 5 s 10 min 1 min 2 s {done.calibration_submitted_id}" in text
    forecast = text[text.index(f"Queued {waiting.pk}") :]
    assert re.search(r" 2026-11-21 12:\d\d:\d\d , place 1 1 min 13 s 10 min ", forecast)
    assert f"{session.max_ttl // 3600} h 1 min 5 s" in text, "the session's limit and what it has used"


def test_a_batch_is_told_with_what_its_jobs_used_though_one_was_deleted(
    author: Author, backend: Backend, wanda: Reader, time: Time
) -> None:
    batch = open_(author, backend, mode=SessionMode.BATCH)
    worker = Worker(backend)
    for n in range(2):
        submit(author, backend, n, session_id=batch.pk)
        worker.start(2 + n)
        worker.turn(20 + n, end="completed", quantum_seconds=100)
    Job.objects.filter(pk=Job.objects.earliest("created_at").pk).update(deleted_at=at(30))
    time.seconds = 40
    wanda.client.cookies[COOKIE] = "usage"
    text = wanda.sees("/", show="sessions")
    assert "1 done" in text
    assert "3 min 20 s" in text


def test_it_offers_spans_of_days_in_the_readers_own_zone(wanda: Reader, time: Time) -> None:
    wanda.user.time_zone = "Asia/Tokyo"
    wanda.user.save()
    time.seconds = 4 * 3600
    page = wanda.get("/", since="2026-11-16", text="x").content.decode()
    assert "?since=2026-11-22&amp;text=x" in page, "it is tomorrow there"
    assert '?since=2026-11-16&amp;text=x" aria-current="true">in 7 days' in page


def test_it_tells_the_time_in_the_readers_own_zone(author: Author, backend: Backend, wanda: Reader) -> None:
    wanda.user.time_zone = "Asia/Tokyo"
    wanda.user.save()
    submit(author, backend)
    page = wanda.get("/").content.decode()
    shown = re.search(r"<time ([^>]*)>([^<]*)</time>", page)
    assert shown
    exact = "2026-11-21 21:00:00 JST, 2026-11-21 12:00:00 UTC"
    assert shown[1] == f'datetime="2026-11-21T12:00:00Z" title="{exact}" data-ago'
    assert shown[2] == "2026-11-21 21:00:00"


def test_it_shows_a_session_as_it_is_now(author: Author, backend: Backend, wanda: Reader, time: Time) -> None:
    """A deadline that nobody was awake for is settled before the page is read (L8)."""
    session = open_(author, backend, max_ttl=60)
    first, second = (submit(author, backend, when, session_id=session.pk) for when in (0, 0.5))
    Worker(backend).start(1)
    time.seconds = 100
    assert jobs_in(wanda.get("/", state="failed")) == [second.pk]
    assert jobs_in(wanda.get("/", state="running")) == [first.pk]


@pytest.fixture
def mixed(author: Author, backend: Backend, lab: Any) -> dict[str, Job]:
    """Jobs that differ in one respect each."""
    colleague = make_author(instance=lab)
    other = make_instance(name="other lab")
    Membership.objects.create(user=author.user, instance=other, role="writer")
    elsewhere = make_backend(name="elsewhere")
    session = open_(author, elsewhere)
    jobs = {
        "plain": submit(author, backend, 1),
        "tagged": submit(author, backend, 2, tags=["vqe", "two words&more"]),
        "colleague": submit(colleague, backend, 3),
        "instance": submit(Author(user=author.user, instance=other), backend, 4),
        "backend": submit(author, elsewhere, 5),
        "session": submit(author, elsewhere, 6, session_id=session.pk),
        "cancelled": submit(author, backend, 7),
    }
    cancel_job(job=jobs["cancelled"], now=at(8))
    return jobs


ALL = ("cancelled", "session", "backend", "instance", "colleague", "tagged", "plain")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ALL),
        ({"state": "cancelled"}, ("cancelled",)),
        ({"state": "running"}, ()),
        ({"state": "no such state"}, ()),
        ({"backend": "elsewhere"}, ("session", "backend")),
        ({"instance": "{instance.instance_id}"}, ("instance",)),
        ({"instance": "no number"}, ()),
        ({"instance": "9" * 19}, ()),
        ({"owner": "mine"}, tuple(name for name in ALL if name != "colleague")),
        ({"tag": "vqe"}, ("tagged",)),
        ({"tag": "two words&more"}, ("tagged",)),
        ({"tag": "vq"}, ()),
        ({"text": " {plain.pk} "}, ("plain",)),
        ({"text": "%"}, ()),
        ({"session": "{session.session_id}"}, ("session",)),
        ({"state": "queued", "backend": "elsewhere", "owner": "mine"}, ("session", "backend")),
        ({"tag": "a\0b"}, ()),
    ],
    ids=str,
)
def test_it_filters_by_what_the_address_says(
    wanda: Reader, mixed: dict[str, Job], query: dict[str, str], names: tuple[str, ...]
) -> None:
    asked = {name: value.format(**mixed) for name, value in query.items()}
    answer = wanda.get("/", **asked)
    assert answer.status_code == 200
    assert jobs_in(answer) == [mixed[name].pk for name in names]


def test_it_finds_a_job_by_the_end_of_its_id(wanda: Reader, mixed: dict[str, Job]) -> None:
    wanted = mixed["tagged"].pk
    assert jobs_in(wanda.get("/", text=wanted[-9:].upper())) == [wanted]


def test_it_finds_nothing_foreign_by_any_filter(stranger: Reader, mixed: dict[str, Job]) -> None:
    for query in (
        {"text": mixed["plain"].pk},
        {"backend": "elsewhere"},
        {"instance": str(mixed["plain"].instance_id)},
        {"session": str(mixed["session"].session_id)},
        {"tag": "vqe"},
    ):
        assert jobs_in(stranger.get("/", **query)) == []
        assert "All 0" in stranger.sees("/", **query)


def test_it_counts_each_state_by_the_other_filters(wanda: Reader, mixed: dict[str, Job]) -> None:
    assert "All 8 Queued 6 Running 0 Completed 0 Failed 0 Cancelled 1 Sessions Sessions Open 1" in wanda.sees(
        "/"
    )
    assert "All 3 Queued 2 Running 0" in wanda.sees("/", backend="elsewhere", state="cancelled")


def test_it_leads_back_to_all_states(wanda: Reader, mixed: dict[str, Job]) -> None:
    page = wanda.get("/", state="cancelled").content.decode()
    assert re.search(r'<a class="" href="/\??">All <', page)
    assert re.search(r'<a class="cancelled" href="/\?state=cancelled" aria-current="true">Cancelled <', page)


def test_it_keeps_the_filters_in_the_form_and_in_its_links(wanda: Reader, mixed: dict[str, Job]) -> None:
    page = wanda.get("/", tag="two words&more", owner="mine").content.decode()
    assert 'value="two words&amp;more"' in page
    assert '<option value="mine" selected>' in page
    assert 'href="/?tag=two+words%26more&amp;owner=mine&amp;state=queued"' in page
    assert 'href="/?tag=two%20words%26more"' in page, "the tag in its row leads to all with that tag"


@pytest.fixture
def many(author: Author, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ten jobs on pages of four, newest first; the middle ones were made at one moment."""
    monkeypatch.setattr(paging, "SIZE", 4)
    jobs = [submit(author, backend, when) for when in (0, 1, 2, 3, 3, 3, 3, 4, 5, 6)]
    return [job.pk for job in sorted(jobs, key=lambda job: (job.created_at, job.pk), reverse=True)]


def link(answer: Any, word: str) -> str:
    """The query of the link to another page; empty when there is none."""
    found = re.search(rf'<a href="/(\?[^"]*)"[^>]*>{word}</a>', answer.content.decode())
    return found[1].replace("&amp;", "&") if found else ""


def test_it_pages_through_every_job_once_and_back(wanda: Reader, many: list[str]) -> None:
    first = wanda.get("/", owner="mine")
    second = wanda.get("/" + link(first, "Older"))
    third = wanda.get("/" + link(second, "Older"))
    assert [jobs_in(page) for page in (first, second, third)] == [many[:4], many[4:8], many[8:]]
    assert (link(first, "Newer"), link(third, "Older")) == ("", "")
    assert "owner=mine" in link(third, "Newer")
    assert jobs_in(wanda.get("/" + link(third, "Newer"))) == many[4:8]
    assert jobs_in(wanda.get("/" + link(second, "Newer"))) == many[:4]


def test_its_pages_hold_still_while_jobs_come_and_change(
    wanda: Reader, author: Author, backend: Backend, many: list[str]
) -> None:
    older = link(wanda.get("/"), "Older")
    fresh = [submit(author, backend, 10 + n).pk for n in range(6)]
    cancel_job(job=Job.objects.get(pk=many[5]), now=at(20))
    second = wanda.get("/" + older)
    assert jobs_in(second) == many[4:8]
    newer = wanda.get("/" + link(second, "Newer"))
    assert jobs_in(newer) == many[:4]
    assert jobs_in(wanda.get("/" + link(newer, "Newer"))) == fresh[3::-1]
    assert jobs_in(wanda.get("/")) == fresh[:1:-1]


def test_it_gives_the_newest_page_where_less_than_one_is_newer(
    wanda: Reader, author: Author, backend: Backend, many: list[str]
) -> None:
    job = Job.objects.get(pk=many[2])
    third = f"?after={Place(at=job.created_at, ident=job.pk, kind='jobs').cursor}"
    assert jobs_in(wanda.get("/" + third)) == many[:4]


@pytest.mark.parametrize("cursor", ["", "x", "1.a", "9" * 18 + ".a.j", "1.a\0.j", "-1.a.j", "1.a.x"])
def test_it_gives_the_newest_page_for_a_cursor_that_it_cannot_read(
    wanda: Reader, many: list[str], cursor: str
) -> None:
    assert jobs_in(wanda.get("/", before=cursor)) == many[:4]
    assert jobs_in(wanda.get("/", after=cursor)) == many[:4]


def test_it_tells_newcomers_what_to_do_first(rita: Reader) -> None:
    text = rita.sees("/")
    assert "No jobs yet" in text
    assert "examples/first_job.py" in text
    assert "No job matches" in rita.sees("/", tag="none")


def test_it_tells_people_without_an_instance_whom_to_ask(rita: Reader) -> None:
    Membership.objects.all().delete()
    assert "You are a member of no instance yet" in rita.sees("/")


def test_it_tells_to_sessions_for_whom_their_backend_is_kept(
    author: Author, backend: Backend, wanda: Reader, lab: Any
) -> None:
    open_(author, backend)
    assert f"{backend.name}: free" in wanda.sees("/")
    kept: list[tuple[dict[str, Any], str]] = [
        ({"instance": make_instance(name="secret")}, "reserved for another instance"),
        ({"instance": lab}, "reserved for the lab"),
        ({"instance": None, "kind": "maintenance"}, "in maintenance"),
    ]
    for given, told in kept:
        other = make_backend()
        open_(author, other)
        make_window(-60, 60, backend=other, state="active", **given)
        assert f"{other.name}: {told}" in wanda.sees("/")
    submit(make_author(), backend)
    Worker(backend).start(1)
    assert f"{backend.name}: busy with a job of another instance" in wanda.sees("/")
