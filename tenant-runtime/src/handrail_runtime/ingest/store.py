"""One batch in one transaction: users, events, sessions, signals into the outbox. Exactly once in effect.

Every step is idempotent and only events that are new count, so a batch may come again, to this process or another.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import asyncpg
import msgspec

from handrail_contracts import signals, targets, times
from handrail_contracts.signals import Signal
from handrail_runtime.ingest import feedback, statements
from handrail_runtime.ingest.analysis import MAX_WINDOW, WINDOW, analyse, extended, window_of
from handrail_runtime.ingest.arrays import plain_array, text_array
from handrail_runtime.ingest.decoding import Arrived
from handrail_runtime.ingest.rules import Rules
from handrail_runtime.ingest.window_cache import Key, WindowCache
from handrail_runtime.session import state as session
from handrail_runtime.session.seen import TELLING, Seen, Told, seen
from handrail_runtime.session.state import SessionState

ACTIVE = timedelta(minutes=30)
"""A session is active until nothing has come for so long."""
OUTSIDE = frozenset({"identify", targets.EVENT_TYPE})
"""Being told who somebody is, is no visit, nor is what a browser saw of the page."""


@dataclass
class Visit:
    """One session that a batch touches."""

    user_id: str
    session_id: str
    new: list[Arrived]
    known: bool = False
    """Stored before."""
    start_time: datetime = times.LATEST
    last_seen_time: datetime = times.EPOCH
    event_count: int = 0
    state: SessionState = field(default_factory=SessionState)
    window: list[Seen] | None = None
    """Before the new events."""

    @property
    def key(self) -> Key:
        return self.user_id, self.session_id


@dataclass
class Stored:
    """What a transaction did."""

    new: Sequence[Arrived] = ()
    visits: list[Visit] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    """Those that are new."""

    @property
    def events(self) -> int:
        return len(self.new)


async def store(
    connection: asyncpg.Connection, arrived: Sequence[Arrived], rules: Rules, cache: WindowCache, now: datetime
) -> Stored:
    """Writes a batch within the connection's transaction. Raises what asyncpg raises; then nothing was written."""
    batch = {one.event.event_id: one for one in arrived}
    runs = _runs(batch.values())
    if users := _users(runs):
        await connection.execute(statements.USERS, *users)
    stored = await connection.fetchval(statements.EVENTS, *_events([batch[key] for key in sorted(batch)]), len(batch))
    if stored is None:
        return Stored()
    if stored:
        batch = {key: batch[key] for key in stored.split()}
        runs = [[one for one in run if one.event.event_id in batch] for run in runs]
    visits = _visits(runs)
    if visits:
        await _load(connection, visits, cache, rules)
    telling = [one for one in batch.values() if one.event.event_type in feedback.TYPES]
    said = feedback.gather(sorted(telling, key=_order))
    counts = await feedback.apply(connection, said) if said else {}
    found: list[Signal] = []
    for visit in visits:
        found += _advance(visit, rules)
        if visit.user_id in counts:
            visit.state.nudges = counts[visit.user_id]
    if visits:
        await connection.execute(statements.SAVE_SESSIONS, *_sessions(visits, now))
    return Stored([*batch.values()], visits, await save_signals(connection, found))


async def save_signals(connection: asyncpg.Connection, found: Sequence[Signal]) -> list[Signal]:
    """Puts signals into the outbox; gives those that were not there yet."""
    if not found:
        return []
    ordered = sorted(found, key=lambda one: one.signal_id)
    rows = await connection.fetch(
        statements.SIGNALS,
        [one.signal_id for one in ordered],
        [one.kind for one in ordered],
        [one.user_id for one in ordered],
        [one.session_id for one in ordered],
        [one.stuck_point for one in ordered],
        [times.from_micros(one.occurred_at) for one in ordered],
        [signals.encode(one).decode() for one in ordered],
    )
    new = {str(row["signal_id"]) for row in rows}
    return [one for one in ordered if one.signal_id in new]


def _order(one: Arrived) -> tuple[int, str]:
    return one.seen.at, one.seen.event_id


def _runs(arrived: Iterable[Arrived]) -> list[list[Arrived]]:
    """Cut where user or session changes: what a browser sent at once stands together."""
    runs: list[list[Arrived]] = []
    user_id = session_id = None
    run: list[Arrived] = []
    for one in arrived:
        event = one.event
        if event.session_id != session_id or event.user_id != user_id:
            user_id, session_id = event.user_id, event.session_id
            runs.append(run := [])
        run.append(one)
    return runs


def _users(runs: Sequence[Sequence[Arrived]]) -> tuple[str, str, str, str] | None:
    spans: dict[str, tuple[int, int, bool]] = {}
    for run in runs:
        if not (ats := [one.seen.at for one in run if one.event.event_type != targets.EVENT_TYPE]):
            continue
        first, last, simulated = min(ats), max(ats), run[0].origin.simulated
        if (span := spans.get(user_id := run[0].event.user_id)) is not None:
            first, last, simulated = min(span[0], first), max(span[1], last), span[2]
        spans[user_id] = first, last, simulated
    if not spans:
        return None
    ids = sorted(spans)
    first_at, last_at, are_simulated = zip(*(spans[one] for one in ids), strict=True)
    return text_array(ids), plain_array(first_at), plain_array(last_at), plain_array(are_simulated)


def _events(batch: Sequence[Arrived]) -> tuple[str, ...]:
    encode = msgspec.json.encode
    raw = [one.event for one in batch]
    return (
        text_array([one.event_id for one in raw]),
        text_array([one.user_id for one in raw]),
        text_array([one.session_id for one in raw]),
        text_array([one.event_type for one in raw]),
        text_array([encode(one.target_element).decode() if one.target_element else "" for one in raw]),
        plain_array([one.seen.at for one in batch]),
        text_array([one.url for one in raw]),
        text_array([str(one.properties, "utf-8") for one in raw]),
        plain_array([one.origin.packed for one in batch]),
    )


def _visits(runs: Sequence[list[Arrived]]) -> list[Visit]:
    """Each with its new events in order of time."""
    visits: dict[Key, Visit] = {}
    for run in runs:
        if not (found := [one for one in run if one.event.event_type not in OUTSIDE]):
            continue
        key = found[0].event.user_id, found[0].event.session_id
        if (visit := visits.get(key)) is None:
            visits[key] = Visit(*key, found)
        else:
            visit.new += found
    for visit in visits.values():
        ats = [one.seen.at for one in visit.new]
        if ats != sorted(set(ats)):
            visit.new.sort(key=_order)
    return [visits[key] for key in sorted(visits)]


async def _load(connection: asyncpg.Connection, visits: Sequence[Visit], cache: WindowCache, rules: Rules) -> None:
    """Locks the sessions, in order of their ids, and reads what is known of them."""
    by_key = {visit.key: visit for visit in visits}
    ids = [visit.user_id for visit in visits], [visit.session_id for visit in visits]
    for row in await connection.fetch(statements.SESSIONS, *ids):
        visit = by_key[row["user_id"], row["session_id"]]
        visit.known = True
        visit.start_time, visit.last_seen_time = row["start_time"], row["last_seen_time"]
        visit.event_count, visit.state = row["event_count"], session.decode(row["state"])
        visit.window = cache.get(visit.key, visit.event_count, rules.looked_at)
    begun = [visit for visit in visits if not visit.known]
    if begun:
        before = await connection.fetch(statements.DONE_BEFORE, sorted({visit.user_id for visit in begun}))
        done: dict[str, set[str]] = {}
        for row in before:
            done.setdefault(row["user_id"], set()).update(session.decode(row["state"]).done)
        for visit in begun:
            visit.state.done, visit.window = sorted(done.get(visit.user_id, ())), []
    if unread := [visit for visit in visits if visit.window is None]:
        await _read_windows(connection, unread, rules)


async def _read_windows(connection: asyncpg.Connection, visits: Sequence[Visit], rules: Rules) -> None:
    windows: list[list[Seen]] = [[] for _ in visits]
    rows = await connection.fetch(
        statements.WINDOWS,
        list(range(len(visits))),
        [visit.user_id for visit in visits],
        [visit.session_id for visit in visits],
        [_since(visit) for visit in visits],
        MAX_WINDOW,
        sorted(rules.looked_at),
    )
    for row in rows:
        at, received_at = row["timestamp"], row["received_at"]
        windows[row["number"]].append(
            seen(
                times.micros(at),
                str(row["event_id"]),
                row["event_type"],
                row["url"],
                row["selector"],
                row["tag"],
                msgspec.json.decode(row["properties"], type=Told) if row["event_type"] in TELLING else Told(),
                received_at - at > times.STALE_AFTER,
            )
        )
    for visit, window in zip(visits, windows, strict=True):
        visit.window = window_of(window, times.micros(visit.last_seen_time))  # they come newest first


def _since(visit: Visit) -> datetime:
    newest = max(visit.last_seen_time, visit.new[-1].at)
    return max(times.EPOCH + timedelta(microseconds=WINDOW), newest) - timedelta(microseconds=WINDOW)


def _advance(visit: Visit, rules: Rules) -> list[Signal]:
    """Carries a visit over its new events."""
    new = [one.seen for one in visit.new]
    last = visit.new[-1]
    newest = max(visit.state.last_at, new[-1].at)
    visit.window = extended(visit.window or [], [one for one in new if one.event_type in rules.looked_at], newest)
    texts = {
        one.seen.event_id: text if isinstance(text := one.properties().get("text"), str) else ""
        for one in visit.new
        if one.event.event_type == "user_message"
    }
    visit.state.simulated, visit.state.trace = last.origin.simulated, last.origin.trace
    visit.state, found = analyse(visit.user_id, visit.session_id, visit.state, visit.window, new, texts, rules)
    visit.start_time = min(visit.start_time, visit.new[0].at)
    visit.last_seen_time = max(visit.last_seen_time, last.at)
    visit.event_count += len(new)
    return found


def _sessions(visits: Sequence[Visit], now: datetime) -> tuple[list[object], ...]:
    return (
        [visit.user_id for visit in visits],
        [visit.session_id for visit in visits],
        [visit.start_time for visit in visits],
        [visit.last_seen_time for visit in visits],
        [now - visit.last_seen_time < ACTIVE for visit in visits],
        [visit.event_count for visit in visits],
        [session.encode(visit.state) for visit in visits],
    )
