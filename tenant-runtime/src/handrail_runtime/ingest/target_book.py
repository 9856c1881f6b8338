"""The books of elements that the config names, written within ingest's transaction, so that nothing counts twice."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

import asyncpg

from handrail_runtime.ingest import metrics
from handrail_runtime.ingest.decoding import Arrived
from handrail_runtime.ingest.looks import Telling, checks, telling, told, uses
from handrail_runtime.ingest.rules import Rules
from handrail_runtime.session.matching import path_of
from handrail_runtime.targets.pages import Book, Candidate, Key, Look
from handrail_runtime.targets.standing import Standing

_LOCK = 0x54415247  # one writer at a time: a look moves what the one before it left
USES_EVERY = 600.0
"""Seconds within which one use of an element says as much as many."""
_MOST_USES = 10_000

MOST_CHECKS = 200
"""Of one visit; what goes beyond is not counted."""

_TOLD = """
SELECT w.user_id, w.session_id, e.event_id, e.url
FROM unnest($1::text[], $2::text[]) AS w(user_id, session_id)
CROSS JOIN LATERAL (
    SELECT event_id, url FROM events
    WHERE event_type = 'target_check' AND user_id = w.user_id AND session_id = w.session_id LIMIT $3
) AS e
"""
_PAGES = """
SELECT selector, page, last_found_at, last_used_at, first_missed_at, last_missed_at, run, usual_run
FROM target_pages WHERE selector = ANY($1::text[])
"""
_CANDIDATES = """
SELECT c.selector, c.page, c.candidate, c.count, c.last_seen_at
FROM unnest($1::text[], $2::text[]) AS w(selector, page) JOIN target_candidates c USING (selector, page)
"""
_SAVE_PAGES = """
INSERT INTO target_pages (selector, page, last_found_at, last_used_at, first_missed_at, last_missed_at, run, usual_run)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[],
                     $6::timestamptz[], $7::int[], $8::float8[])
ON CONFLICT (selector, page) DO UPDATE
SET last_found_at = excluded.last_found_at, last_used_at = excluded.last_used_at,
    first_missed_at = excluded.first_missed_at, last_missed_at = excluded.last_missed_at,
    run = excluded.run, usual_run = excluded.usual_run
"""
_SAVE_DAYS = """
INSERT INTO target_checks (selector, page, day, found, missed)
SELECT * FROM unnest($1::text[], $2::text[], $3::date[], $4::int[], $5::int[])
ON CONFLICT (selector, page, day) DO UPDATE
SET found = target_checks.found + excluded.found, missed = target_checks.missed + excluded.missed
"""
_DROP_CANDIDATES = """
DELETE FROM target_candidates c USING unnest($1::text[], $2::text[]) AS w(selector, page)
WHERE c.selector = w.selector AND c.page = w.page
"""
_SAVE_CANDIDATES = """
INSERT INTO target_candidates (selector, page, candidate, count, last_seen_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::timestamptz[])
"""
_FORGET = (
    "DELETE FROM target_checks WHERE day < $1::date",
    "DELETE FROM target_candidates WHERE last_seen_at < $1::date",
    "DELETE FROM target_pages WHERE greatest(last_found_at, last_used_at, last_missed_at) < $1::date",
)


class TargetBook:
    """Keeps in memory only what saves work: which uses were written lately, and on which day old rows were dropped."""

    def __init__(self) -> None:
        self._uses: dict[Key, float] = {}
        self._cleared: date | None = None

    async def write(self, connection: asyncpg.Connection, new: Iterable[Arrived], rules: Rules, now: datetime) -> None:
        """Enters what events that are `new` say, within the connection's transaction. Raises what asyncpg raises.

        Comes last in the transaction: others that write here wait until it has ended.
        """
        if not rules.targets:
            return
        earliest = now - rules.retention
        looks = [look for look in uses(new, rules) if not self._known(look)]
        found = checks(new)
        if not looks and not found:
            return
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        if found:
            looks += told(found, await _told_before(connection, found), rules)
        looks = sorted((look for look in looks if look.at >= earliest), key=lambda look: look.at)
        selectors = sorted({rule.selector for rule in rules.targets.values()})
        book = Book(standings={_key(row): Standing.of_row(row) for row in await connection.fetch(_PAGES, selectors)})
        if named := sorted({look.key for look in looks if look.nearest is not None}):
            for row in await connection.fetch(_CANDIDATES, *_columns(named)):
                known = book.candidates.setdefault(_key(row), {})
                known[row["candidate"]] = Candidate(row["count"], row["last_seen_at"])
        book.enter(looks)
        await _save(connection, book)
        await self._forget(connection, earliest.date())
        metrics.MISSING_TARGETS.set(sum(one.state == "missing" for one in book.standings.values()))

    def _known(self, look: Look) -> bool:
        """Whether the like was written a moment ago. If that failed, the next use after this while is written."""
        if look.kind != "used":
            return False
        now = time.monotonic()
        if now - self._uses.get(look.key, -USES_EVERY) < USES_EVERY:
            return True
        if len(self._uses) >= _MOST_USES:
            self._uses.clear()
        self._uses[look.key] = now
        return False

    async def _forget(self, connection: asyncpg.Connection, before: date) -> None:
        """Once a day."""
        today = datetime.now(UTC).date()
        if self._cleared == today:
            return
        for statement in _FORGET:
            await connection.execute(statement, before)
        self._cleared = today


async def _told_before(connection: asyncpg.Connection, found: Sequence[Arrived]) -> set[Telling]:
    """What the visits of these events have told of before; all that they tell now where that was too much already."""
    new = {one.event.event_id for one in found}
    visits = sorted({(one.event.user_id, one.event.session_id) for one in found})
    rows = await connection.fetch(_TOLD, *map(list, zip(*visits, strict=True)), MOST_CHECKS + len(new))
    before = [row for row in rows if str(row["event_id"]) not in new]
    full = {visit for visit, count in Counter(map(_visit, before)).items() if count >= MOST_CHECKS}
    known = {(*_visit(row), path_of(row["url"])) for row in before}
    return known | {telling(one) for one in found if telling(one)[:2] in full}


def _visit(row: asyncpg.Record) -> tuple[str, str]:
    return row["user_id"], row["session_id"]


async def _save(connection: asyncpg.Connection, book: Book) -> None:
    if not book.changed:
        return
    changed = sorted(book.changed)
    standings = [book.standings[key] for key in changed]
    await connection.execute(
        _SAVE_PAGES,
        *_columns(changed),
        [one.last_found for one in standings],
        [one.last_used for one in standings],
        [one.first_missed for one in standings],
        [one.last_missed for one in standings],
        [one.run for one in standings],
        [one.usual_run for one in standings],
    )
    if days := sorted({(key, day) for key, day, _ in book.days}):
        await connection.execute(
            _SAVE_DAYS,
            *_columns([key for key, _ in days]),
            [day for _, day in days],
            [book.days[key, day, "found"] for key, day in days],
            [book.days[key, day, "missed"] for key, day in days],
        )
    if named := sorted(book.candidates.keys() & book.changed):
        await connection.execute(_DROP_CANDIDATES, *_columns(named))
        rows = [(key, name, one) for key in named for name, one in book.candidates[key].items()]
        await connection.execute(
            _SAVE_CANDIDATES,
            *_columns([key for key, _, _ in rows]),
            [name for _, name, _ in rows],
            [one.count for _, _, one in rows],
            [one.last_seen for _, _, one in rows],
        )


def _columns(keys: Sequence[Key]) -> tuple[list[str], list[str]]:
    return [key.selector for key in keys], [key.page for key in keys]


def _key(row: asyncpg.Record) -> Key:
    return Key(row["selector"], row["page"])
