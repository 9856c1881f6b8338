"""The list of elements that the config counts on. All of it is made anew for each page of it, which is a cut."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from handrail_contracts import targets, times
from handrail_contracts.events import PublicTime
from handrail_contracts.problems import Problem, ProblemItem
from handrail_contracts.tenant_spec import TenantSpec
from handrail_runtime.data import tables
from handrail_runtime.realtime.api import cursors
from handrail_runtime.realtime.api.lists import DEFAULT, MOST
from handrail_runtime.realtime.api.reader import Reader
from handrail_runtime.realtime.api.target_items import Facts, Key, describe, nudged
from handrail_runtime.targets.standing import Standing, State

NAME = "targets"
LATELY = timedelta(days=14)
"""How far back is counted unless asked otherwise."""
MOST_NUDGES = 2000
"""Of late, newest first, that are looked into for their targets."""
_ORDER: tuple[State, ...] = ("missing", "unknown", "ok")
_SORTED_BY = 200
"""Characters of a selector."""


class TargetQuery(BaseModel):
    """What the list of targets takes. An unknown parameter is refused."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(DEFAULT, ge=1, le=MOST, description="Items of one page.")
    cursor: str | None = Field(None, max_length=cursors.MAX_LENGTH, description="`next` of the page before.")
    state: State | None = Field(None, description="Only with this state.")
    baseline: str | None = Field(None, max_length=63, description="Only those that this baseline names.")
    selector: str | None = Field(None, max_length=1000, description="Only this one.")
    since: PublicTime | None = Field(
        None, description="Count from this day on (RFC 3339, UTC); 14 days where left out."
    )
    until: PublicTime | None = Field(None, description="Count the days that began before this time (RFC 3339, UTC).")


class TargetList:
    """Reads and answers. `spec`: the config in force."""

    def __init__(self, reader: Reader, spec: Callable[[], TenantSpec]) -> None:
        self._reader = reader
        self._spec = spec

    async def page(self, query: TargetQuery) -> dict[str, Any]:
        """One page: its `items`, and in `next` the cursor of the next one. Raises Problem."""
        after = _place(query.cursor) if query.cursor is not None else None
        spec = self._spec()
        items = sorted(describe(spec, await self._facts(spec, query)), key=_key)
        wanted = [item for item in items if _is_wanted(item, query) and (after is None or _key(item) > after)]
        page = wanted[: query.limit]
        more = len(wanted) > len(page)
        return {"items": page, "next": _cursor(page[-1]) if more else None}

    async def _facts(self, spec: TenantSpec, query: TargetQuery) -> Facts:
        until = query.until or datetime.now(UTC)
        since = query.since or until - LATELY
        last = (until - timedelta(microseconds=1)).astimezone(UTC).date()
        pages, checks, named = tables.target_pages, tables.target_checks, tables.target_candidates
        nudges = tables.nudges.c
        # Ingest bounds the books by the config; the limits are for what older configs left in them.
        kept = [use.selector for use in targets.uses(spec.baselines)]
        standings = await self._reader.rows(NAME, select(pages).where(pages.c.selector.in_(kept)).limit(5000))
        counts = await self._reader.rows(
            NAME,
            select(checks)
            .where(checks.c.selector.in_(kept), checks.c.day >= since.astimezone(UTC).date(), checks.c.day <= last)
            .order_by(checks.c.day.desc())
            .limit(50_000),
        )
        candidates = await self._reader.rows(NAME, select(named).where(named.c.selector.in_(kept)).limit(20_000))
        sent = await self._reader.rows(
            NAME,
            select(
                nudges.content["target"].astext.label("target"),
                nudges.stuck_point,
                nudges.status,
                nudges.sent_at,
                nudges.shown_at,
                nudges.acknowledged_at,
            )
            .where(nudges.sent_at >= since, nudges.sent_at < until)
            .order_by(nudges.sent_at.desc())
            .limit(MOST_NUDGES),
        )
        return Facts(
            {_of(row): Standing.of_row(row) for row in standings},
            _grouped(counts, lambda row: (row["day"], row["found"], row["missed"])),
            _grouped(candidates, dict),
            nudged(sent),
        )


# --- where a page of the list ends -------------------------------------------------------------------------------

_Key = tuple[str, str, str]


def _key(item: Mapping[str, Any]) -> _Key:
    selector = item["selector"]
    digest = blake2b(selector.encode(), digest_size=8).hexdigest()
    return str(_ORDER.index(item["state"])), selector[:_SORTED_BY], digest


def _cursor(item: Mapping[str, Any]) -> str:
    return cursors.write(NAME, times.EPOCH, list(_key(item)))


def _place(cursor: str) -> _Key:
    try:
        _, (rank, selector, digest) = cursors.read(NAME, cursor, 3)
    except ValueError as error:
        raise Problem("invalid", errors=[ProblemItem(loc=["cursor"], msg="not a cursor of this list")]) from error
    return rank, selector, digest


def _is_wanted(item: Mapping[str, Any], query: TargetQuery) -> bool:
    return (
        query.state in (None, item["state"])
        and query.selector in (None, item["selector"])
        and (query.baseline is None or any(use["baseline"] == query.baseline for use in item["uses"]))
    )


# --- rows --------------------------------------------------------------------------------------------------------


def _of(row: Mapping[str, Any]) -> Key:
    return row["selector"], row["page"]


def _grouped(rows: Iterable[dict[str, Any]], made: Callable[[dict[str, Any]], Any]) -> dict[Key, list[Any]]:
    found: dict[Key, list[Any]] = defaultdict(list)
    for row in rows:
        found[_of(row)].append(made(row))
    return found
