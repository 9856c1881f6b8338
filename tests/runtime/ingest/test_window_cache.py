"""What is kept of sessions between batches: bounded in events, and in time."""

from typing import Any

from handrail_runtime.ingest.window_cache import WindowCache

TYPES = frozenset({"click"})


def test_a_window_counts_while_nobody_else_has_stored_and_the_types_are_the_same() -> None:
    cache = WindowCache()
    window: list[Any] = [1, 2]
    cache.put(("u", "s"), 2, TYPES, window)
    assert cache.get(("u", "s"), 2, TYPES) is window
    assert cache.get(("u", "s"), 3, TYPES) is None
    assert cache.get(("u", "s"), 2, frozenset()) is None


def test_the_longest_untouched_goes_first() -> None:
    cache = WindowCache(limit=5)
    events: list[Any] = [1, 2]
    for user in "abc":
        cache.put((user, "s"), 2, TYPES, events)
    assert [cache.get((user, "s"), 2, TYPES) is not None for user in "abc"] == [False, True, True]


def test_a_session_that_has_ended_leaves_nothing_behind() -> None:
    now = 0.0
    cache = WindowCache(keep=900, now=lambda: now)
    events: list[Any] = [1]
    for number in range(10_000):
        now = float(number)
        cache.put((f"user-{number}", "s"), 1, TYPES, events)
    assert len(cache) == 901
    assert cache.get(("user-9099", "s"), 1, TYPES) is not None
    assert cache.get(("user-9098", "s"), 1, TYPES) is None
