"""Windows of sessions kept in memory between batches, so that a session that goes on is not read again.

An entry counts only while the session's number of stored events is what it was: after another process has stored
some, the window is read anew; and only for the same types of events. So this saves work and decides nothing.
"""

from collections import OrderedDict

from handrail_runtime.session.seen import Seen

Key = tuple[str, str]


class WindowCache:
    """At most `limit` events over all sessions, each about 250 bytes; the session longest untouched goes first."""

    def __init__(self, limit: int = 300_000) -> None:
        self._limit = limit
        self._size = 0
        self._entries: OrderedDict[Key, tuple[int, frozenset[str], list[Seen]]] = OrderedDict()

    def get(self, key: Key, event_count: int, types: frozenset[str]) -> list[Seen] | None:
        entry = self._entries.get(key)
        return entry[2] if entry is not None and entry[:2] == (event_count, types) else None

    def put(self, key: Key, event_count: int, types: frozenset[str], window: list[Seen]) -> None:
        before = self._entries.pop(key, None)
        self._size += len(window) - (len(before[2]) if before else 0)
        self._entries[key] = (event_count, types, window)
        while self._size > self._limit and self._entries:
            _, (_, _, dropped) = self._entries.popitem(last=False)
            self._size -= len(dropped)

    def clear(self) -> None:
        self._entries.clear()
        self._size = 0
