"""Parts are watched, started again, given up in time, and stopped in order."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from quantumsvc.hosting.parts import ChildPart, wait_for_end
from quantumsvc.hosting.processes import members_of_session, start_mark
from quantumsvc.hosting.supervisor import StopSignals, Supervisor

SAID: list[tuple[str, str]] = []


def say(name: str, text: str) -> None:
    SAID.append((name, text))


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    SAID.clear()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def child(name: str, code: str, grace: float = 5.0) -> ChildPart:
    return ChildPart(name, [sys.executable, "-uc", code], dict(os.environ), say, grace, Path.cwd())


def supervise(*parts: ChildPart, stop_when: str | None = None) -> int:
    """Run the parts; once a line holds ``stop_when``, ask for a stop as Ctrl-C does."""

    def hear(name: str, text: str) -> None:
        say(name, text)
        if stop_when is not None and stop_when in text:
            os.kill(os.getpid(), signal.SIGINT)

    for part in parts:
        part.say = hear
    # Nothing listens on port 9, so the service never calls itself ready.
    return Supervisor(parts, port=9, stops=StopSignals(), say=say, on_change=lambda _: None).run()


def test_it_passes_on_lines_and_keeps_the_last_ones() -> None:
    part = child(
        "talker", "import sys; print('one'); print('two', file=sys.stderr); sys.stdout.write('half')"
    )
    part.start()
    assert wait_for_end(part, 60)
    assert SAID == [("talker", "one"), ("talker", "two"), ("talker", "half")]
    assert part.tail() == "one\ntwo\nhalf"


def test_it_leaves_nothing_of_a_part_that_died() -> None:
    part = child(
        "parent",
        "import os, time\nif os.fork() == 0: time.sleep(60)\nprint('forked'); time.sleep(0.2); os._exit(3)",
    )
    part.start()
    session = part.identity()
    assert session is not None
    assert wait_for_end(part, 60)
    assert part.exit_code() == 3
    end = time.monotonic() + 60
    while members_of_session(session[0]):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_starts_a_part_again_and_says_why_it_ended(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = f"""
import os, pathlib, signal, time
mark = pathlib.Path({str(mark)!r})
if not mark.exists():
    mark.touch(); os.kill(os.getpid(), signal.SIGKILL)
print('second life'); time.sleep(60)
"""
    assert supervise(child("phoenix", code), stop_when="second life") == 0
    assert ("up", "The part 'phoenix' ended (killed by SIGKILL); starting it again in 0.1 s.") in SAID


def test_it_gives_up_on_a_part_that_keeps_ending_and_shows_its_last_lines() -> None:
    steady = child("steady", "import time; time.sleep(60)")
    assert supervise(steady, child("broken", "print('no such thing'); raise SystemExit(4)")) == 1
    said = "\n".join(text for name, text in SAID if name == "up")
    assert "'broken' ended (exit code 4), five times" in said
    assert "no such thing" in said
    assert steady.exit_code() == -signal.SIGTERM


def test_it_stops_the_last_started_part_first() -> None:
    code = """
import signal, sys, time
def leave(*_):
    print('{0} leaves'); sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print('{0} works')
while True: time.sleep(0.05)
"""
    first, second = child("first", code.format("first")), child("second", code.format("second"))
    assert supervise(first, second, stop_when="second works") == 0
    leaving = [text for _, text in SAID if text.endswith("leaves")]
    assert leaving == ["second leaves", "first leaves"]


def test_it_kills_a_part_that_does_not_stop_in_time() -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(60)"
    deaf = child("deaf", code, grace=0.3)
    assert supervise(deaf, stop_when="deaf") == 0
    assert deaf.exit_code() == -signal.SIGKILL


def test_it_takes_its_parts_along_when_it_is_killed() -> None:
    """The kernel ends a part when the supervisor can't do it any more."""
    inner = "import time; time.sleep(60)"
    outer = f"""
import os, pathlib, sys, time
from quantumsvc.hosting.parts import ChildPart
part = ChildPart("inner", [sys.executable, "-c", {inner!r}], dict(os.environ), print, 1.0, pathlib.Path.cwd())
part.start()
print(part.identity()[0]); time.sleep(60)
"""
    part = child("outer", outer)
    part.start()
    end = time.monotonic() + 60
    while not part.tail() and time.monotonic() < end:
        part.pump()
        time.sleep(0.01)
    inner_pid = int(part.tail())
    assert start_mark(inner_pid) is not None
    known = part.identity()
    assert known is not None
    os.kill(known[0], signal.SIGKILL)
    assert wait_for_end(part, 60)
    while start_mark(inner_pid) is not None:
        assert time.monotonic() < end
        time.sleep(0.01)
