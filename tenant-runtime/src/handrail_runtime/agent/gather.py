"""Reads the cases of signals, many in few statements: PostgreSQL for what has happened, Redis for who is there."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncEngine

from handrail_contracts import names, targets, times
from handrail_contracts.signals import Signal
from handrail_contracts.tenant_spec import TenantSpec
from handrail_runtime.agent.case import Case, History, Reach, Seen
from handrail_runtime.data.raw import raw_connection, raw_transaction
from handrail_runtime.session import state as session
from handrail_runtime.session.matching import path_of

MAX_EVENTS = 60
"""Of the session, newest first: what a diagnosis and an alert look at."""
SEEN_WITHIN = timedelta(minutes=2)
BETWEEN_PAGES = timedelta(seconds=10)
"""With Redis away, a user seen within this time counts as there."""
ANSWERS_COUNT_FOR = timedelta(hours=1)
"""Within this time a user's questions are counted."""
_REDIS_TIMEOUT = 0.5

# Answers to questions are not nudges in the sense of caps and budget, so they are left out.
_SENT_SO_FAR = """
    SELECT count(*) FILTER (WHERE n.status = 'pending' AND n.acknowledged_at IS NULL AND n.expires_at > $3) AS pending,
           count(*) FILTER (WHERE n.stuck_point = w.stuck_point) AS at_stuck_point,
           count(*) FILTER (WHERE n.stuck_point = w.stuck_point AND n.completed_at IS NOT NULL)
               AS completed_at_stuck_point,
           count(*) FILTER (WHERE n.sent_at > $4) AS in_budget,
           max(n.sent_at) AS last_sent,
           (SELECT count(*) FROM decisions d
            WHERE d.user_id = w.user_id AND d.created_at > $5 AND d.signal_kind = 'help_sought'
              AND d.nudge_id IS NOT NULL) AS answered,
           EXISTS (SELECT FROM escalations e
                   WHERE e.user_id = w.user_id AND e.stuck_point = w.stuck_point AND e.status = 'open')
               AS escalation_open
    FROM nudges n
    WHERE n.user_id = w.user_id
      AND NOT EXISTS (SELECT FROM decisions d WHERE d.signal_id = n.signal_id AND d.signal_kind = 'help_sought')
"""
_HISTORY = f"""
SELECT h.* FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(user_id, stuck_point, number)
CROSS JOIN LATERAL ({_SENT_SO_FAR}) AS h ORDER BY w.number
"""  # noqa: S608 - of this module's own parts
# One statement, so that all of it is of one moment, and one round trip. Events come as JSON, oldest first.
_CASES = f"""
SELECT u.user_id IS NOT NULL AS known, u.signup_date, u.last_seq, s.state::text AS state, s.last_seen_time,
       e.events, h.*
FROM unnest($1::text[], $2::text[], $6::text[]) WITH ORDINALITY AS w(user_id, stuck_point, session_id, number)
LEFT JOIN users u ON u.user_id = w.user_id
LEFT JOIN sessions s ON s.user_id = u.user_id AND s.session_id = w.session_id
CROSS JOIN LATERAL ({_SENT_SO_FAR}) AS h
CROSS JOIN LATERAL (
    SELECT json_agg(json_build_array((extract(epoch FROM timestamp) * 1000000)::bigint, event_id, event_type, url,
                                     target_element, properties) ORDER BY timestamp, event_id)::text AS events
    FROM (
        SELECT event_id, event_type, timestamp, url, target_element, properties
        FROM events WHERE session_id = w.session_id AND user_id = w.user_id AND event_type <> '{targets.EVENT_TYPE}'
        ORDER BY timestamp DESC, event_id DESC LIMIT $7
    ) AS newest
) AS e
ORDER BY w.number
"""  # noqa: S608 - of this module's own parts
_HISTORY_FIELDS = tuple(field.name for field in fields(History))
_SENT = """
SELECT content::text AS content, sent_at, status FROM nudges
WHERE user_id = $1 AND stuck_point = $2 ORDER BY sent_at DESC LIMIT 10
"""


async def gather(
    engine: AsyncEngine, redis: Redis, prefix: str, found: Sequence[Signal], spec: TenantSpec, now: datetime
) -> list[Case]:
    """The whole case of each signal. Raises what the database raises; Redis may be away."""
    sessions = [signal.session_id for signal in found]
    async with raw_connection(engine) as connection:
        rows = await connection.fetch(_CASES, *_asked(found, spec, now), sessions, MAX_EVENTS)
    lives = await _live(redis, prefix, found, [row["last_seen_time"] for row in rows], now)
    cases = []
    for signal, row, live in zip(found, rows, lives, strict=True):
        state = session.decode(row["state"])
        cases.append(
            Case(
                now=now,
                signal=signal,
                spec=spec,
                user_known=row["known"],
                path=live.path or state.path or signal.path,
                signup=row["signup_date"],
                last_seq=row["last_seq"] or 0,
                standing=state.standing,
                events=_seen(row["events"]),
                history=_history(row),
                reach=live.reach,
            )
        )
    return cases


async def histories(
    connection: asyncpg.Connection, found: Sequence[Signal], spec: TenantSpec, now: datetime
) -> list[History]:
    """What each user was sent so far. Counts are exact where the users' rows are locked."""
    return [_history(row) for row in await connection.fetch(_HISTORY, *_asked(found, spec, now))]


def _asked(
    found: Sequence[Signal], spec: TenantSpec, now: datetime
) -> tuple[list[str], list[str], datetime, datetime, datetime]:
    users, stuck_points = [signal.user_id for signal in found], [signal.stuck_point for signal in found]
    return users, stuck_points, now, now - spec.nudges.attention_budget.per, now - ANSWERS_COUNT_FOR


def _history(row: asyncpg.Record) -> History:
    return History(*[row[name] for name in _HISTORY_FIELDS])


class _Session(msgspec.Struct):
    """What of the live session matters here."""

    session_id: str = ""
    path: str = ""


@dataclass(frozen=True)
class _Live:
    reach: Reach
    path: str = ""


async def _live(
    redis: Redis, prefix: str, found: Sequence[Signal], last_seen: Sequence[datetime | None], now: datetime
) -> list[_Live]:
    """Who is there and on which page. realtime keeps a key for each user with an open socket, ingest one with the
    session; without Redis, PostgreSQL has to do."""
    keys = [names.presence_key(prefix, signal.user_id) for signal in found]
    keys += [names.session_key(prefix, signal.user_id) for signal in found]
    try:
        async with asyncio.timeout(_REDIS_TIMEOUT):
            values = await redis.mget(keys)
    except (RedisError, OSError):
        lately = [at is not None and now - at <= SEEN_WITHIN for at in last_seen]
        return [_Live(Reach(live=there, source="last_seen")) for there in lately]
    return [
        _Live(_reach(presence is not None, at, now), _page(live, signal))
        for signal, at, presence, live in zip(found, last_seen, values[: len(found)], values[len(found) :], strict=True)
    ]


def _reach(socket: bool, last_seen: datetime | None, now: datetime) -> Reach:
    """Between two pages, and in the first seconds of one, there is no socket: the nudge waits for it."""
    if not socket and last_seen is not None and now - last_seen <= BETWEEN_PAGES:
        return Reach(live=True, source="last_seen")
    return Reach(live=socket, source="socket")


def _page(live: bytes | str | None, signal: Signal) -> str:
    """The page of the live session, if that is the signal's."""
    try:
        found = msgspec.json.decode(live, type=_Session) if live else _Session()
    except msgspec.MsgspecError:
        found = _Session()
    return found.path if found.session_id == signal.session_id else ""


async def sent_before(engine: AsyncEngine, signal: Signal) -> Sequence[dict[str, Any]]:
    """The nudges the user was sent at this stuck point, newest first, as an alert shows them."""
    async with raw_transaction(engine) as connection:
        rows = await connection.fetch(_SENT, signal.user_id, signal.stuck_point)
    found = []
    for row in rows:
        content = msgspec.json.decode(row["content"])
        found.append(
            {
                "sent_at": row["sent_at"].isoformat(),
                "title": content.get("title", ""),
                "body": content.get("body", ""),
                "status": row["status"],
            }
        )
    return found


class _Event(msgspec.Struct, array_like=True):
    at: int
    event_id: str
    event_type: str
    url: str
    target: Any
    properties: dict[str, Any]


_events = msgspec.json.Decoder(list[_Event])


def _seen(text: str | None) -> tuple[Seen, ...]:
    return tuple(
        Seen(
            at=times.from_micros(event.at),
            event_id=event.event_id,
            event_type=event.event_type,
            path=path_of(event.url),
            target=event.target if isinstance(event.target, dict) else {},
            properties=event.properties,
        )
        for event in (_events.decode(text) if text else ())
    )
