"""How an element stands on one page: found, or missed more often in a row than it ever was. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

State = Literal["ok", "missing", "unknown"]

LEAST_RUN = 3
"""Misses in a row below which nothing is said: one visitor's browser may hide anything."""
_FADES = 0.9
"""How much of the usual run is left after each time it was found: a fault that lasted long is forgotten by and by."""


@dataclass(frozen=True)
class Standing:
    """Of one selector on one page. A run is misses without a sight of it between."""

    last_found: datetime | None = None
    """By a browser that looked for it."""
    last_used: datetime | None = None
    """By a user who did something with it."""
    first_missed: datetime | None = None
    """Of the present run; None where there is none."""
    last_missed: datetime | None = None
    """Ever."""
    run: int = 0
    usual_run: float = 0.0
    """How long runs get although all is well: an element in a dialog is seen only now and then."""

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Standing":
        """As the table `target_pages` keeps it."""
        return cls(
            row["last_found_at"],
            row["last_used_at"],
            row["first_missed_at"],
            row["last_missed_at"],
            row["run"],
            row["usual_run"],
        )

    @property
    def last_seen(self) -> datetime | None:
        return max((at for at in (self.last_found, self.last_used) if at is not None), default=None)

    @property
    def state(self) -> State:
        if self.run >= max(LEAST_RUN, math.ceil(3 * self.usual_run) + 1):
            return "missing"
        return "unknown" if self.last_seen is None else "ok"

    def found(self, at: datetime) -> "Standing":
        return replace(self._ended(at), last_found=max(at, self.last_found or at))

    def used(self, at: datetime) -> "Standing":
        return replace(self._ended(at), last_used=max(at, self.last_used or at))

    def missed(self, at: datetime) -> "Standing":
        last = max(at, self.last_missed or at)
        if self.last_seen is not None and at <= self.last_seen:
            # It has been seen since: what comes late says nothing of today.
            return replace(self, last_missed=last)
        return replace(self, last_missed=last, run=self.run + 1, first_missed=min(at, self.first_missed or at))

    def _ended(self, at: datetime) -> "Standing":
        if self.last_missed is not None and at < self.last_missed and self.run:
            return self
        usual = max(float(self.run), self.usual_run * _FADES)
        return replace(self, run=0, first_missed=None, usual_run=usual)
