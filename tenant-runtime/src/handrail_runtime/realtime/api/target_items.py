"""Elements that the config counts on, as the API shows them: made of the config, the books of ingest and the nudges of
late. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from handrail_contracts import targets
from handrail_contracts.targets import Use
from handrail_contracts.tenant_spec import TenantSpec
from handrail_runtime.targets.standing import LEAST_RUN, Standing, State

Key = tuple[str, str]
"""Selector and page."""


@dataclass
class Nudged:
    """What became of the nudges that point at an element."""

    sent: int = 0
    shown: int = 0
    target_missing: int = 0
    last_sent_at: datetime | None = None
    last_shown_at: datetime | None = None
    last_missing_at: datetime | None = None
    missed_in_a_row: int = 0
    stuck_points: set[str] = field(default_factory=set)

    @property
    def missing(self) -> bool:
        return self.missed_in_a_row >= LEAST_RUN


@dataclass
class Facts:
    """All that is known, as read."""

    standings: Mapping[Key, Standing]
    days: Mapping[Key, Sequence[tuple[date, int, int]]]
    """(day, found, missed) by selector and page, newest first."""
    candidates: Mapping[Key, Sequence[dict[str, Any]]]
    nudged: Mapping[str, Nudged]


def describe(spec: TenantSpec, facts: Facts) -> list[dict[str, Any]]:
    """Every element that the config or a nudge of late names, as the API shows it. Pure."""
    uses: dict[str, list[Use]] = defaultdict(list)
    for use in targets.uses(spec.baselines):
        uses[use.selector].append(use)
    looked = {rule.selector for rule in targets.looked_for(spec)}
    pages: dict[str, set[str]] = defaultdict(set)
    for selector, page in facts.standings:
        pages[selector].add(page)
    for selector, named in uses.items():
        pages[selector].update(use.path for use in named if use.path)
    return [
        _item(
            selector,
            uses.get(selector, []),
            [_page((selector, page), facts) for page in sorted(pages[selector])],
            facts.nudged.get(selector),
            looked_for=selector in looked,
        )
        for selector in sorted({*uses, *facts.nudged})
    ]


def _item(
    selector: str, uses: Sequence[Use], pages: list[dict[str, Any]], nudges: Nudged | None, *, looked_for: bool
) -> dict[str, Any]:
    found, missed = (sum(page[name] for page in pages) for name in ("found", "missed"))
    seen = [at for page in pages for at in (page["last_found_at"], page["last_used_at"]) if at is not None]
    if nudges is not None and nudges.last_shown_at is not None:
        seen.append(nudges.last_shown_at)
    state = _state(pages, {use.path for use in uses if use.path}, nudges)
    firsts = [page["first_missed_at"] for page in pages if page["first_missed_at"] is not None]
    candidates: dict[str, dict[str, Any]] = {}
    for page in pages:
        for one in page["nearest"]:
            known = candidates.setdefault(one["selector"], {**one, "count": 0})
            known["count"] += one["count"]
            known["last_seen_at"] = max(known["last_seen_at"], one["last_seen_at"])
    return {
        "selector": selector,
        "state": state,
        "looked_for": looked_for,
        "uses": [
            {
                "baseline": use.baseline,
                "step": use.step,
                "event": use.event,
                "path": use.path,
                "stuck_point": f"{use.baseline}/{use.step}" if use.step is not None else None,
            }
            for use in uses
        ],
        "nudges": _nudges(nudges or Nudged()),
        "found": found,
        "missed": missed,
        "found_share": _share(found, missed),
        "last_seen_at": max(seen, default=None),
        "first_missed_at": min(firsts, default=None),
        "nearest": sorted(candidates.values(), key=_by_count),
        "pages": pages,
    }


def _state(pages: Sequence[dict[str, Any]], declared: set[str], nudges: Nudged | None) -> State:
    """Missing where the config names the page; elsewhere only where it is on none of the pages it is known from."""
    states = {page["state"] for page in pages}
    if any(page["state"] == "missing" for page in pages if page["path"] in declared):
        return "missing"
    if "ok" in states:
        return "ok"
    if "missing" in states or (nudges is not None and nudges.missing):
        return "missing"
    return "ok" if nudges is not None and nudges.last_shown_at is not None else "unknown"


def _page(key: Key, facts: Facts) -> dict[str, Any]:
    standing = facts.standings.get(key, Standing())
    told = facts.days.get(key, ())
    found = sum(found for _, found, _ in told)
    missed = sum(missed for _, _, missed in told)
    since = standing.first_missed
    return {
        "path": key[1],
        "state": standing.state,
        "found": found,
        "missed": missed,
        "found_share": _share(found, missed),
        "missed_in_a_row": standing.run,
        "last_found_at": standing.last_found,
        "last_used_at": standing.last_used,
        "first_missed_at": since,
        "last_missed_at": standing.last_missed,
        # What stood in its place before it was last seen says nothing of today.
        "nearest": sorted(
            (
                {"selector": row["candidate"], "count": row["count"], "last_seen_at": row["last_seen_at"]}
                for row in facts.candidates.get(key, ())
                if since is not None and row["last_seen_at"] >= since
            ),
            key=_by_count,
        ),
        "days": [{"day": day, "found": found, "missed": missed} for day, found, missed in told],
    }


def nudged(rows: Iterable[Mapping[str, Any]]) -> dict[str, Nudged]:
    """By selector; `rows` newest first."""
    found: dict[str, Nudged] = {}
    for row in rows:
        if not row["target"]:
            continue
        one = found.setdefault(row["target"], Nudged())
        one.sent += 1
        one.last_sent_at = one.last_sent_at or row["sent_at"]
        one.stuck_points.add(row["stuck_point"])
        if row["status"] == "target_missing":
            one.target_missing += 1
            one.last_missing_at = one.last_missing_at or row["acknowledged_at"]
            one.missed_in_a_row += one.shown == 0
        elif row["shown_at"] is not None:
            one.shown += 1
            one.last_shown_at = one.last_shown_at or row["shown_at"]
    return found


def _nudges(one: Nudged) -> dict[str, Any]:
    told = ("sent", "shown", "target_missing", "last_sent_at", "last_missing_at")
    return {name: getattr(one, name) for name in told} | {"stuck_points": sorted(one.stuck_points)}


def _share(found: int, missed: int) -> float | None:
    return round(found / (found + missed), 4) if found + missed else None


def _by_count(one: Mapping[str, Any]) -> tuple[int, str]:
    return -one["count"], one["selector"]
