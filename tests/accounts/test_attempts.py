"""The limit on failed tries."""

from datetime import timedelta

from quantumsvc.accounts.api.attempts import FailedAttempts
from tests.accounts.conftest import NOON

SECOND = timedelta(seconds=1)


def test_it_makes_an_address_wait_once_the_limit_is_reached() -> None:
    attempts = FailedAttempts(limit=3, window=60 * SECOND)
    waits = []
    for second in range(3):
        attempts.note("a", NOON + second * SECOND)
        waits.append(attempts.seconds_to_wait("a", NOON + second * SECOND))
    assert waits == [0, 0, 58]
    assert attempts.seconds_to_wait("b", NOON + 2 * SECOND) == 0


def test_it_forgets_failures_that_are_older_than_the_window() -> None:
    attempts = FailedAttempts(limit=2, window=60 * SECOND)
    attempts.note("a", NOON)
    attempts.note("a", NOON + 30 * SECOND)
    assert attempts.seconds_to_wait("a", NOON + 59 * SECOND) > 0
    assert attempts.seconds_to_wait("a", NOON + 60 * SECOND) == 0
    attempts.note("a", NOON + 61 * SECOND)
    assert attempts.seconds_to_wait("a", NOON + 62 * SECOND) == 28


def test_it_remembers_a_bounded_number_of_addresses() -> None:
    attempts = FailedAttempts(limit=1, window=60 * SECOND, max_addresses=2)
    for address in "abc":
        attempts.note(address, NOON)
    assert [attempts.seconds_to_wait(address, NOON) > 0 for address in "abc"] == [False, True, True]
