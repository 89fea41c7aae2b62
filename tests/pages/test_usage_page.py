"""The usage page: a ledger that adds up line by line, and where the instance stands."""

import csv
import html
import io
import re
from typing import Any

import pytest
from django.db.models import Sum

from quantumsvc.accounts.models import Instance
from quantumsvc.backends.models import Backend
from quantumsvc.scheduling.states import SessionMode
from quantumsvc.statements import run
from sessions_app.models import BackendLease, ChargeKind, Job, LedgerLine
from sessions_app.pages import usage
from sessions_app.services.ledger import Charge, charge
from sessions_app.services.submission import Author
from sessions_app.services.usage import used_seconds
from tests.api.callers import Caller, make_caller
from tests.api.conftest import Time
from tests.factories import at, make_author, make_backend, make_instance, open_, submit
from tests.pages.conftest import Reader, sign_in
from tests.reservations.making import make_window
from tests.services.worker import Worker


def run_one(author: Author, backend: Backend, when: float, seconds: float, **over: Any) -> str:
    job = submit(author, backend, when, **over)
    worker = Worker(backend, when=when)
    worker.start(when)
    worker.turn(when + seconds, end="completed", quantum_seconds=float(seconds))
    BackendLease.objects.filter(backend=backend).delete()
    return job.pk


def cells(page: str) -> list[tuple[float, float]]:
    """Seconds and sum of each line of the ledger, as shown."""
    ledger = page.partition('aria-label="Ledger"')[2]
    found = re.findall(
        r'data-label="Seconds">([\d.]+)</td>\s*<td class="number" data-label="Sum">([\d.]+)', ledger
    )
    return [(float(seconds), float(total)) for seconds, total in found]


@pytest.fixture
def worked(author: Author, backend: Backend, time: Time) -> list[str]:
    """Two jobs, a batch with a job, and one that still runs."""
    done = [run_one(author, backend, 0, 5.5), run_one(author, backend, 10, 2.25)]
    batch = open_(author, backend, 20, mode=SessionMode.BATCH)
    done.append(run_one(author, backend, 20, 3, session_id=batch.pk))
    done.append(submit(author, backend, 30).pk)
    Worker(backend, when=30).start(30)
    time.seconds = 36
    return done


def test_it_adds_up_line_by_line(rita: Reader, lab: Instance, worked: list[str]) -> None:
    page = rita.get("/usage").content.decode()
    assert cells(page) == [(3, 10.75), (2.25, 7.75), (5.5, 5.5)]
    text = rita.sees("/usage")
    assert "Used 16.750 s" in text
    assert used_seconds(lab, at(36)) == 16.75
    assert f"Job {worked[3]}" in text
    assert "So far" in text
    assert " 6 s" in text, "what runs counts from its start"
    assert "Charged 10.750000 s + running now 6.000000 s = used 16.750000 s" in text


def test_it_shows_a_reservation_that_runs_and_what_it_leaves_unused(
    rita: Reader, lab: Instance, backend: Backend, worked: list[str], time: Time
) -> None:
    """W7: a dedicated one pays its rest when it ends, and its line leads to it."""
    window = make_window(6, 60, backend=backend, instance=lab, state="active")
    make_window(6, 60, instance=lab, state="active", mode="priority")
    told = rita.sees("/usage")
    assert told.count("Reserved now") == 1
    # 30 s have passed; 2.25 s and 3 s of jobs that ended, and 6 s of the one that runs, were in it.
    assert f"Reservation {window.pk} {backend.name}" in told
    assert "54 s 18.750 s" in told
    assert "Used 16.750 s" in told, "not yet charged"
    LedgerLine.objects.create(
        kind="reservation", subject=window.pk, backend=backend, instance=lab, user=rita.user,
        since=at(6), at=at(36), microseconds=1,
    )  # fmt: skip
    assert f'href="/reservations/{window.pk}"' in rita.get("/usage").content.decode()


def test_its_pages_go_on_where_the_sum_was(
    rita: Reader, worked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "SIZE", 1)
    seen, where = [], "/usage"
    for _ in range(3):
        page = rita.get(where).content.decode()
        seen += cells(page)
        older = re.search(r'href="(\?instance=\d+&amp;before=\d+)#ledger"', page)
        where = "/usage" + older[1].replace("&amp;", "&") if older else ""
    assert seen == [(3, 10.75), (2.25, 7.75), (5.5, 5.5)]
    assert where == ""


def test_it_tells_the_sum_that_clients_and_the_api_tell(
    rita: Reader, lab: Instance, author: Author, backend: Backend, worked: list[str]
) -> None:
    """Jobs, a batch and a reservation in the ledger, and a job that runs."""
    reserved = Charge(
        kind=ChargeKind.RESERVATION, subject="a-window", backend=backend.pk, instance=lab.pk,
        user=author.user.pk, since=at(31), at=at(35), seconds=4.0,
    )  # fmt: skip
    run(*charge(reserved))
    member = make_caller(lab)
    lines = [line["seconds"] for line in member.get("/instances/ledger").json()["lines"]]
    assert sum(lines) == 5.5 + 2.25 + 3 + 4
    assert member.get("/analytics/usage").json()["usage"] == sum(lines) * 1000
    jobs = Job.objects.filter(instance=lab).aggregate(total=Sum("quantum_seconds"))["total"]
    workloads = member.get("/workloads").json()["workloads"]
    assert sum(each["usage"]["qpu_charge_time_seconds"] for each in workloads) == jobs == sum(lines) - 4
    total = sum(lines) + 6
    assert member.get("/instances/configuration").json()["usage_consumed_seconds"] == total
    assert member.get("/instances/usage").json()["usage_consumed_seconds"] == round(total)
    assert old_usage(member) == round(total)
    assert f"Used {total:.3f} s" in rita.sees("/usage")


def old_usage(member: Caller) -> int:
    """What clients of before the platform read."""
    token = member.headers["Authorization"].removeprefix("Bearer ")
    answer = member.client.get("/legacy/usage", headers={"X-Access-Token": token})
    (told,) = answer.json()["byInstance"]
    return int(told["usage"])


def test_its_file_has_the_same_lines_and_the_same_sum(rita: Reader, worked: list[str]) -> None:
    answer = rita.get("/usage.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [row["subject"] for row in rows] == worked[:3]
    assert [row["sum_seconds"] for row in rows] == ["5.500000", "7.750000", "10.750000"]
    assert rows[0]["charged_at"] == "2026-11-21T12:00:05.500000Z"


def test_its_file_holds_no_formulas(rita: Reader, author: Author, backend: Backend, time: Time) -> None:
    author.user.username = "=1+1"
    author.user.save()
    run_one(author, backend, 0, 1)
    time.seconds = 2
    assert ",'=1+1," in b"".join(rita.get("/usage.csv").streaming_content).decode()


def test_it_tells_who_used_what(
    rita: Reader, author: Author, lab: Instance, backend: Backend, time: Time
) -> None:
    other = make_backend(name="other")
    run_one(author, backend, 0, 6)
    run_one(make_author(instance=lab), other, 0, 2)
    time.seconds = 10
    text = rita.sees("/usage")
    assert f"{backend.name} 6 75.0 % other 2 25.0 %" in text
    assert "wanda 6 75.0 %" in text


def test_it_shows_limits_and_when_it_goes_on(
    rita: Reader, author: Author, lab: Instance, backend: Backend, time: Time
) -> None:
    Instance.objects.filter(pk=lab.pk).update(usage_limit_seconds=5, usage_allocation_seconds=9)
    text = rita.sees("/usage")
    assert "Limit 5 s Left 5 s Allocation 9 s" in text
    run_one(author, backend, 0, 6)
    time.seconds = 10
    text = rita.sees("/usage")
    assert "All of the limit is used." in text
    assert "Jobs are accepted and wait until 2026-12-19 12:00:00" in text
    assert "would wait for time until 2026-12-19 12:00:00" in text


def test_it_tells_the_place_among_others_without_their_names(
    rita: Reader, author: Author, lab: Instance, backend: Backend, time: Time
) -> None:
    rival = make_author(instance=make_instance(name="the rival", shares=3))
    run_one(author, backend, 0, 6)
    run_one(rival, backend, 10, 12)
    time.seconds = 30
    text = rita.sees("/usage")
    assert f"{backend.name} 6 s 25 % 24 2 of 2 would start at once" in text, (
        "6 s for 1/4 against 12 s for 3/4"
    )
    assert "the rival" not in text


def test_it_tells_what_a_job_sent_now_would_wait_for(
    wanda: Reader, rita: Reader, author: Author, backend: Backend, time: Time
) -> None:
    second = make_backend(name="zz_second")
    submit(author, second, 0)
    Worker(second).start(1)
    submit(author, second, 2)
    time.seconds = 3
    assert (
        f"{backend.name} 0 s 100 % 0 1 of 1 would start at once zz_second 0 s 100 % 0 1 of 1 Ask"
        in wanda.sees("/usage")
    )
    mine = "0 s 100 % 0 1 of 1"
    text = wanda.sees("/usage", ask="zz_second")
    assert re.search(rf"zz_second {mine} would start about 2026-11-21 12:12:\d\d , 1 before it", text)
    theirs = rita.sees("/usage", ask="zz_second")
    assert re.search(rf"zz_second {mine} would start about 2026-11-21 12:10:\d\d (?!, )", theirs), "F3"


def test_its_rows_ask_for_what_they_would_wait_for_one_by_one(
    wanda: Reader, stranger: Reader, lab: Instance, backend: Backend, time: Time
) -> None:
    closed = make_backend(name="zz_closed", open_to_all=False)
    asks = re.findall(r'hx-get="(/usage/wait[^"]*)"', wanda.get("/usage", ask="none").content.decode())
    assert asks == []
    make_backend(name="zz_second")
    (ask,) = re.findall(r'hx-get="(/usage/wait[^"]*)"', wanda.get("/usage").content.decode())
    path = html.unescape(ask)
    assert path.endswith("ask=zz_second")
    assert wanda.sees(path) == "would start at once"
    assert wanda.get("/usage/wait", instance=lab.pk, ask=closed.name).status_code == 404
    assert stranger.get(path).status_code == 404


def test_it_shows_nothing_of_other_instances(
    rita: Reader, stranger: Reader, lab: Instance, worked: list[str]
) -> None:
    assert stranger.get("/usage", instance=lab.pk).status_code == 404
    assert stranger.get("/usage.csv", instance=lab.pk).status_code == 404
    text = stranger.sees("/usage")
    assert not any(ident in text for ident in worked)
    assert "Used 0 s" in text


def test_it_lets_an_operator_look_at_any_instance(olga: Reader, lab: Instance, worked: list[str]) -> None:
    assert "Used 16.750 s" in olga.sees("/usage", instance=lab.pk)


def test_it_needs_an_instance(time: Time) -> None:
    nobody = sign_in()
    assert "You are a member of no instance yet." in nobody.sees("/usage")
    assert nobody.get("/usage.csv").status_code == 404
