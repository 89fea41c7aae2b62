import pytest

from quantumsvc.backends.execution.caches import CountingCache, LeastRecent, SessionCaches


def test_it_forgets_the_entry_unused_for_longest() -> None:
    kept: LeastRecent[str, int] = LeastRecent(2)
    kept.put("a", 1)
    kept.put("b", 2)
    kept.get("a")
    kept.put("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (1, None, 3)


def test_it_counts_hits_and_misses() -> None:
    cache = CountingCache()
    assert [cache.get_or_make("k", key, lambda: object()) is not None for key in "aab"] == [True] * 3
    assert (cache.hits, cache.misses) == (1, 2)


def test_it_keeps_apart_the_same_key_of_two_kinds() -> None:
    cache = CountingCache()
    cache.get_or_make("circuit", "a", lambda: 1)
    assert cache.get_or_make("observable", "a", lambda: 2) == 2


def test_it_keeps_nothing_of_a_failed_making() -> None:
    cache = CountingCache()
    with pytest.raises(ZeroDivisionError):
        cache.get_or_make("k", "a", lambda: 1 // 0)
    assert cache.get_or_make("k", "a", lambda: 5) == 5


def test_it_keeps_even_a_made_none() -> None:
    cache = CountingCache()
    cache.get_or_make("k", "a", lambda: None)
    cache.get_or_make("k", "a", lambda: pytest.fail("it was made twice"))


def test_it_gives_a_session_its_cache_back_with_counts_at_zero() -> None:
    caches = SessionCaches()
    first = caches.of("s", "device")
    first.get_or_make("k", "a", lambda: 1)
    again = caches.of("s", "device")
    assert again is first
    assert (again.hits, again.misses) == (0, 0)


@pytest.mark.parametrize("other", [("t", "device"), ("s", "other device"), (None, "device")])
def test_it_shares_nothing_with_other_sessions_and_devices(other: tuple[str | None, str]) -> None:
    caches = SessionCaches()
    assert caches.of("s", "device") is not caches.of(*other)


def test_it_forgets_sessions_beyond_its_size() -> None:
    caches = SessionCaches(sessions=2)
    first = caches.of("s1", "d")
    caches.of("s2", "d")
    caches.of("s3", "d")
    assert caches.of("s1", "d") is not first
