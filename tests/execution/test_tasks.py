import json
import time
from typing import Any

import pytest

from quantumsvc.backends.execution.client import Lease
from quantumsvc.backends.execution.messages import (
    Failed,
    Finished,
    Log,
    Metric,
    NeedDevice,
    Phase,
    Progress,
)
from quantumsvc.backends.execution.testing import RunningPool, a_task, events_to_end, run_to_end


def answer(lease: Lease, words: str, **task: object) -> Any:
    """The decoded result of a task that must end well."""
    ending = run_to_end(lease, a_task(**task), words.encode())[-1]
    assert isinstance(ending, Finished), ending
    return json.loads(ending.result)


def test_it_gives_back_the_result_bytes(lease: Lease) -> None:
    assert run_to_end(lease, a_task(), b"say hello")[-1] == Finished(b"hello")


def test_it_passes_large_params_and_results_whole(lease: Lease) -> None:
    text = b"x" * 5_000_000
    assert run_to_end(lease, a_task(), b"say " + text)[-1] == Finished(text)


def test_it_asks_for_a_device_once(lease: Lease) -> None:
    first = run_to_end(lease, a_task(), b"device", device=b"the document")
    second = run_to_end(lease, a_task(), b"device")
    assert NeedDevice("device-1") in first
    assert not any(isinstance(each, NeedDevice) for each in second)
    assert first[-1] == second[-1]


def test_it_builds_another_calibration_anew(lease: Lease) -> None:
    built = {answer(lease, "device", device=key)["built"] for key in ("monday", "tuesday")}
    assert len(built) == 2


def test_it_tells_what_the_program_reports_in_order(lease: Lease) -> None:
    before = time.time()
    events = run_to_end(lease, a_task(), b"log")
    told = [each for each in events if isinstance(each, Phase | Progress)]
    assert isinstance(told[0], Phase)
    assert before <= told[0].at <= time.time()
    assert told == [Phase("executing", told[0].at), Progress(1, 2)]
    assert Metric("depth", 3) in events


@pytest.mark.parametrize(
    ("level", "texts"),
    [
        (
            "DEBUG",
            ["qiskit.tests: a record at info", "qiskit.tests: a record at debug", "a line with \ufffd in it"],
        ),
        ("INFO", ["qiskit.tests: a record at info", "a line with \ufffd in it"]),
        ("error", ["a line with \ufffd in it"]),
        ("CRITICAL", []),
        ("no such level", ["a line with \ufffd in it"]),
    ],
)
def test_it_keeps_log_lines_at_or_above_the_tasks_level(lease: Lease, level: str, texts: list[str]) -> None:
    events = run_to_end(lease, a_task(log_level=level), b"log")
    assert [each.text for each in events if isinstance(each, Log)] == texts


def test_it_cuts_a_log_that_grows_too_long(lease: Lease) -> None:
    events = run_to_end(lease, a_task(), b"log 500")
    texts = [each.text for each in events if isinstance(each, Log)]
    assert sum(map(len, texts)) < 1.1 * 1024 * 1024
    assert "log ends here" in texts[-1]
    assert isinstance(events[-1], Finished)


def test_it_keeps_a_sessions_cache_for_the_next_job(lease: Lease) -> None:
    assert answer(lease, "cache a", job_id="one", session_id="s") == "a by one"
    events = run_to_end(lease, a_task(job_id="two", session_id="s"), b"cache a")
    assert events[-1] == Finished(b'"a by one"')
    assert {Metric("cache_hits", 1), Metric("cache_misses", 0)} <= {
        each for each in events if isinstance(each, Metric)
    }


@pytest.mark.parametrize("session_id", [None, "other"])
def test_it_shows_a_cache_to_no_other_session(lease: Lease, session_id: str | None) -> None:
    answer(lease, "cache a", job_id="one", session_id="s")
    assert answer(lease, "cache a", job_id="two", session_id=session_id) == "a by two"


def test_it_gives_each_job_and_child_other_random_numbers(pool: RunningPool, lease: Lease) -> None:
    with pool.client.lease("another child") as other:
        drawn = [answer(each, "facts")["random"] for each in (lease, lease, other)]
    assert len(set(drawn)) == 3


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        ("raise told", 7000, "That gate isn't in the basis."),
        ("raise unexpected", 5203, "ZeroDivisionError: one by none"),
        ("raise exit", 5203, "SystemExit"),
        ("raise memory", 8024, "memory"),
        ("nest", 5203, "nested too deeply"),
        ("no-such-action", 5203, "KeyError"),
    ],
)
def test_it_turns_any_exception_into_a_failure_and_lives_on(
    lease: Lease, words: str, code: int, part: str
) -> None:
    ending = run_to_end(lease, a_task(), words.encode())[-1]
    assert isinstance(ending, Failed)
    assert ending.code == code
    assert part in ending.reason
    assert run_to_end(lease, a_task(), b"say still here")[-1] == Finished(b"still here")


def test_it_logs_the_traceback_of_what_nobody_foresaw(lease: Lease) -> None:
    logs = [each.text for each in run_to_end(lease, a_task(), b"raise unexpected") if isinstance(each, Log)]
    assert "fake_programs.py" in logs[-1]
    assert not any(isinstance(each, Log) for each in run_to_end(lease, a_task(), b"raise told"))


def test_it_refuses_a_second_task_while_one_runs(lease: Lease) -> None:
    lease.start(a_task(), b"sleep 0.2")
    with pytest.raises(RuntimeError, match="has a task already"):
        lease.start(a_task(), b"noop")
    assert isinstance(events_to_end(lease)[-1], Finished)


def test_it_polls_without_waiting(lease: Lease) -> None:
    lease.start(a_task(), b"sleep 1")
    at_once = lease.poll()
    assert not any(isinstance(event, Finished) for event in at_once)
    if any(isinstance(event, NeedDevice) for event in at_once):
        lease.give_device(b"{}")
    assert isinstance(events_to_end(lease)[-1], Finished)
