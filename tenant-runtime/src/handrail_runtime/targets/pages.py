"""Folds sights of elements into what is known of them: standings, counts by day, the elements most like them. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NamedTuple

from handrail_runtime.targets.standing import Standing

MOST_PAGES = 20
"""Pages of one selector where the config names none."""
MOST_CANDIDATES = 10
"""Of one selector on one page."""


class Key(NamedTuple):
    selector: str
    page: str


@dataclass(frozen=True)
class Look:
    """One sight of an element, or none where it should be."""

    key: Key
    declared: bool
    """The config names the page; else it is one of those where the element was seen."""
    at: datetime
    kind: Literal["found", "missed", "used"]
    nearest: str | None = None
    """In its place."""


@dataclass
class Candidate:
    count: int
    last_seen: datetime


@dataclass
class Book:
    """What is known; `changed` and `days` grow with each look that counts."""

    standings: dict[Key, Standing] = field(default_factory=dict)
    """All of the selectors in question."""
    candidates: dict[Key, dict[str, Candidate]] = field(default_factory=dict)
    changed: set[Key] = field(default_factory=set)
    days: Counter[tuple[Key, date, str]] = field(default_factory=Counter)
    """By key, day (UTC) and `found` or `missed`."""

    def enter(self, looks: Iterable[Look]) -> None:
        """`looks` in order of time."""
        for look in looks:
            if look.key in self.standings or self._begins(look):
                self._enter(look)

    def _begins(self, look: Look) -> bool:
        """Whether it is the first word of a page: where the config names none, nobody misses what was never there."""
        if look.declared:
            return True
        pages = sum(key.selector == look.key.selector for key in self.standings)
        return look.kind != "missed" and pages < MOST_PAGES

    def _enter(self, look: Look) -> None:
        standing = self.standings.get(look.key, Standing())
        moved = {"found": standing.found, "missed": standing.missed, "used": standing.used}[look.kind](look.at)
        self.standings[look.key] = moved
        self.changed.add(look.key)
        if look.kind != "used":
            self.days[look.key, look.at.date(), look.kind] += 1
        if look.nearest is not None:
            self._name(self.candidates.setdefault(look.key, {}), look.nearest, look.at)

    def _name(self, known: dict[str, Candidate], selector: str, at: datetime) -> None:
        if (one := known.get(selector)) is not None:
            known[selector] = Candidate(one.count + 1, max(at, one.last_seen))
            return
        if len(known) >= MOST_CANDIDATES:
            # Whatever is named often stays, however much else is named.
            del known[min(known, key=lambda name: (known[name].count, known[name].last_seen))]
        known[selector] = Candidate(1, at)
