"""Reads the cases of signals, many in few statements: PostgreSQL for what has happened, Redis for who is there."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncEngine

from handrail_contracts import names
from handrail_contracts.signals import Signal
from handrail_contracts.tenant_spec import TenantSpec
from handrail_runtime.agent.case import Case, History, Reach, Seen
from handrail_runtime.data.raw import raw_transaction
from handrail_runtime.session import state as session
from handrail_runtime.session.matching import path_of

MAX_EVENTS = 60
"""Of the session, newest first: what a diagnosis and an alert look at."""
SEEN_WITHIN = timedelta(minutes=2)
"""With Redis away, a user seen within this time counts as there."""
ANSWERS_COUNT_FOR = timedelta(hours=1)
"""Within this time a user's questions are counted."""
_REDIS_TIMEOUT = 0.5

_PEOPLE = """
SELECT u.user_id IS NOT NULL AS known, u.signup_date, s.state::text AS state, s.last_seen_time
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(user_id, session_id, number)
LEFT JOIN users u ON u.user_id = w.user_id
LEFT JOIN sessions s ON s.user_id = u.user_id AND s.session_id = w.session_id
ORDER BY w.number
"""
_EVENTS = """
SELECT w.number, e.*
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(user_id, session_id, number)
CROSS JOIN LATERAL (
    SELECT event_id, event_type, timestamp, url, target_element::text AS target, properties::text AS properties
    FROM events WHERE session_id = w.session_id AND user_id = w.user_id
    ORDER BY timestamp DESC, event_id DESC LIMIT $3
) AS e
ORDER BY w.number, e.timestamp, e.event_id
"""
# Answers to questions are not nudges in the sense of caps and budget, so they are left out.
_HISTORY = """
SELECT h.*,
       (SELECT count(*) FROM decisions d
        WHERE d.user_id = w.user_id AND d.created_at > $5 AND d.signal_kind = 'help_sought'
          AND d.nudge_id IS NOT NULL) AS answered,
       EXISTS (SELECT FROM escalations e
               WHERE e.user_id = w.user_id AND e.stuck_point = w.stuck_point AND e.status = 'open') AS escalation_open
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(user_id, stuck_point, number)
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE n.status = 'pending' AND n.acknowledged_at IS NULL AND n.expires_at > $3) AS pending,
           count(*) FILTER (WHERE n.stuck_point = w.stuck_point) AS at_stuck_point,
           count(*) FILTER (WHERE n.stuck_point = w.stuck_point AND n.completed_at IS NOT NULL)
               AS completed_at_stuck_point,
           count(*) FILTER (WHERE n.sent_at > $4) AS in_budget,
           max(n.sent_at) AS last_sent
    FROM nudges n
    WHERE n.user_id = w.user_id
      AND NOT EXISTS (SELECT FROM decisions d WHERE d.signal_id = n.signal_id AND d.signal_kind = 'help_sought')
) AS h
ORDER BY w.number
"""
_SENT = """
SELECT content::text AS content, sent_at, status FROM nudges
WHERE user_id = $1 AND stuck_point = $2 ORDER BY sent_at DESC LIMIT 10
"""


async def gather(
    engine: AsyncEngine, redis: Redis, prefix: str, found: Sequence[Signal], spec: TenantSpec, now: datetime
) -> list[Case]:
    """The whole case of each signal. Raises what the database raises; Redis may be away."""
    users = [signal.user_id for signal in found]
    sessions = [signal.session_id for signal in found]
    async with raw_transaction(engine) as connection:
        people = await connection.fetch(_PEOPLE, users, sessions)
        rows = await connection.fetch(_EVENTS, users, sessions, MAX_EVENTS)
        pasts = await histories(connection, found, spec, now)
    lives = await _live(redis, prefix, found, [person["last_seen_time"] for person in people], now)
    events: list[list[Seen]] = [[] for _ in found]
    for row in rows:
        events[row["number"] - 1].append(_seen(row))
    cases = []
    for signal, person, seen, past, live in zip(found, people, events, pasts, lives, strict=True):
        state = session.decode(person["state"])
        cases.append(
            Case(
                now=now,
                signal=signal,
                spec=spec,
                user_known=person["known"],
                path=live.path or state.path or signal.path,
                signup=person["signup_date"],
                standing=state.standing,
                events=tuple(seen),
                history=past,
                reach=live.reach,
            )
        )
    return cases


async def histories(
    connection: asyncpg.Connection, found: Sequence[Signal], spec: TenantSpec, now: datetime
) -> list[History]:
    """What each user was sent so far. Counts are exact where the users' rows are locked."""
    since = now - spec.nudges.attention_budget.per
    users, stuck_points = [signal.user_id for signal in found], [signal.stuck_point for signal in found]
    rows = await connection.fetch(_HISTORY, users, stuck_points, now, since, now - ANSWERS_COUNT_FOR)
    return [History(**dict(row)) for row in rows]


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
        _Live(Reach(live=presence is not None, source="socket"), _page(live, signal))
        for signal, presence, live in zip(found, values[: len(found)], values[len(found) :], strict=True)
    ]


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


def _seen(row: asyncpg.Record) -> Seen:
    target = msgspec.json.decode(row["target"]) if row["target"] else None
    return Seen(
        at=row["timestamp"],
        event_id=str(row["event_id"]),
        event_type=row["event_type"],
        path=path_of(row["url"]),
        target=target if isinstance(target, dict) else {},
        properties=msgspec.json.decode(row["properties"]),
    )
