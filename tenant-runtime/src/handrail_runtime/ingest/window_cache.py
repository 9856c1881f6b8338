"""Windows of sessions kept in memory between batches, so that a session that goes on is not read again.

An entry counts only while the session's number of stored events is what it was: after another process has stored
some, the window is read anew; and only for the same types of events. So this saves work and decides nothing.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from handrail_runtime.session.seen import Seen

Key = tuple[str, str]

KEEP = 900.0
"""Seconds since a session was last touched. Detectors look back no further, so its window would be empty anyway."""


class WindowCache:
    """At most `limit` events over all sessions, each about 250 bytes; the session longest untouched goes first, and
    every one that `keep` seconds have passed over. `now` is a clock in seconds that never goes back."""

    def __init__(self, limit: int = 300_000, keep: float = KEEP, now: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._keep = keep
        self._now = now
        self._size = 0
        self._entries: OrderedDict[Key, tuple[int, frozenset[str], list[Seen], float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key, event_count: int, types: frozenset[str]) -> list[Seen] | None:
        entry = self._entries.get(key)
        return entry[2] if entry is not None and entry[:2] == (event_count, types) else None

    def put(self, key: Key, event_count: int, types: frozenset[str], window: list[Seen]) -> None:
        before = self._entries.pop(key, None)
        self._size += len(window) - (len(before[2]) if before else 0)
        now = self._now()
        self._entries[key] = (event_count, types, window, now)
        while self._entries and (self._size > self._limit or self._oldest() < now - self._keep):
            _, (_, _, dropped, _) = self._entries.popitem(last=False)
            self._size -= len(dropped)

    def _oldest(self) -> float:
        return next(iter(self._entries.values()))[3]
