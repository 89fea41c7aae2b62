"""A child that job code took over may send anything; the worker must stay unharmed."""

import msgspec
import pytest

from quantumsvc.backends.execution.client import Lease
from quantumsvc.backends.execution.frames import PREFIX, Kind, pack
from quantumsvc.backends.execution.messages import Crashed, Finished
from quantumsvc.backends.execution.testing import RunningPool, a_task, run_to_end
from tests.execution.processes import is_gone, seconds_until

GARBAGE = {
    "noise": b"\xff" * 64,
    "a frame of no kind": PREFIX.pack(9, 0, 0),
    "a frame only workers send": pack(Kind.TASK, b"{}"),
    "a result announced too long": PREFIX.pack(Kind.RESULT, 0, 10**9),
    "a header announced too long": PREFIX.pack(Kind.NOTE, 2**32 - 1, 0),
    "a header that isn't JSON": pack(Kind.NOTE, b"\x80\x04pickle"),
    "JSON that is no message": pack(Kind.NOTE, b'{"type":"released","jobs":1}'),
    "a number too large": pack(Kind.NOTE, b'{"type":"progress","done":%s,"total":1}' % (b"9" * 500)),
    "a text too long": pack(
        Kind.NOTE, msgspec.json.encode({"type": "failed", "code": 1, "reason": "x" * 20_000})
    ),
    "JSON nested too deeply": pack(Kind.NOTE, b"[" * 60_000),
    "a phase of no name": pack(Kind.NOTE, b'{"type":"phase","name":"dancing","at":1}'),
    "a time that is none": pack(Kind.NOTE, b'{"type":"phase","name":"executing","at":"now"}'),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_it_kills_a_child_that_sends_garbage(pool: RunningPool, lease: Lease, name: str) -> None:
    ending = run_to_end(lease, a_task(), f"garbage {GARBAGE[name].hex()}".encode())[-1]
    assert isinstance(ending, Crashed)
    assert ending.cause == "protocol"
    assert is_gone(lease.pid)
    with pool.client.lease("after garbage") as following:
        assert run_to_end(following, a_task(), b"say fine")[-1] == Finished(b"fine")


def test_it_kills_a_child_that_floods_with_notes(lease: Lease) -> None:
    ending = run_to_end(lease, a_task(), b"flood")[-1]
    assert isinstance(ending, Crashed)
    assert ending.cause == "protocol"
    assert "too many" in ending.reason


def test_it_kills_a_child_that_hangs_up_and_lives_on(lease: Lease) -> None:
    ending = run_to_end(lease, a_task(), b"hang-up")[-1]
    assert isinstance(ending, Crashed)
    assert ending.cause == "protocol"
    seconds_until(lambda: is_gone(lease.pid))


def test_it_kills_a_child_that_speaks_without_a_task(lease: Lease) -> None:
    run_to_end(lease, a_task(), f"echo-later {pack(Kind.RESULT, b'', b'late').hex()}".encode())
    ending = lease.wait(5)[-1]
    assert isinstance(ending, Crashed)
    assert ending.cause == "protocol"


def test_it_shows_no_later_lease_what_was_sent_for_an_earlier_one(pool: RunningPool) -> None:
    with pool.client.lease("handed on") as first:
        run_to_end(first, a_task(), f"echo-later {pack(Kind.RESULT, b'', b'secret').hex()}".encode())
    with pool.client.lease("handed on") as second:
        assert second.pid == first.pid
        assert run_to_end(second, a_task(), b"say mine")[-1] == Finished(b"mine")


def test_it_isnt_held_up_by_a_child_that_doesnt_read(lease: Lease) -> None:
    lease.start(a_task(), b"x" * 50_000_000)
    lease.give_device(b"y" * 50_000_000)
    assert lease.kill()
