"""What this process has seen to be as it should, and how long that counts."""

import time
from dataclasses import dataclass, replace

LONG = 3600.0
"""Seconds."""


@dataclass(frozen=True)
class _Seen:
    mark: str
    epoch: str
    until: float
    value: str


class Verified:
    """`what` of `name` was seen to be as `mark` says, in an epoch of its server."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, _Seen]] = {}

    def holds(self, what: str, name: str, mark: str, epoch: str | None) -> bool:
        found = self._seen.get(name, {}).get(what)
        return found is not None and (found.mark, found.epoch) == (mark, epoch) and time.monotonic() < found.until

    def known(self, what: str, name: str, epoch: str | None) -> bool:
        """Whether it was seen in this epoch, however long ago and whatever it was."""
        found = self._seen.get(name, {}).get(what)
        return found is not None and found.epoch == epoch

    def value(self, what: str, name: str) -> str:
        """What was found out when it was seen last; empty: never."""
        found = self._seen.get(name, {}).get(what)
        return found.value if found is not None else ""

    def note(self, what: str, name: str, mark: str, epoch: str, value: str, spread: float) -> None:
        """`spread`: a factor near 1 on how long it counts, so that not all tenants are due at once."""
        self._seen.setdefault(name, {})[what] = _Seen(mark, epoch, time.monotonic() + LONG * spread, value)

    def doubt(self, name: str) -> None:
        """Nothing holds any more; what was found out stays known."""
        seen = self._seen.get(name, {})
        self._seen[name] = {what: replace(one, until=0.0) for what, one in seen.items()}

    def forget(self, name: str) -> None:
        self._seen.pop(name, None)
