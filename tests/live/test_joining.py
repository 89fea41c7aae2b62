"""What a socket is told while much happens."""

import asyncio

import pytest

from sessions_app.events import JobChanged
from sessions_app.live.joining import LAG, LARGEST, Changes, Joiner

pytestmark = pytest.mark.asyncio

GAP = 0.1
Told = list[tuple[str, Changes]]


def job(ident: str, version: int = 2, *, instance: int = 1) -> JobChanged:
    return JobChanged(id=ident, instance=instance, backend=1, state="running", version=version)


def joiner() -> tuple[Joiner, Told]:
    told: Told = []
    return Joiner(lambda group, changes: told.append((group, changes)), GAP), told


def of(group: str, told: Told) -> list[Changes]:
    return [changes for each, changes in told if each == group]


async def test_the_first_change_is_told_at_once_and_more_of_them_together() -> None:
    joined, told = joiner()
    joined.add(job("a"))
    await asyncio.sleep(0.01)
    assert [[each["id"] for each in changes] for changes in of("instance.1", told)] == [["a"]]
    for number in range(100):
        joined.add(job(f"b{number % 3}", number))
        await asyncio.sleep(0)
    assert len(of("instance.1", told)) == 1
    await asyncio.sleep(2 * GAP)
    assert [(each["id"], each["version"]) for each in of("instance.1", told)[1]] == [
        ("b0", 99),
        ("b1", 97),
        ("b2", 98),
    ]


async def test_what_happens_to_others_does_not_make_a_group_wait() -> None:
    joined, told = joiner()
    joined.add(job("theirs", instance=2))
    await asyncio.sleep(0)
    joined.add(job("mine", instance=1))
    await asyncio.sleep(0.01)
    assert len(of("instance.1", told)) == 1


async def test_a_change_tells_whether_its_job_is_new_though_more_has_happened_to_it() -> None:
    joined, told = joiner()
    joined.add(job("new", 1))
    joined.add(job("new", 2))
    joined.add(job("old", 7))
    await asyncio.sleep(0.01)
    assert [each.get("new", False) for each in of("instance.1", told)[0]] == [True, False]


async def test_too_many_changes_are_not_listed() -> None:
    joined, told = joiner()
    for number in range(LARGEST + 1):
        joined.add(job(str(number)))
    await asyncio.sleep(0.01)
    assert of("instance.1", told) == [[]]
    await asyncio.sleep(2 * LAG)
    assert [len(changes) for changes in of("backend.1", told)] == [1]


async def test_a_group_is_forgotten_after_a_quiet_time() -> None:
    joined, told = joiner()
    joined.add(job("a"))
    await asyncio.sleep(3 * GAP + LAG)
    joined.add(job("a"))
    await asyncio.sleep(0.01)
    assert len(of("instance.1", told)) == 2, "and told at once again"
