"""Reads the case of a signal: PostgreSQL for what has happened, Redis for who is there now."""

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
_REDIS_TIMEOUT = 0.5

_PERSON = """
SELECT u.signup_date, s.state::text AS state, s.last_seen_time
FROM users u LEFT JOIN sessions s ON s.user_id = u.user_id AND s.session_id = $2
WHERE u.user_id = $1
"""
_EVENTS = """
SELECT event_id, event_type, timestamp, url, target_element::text AS target, properties::text AS properties
FROM events WHERE session_id = $2 AND user_id = $1 ORDER BY timestamp DESC, event_id DESC LIMIT $3
"""
# Answers to questions are not nudges in the sense of caps and budget, so they are left out.
_HISTORY = """
SELECT count(*) FILTER (WHERE n.status = 'pending' AND n.acknowledged_at IS NULL AND n.expires_at > $3) AS pending,
       count(*) FILTER (WHERE n.stuck_point = $2) AS at_stuck_point,
       count(*) FILTER (WHERE n.stuck_point = $2 AND n.completed_at IS NOT NULL) AS completed_at_stuck_point,
       count(*) FILTER (WHERE n.sent_at > $4) AS in_budget,
       max(n.sent_at) AS last_sent,
       EXISTS (SELECT FROM escalations e
               WHERE e.user_id = $1 AND e.stuck_point = $2 AND e.status = 'open') AS escalation_open
FROM nudges n
WHERE n.user_id = $1
  AND NOT EXISTS (SELECT FROM decisions d WHERE d.signal_id = n.signal_id AND d.signal_kind = 'help_sought')
"""
_SENT = """
SELECT content::text AS content, sent_at, status FROM nudges
WHERE user_id = $1 AND stuck_point = $2 ORDER BY sent_at DESC LIMIT 10
"""


async def gather(
    engine: AsyncEngine, redis: Redis, prefix: str, signal: Signal, spec: TenantSpec, now: datetime
) -> Case:
    """The whole case. Raises what the database raises; Redis may be away."""
    async with raw_transaction(engine) as connection:
        people = await connection.fetch(_PERSON, signal.user_id, signal.session_id)
        rows = await connection.fetch(_EVENTS, signal.user_id, signal.session_id, MAX_EVENTS)
        past = await history(connection, signal, spec, now)
    person = people[0] if people else None
    last_seen = person["last_seen_time"] if person else None
    state = session.decode(person["state"] if person else None)
    live = await _live(redis, prefix, signal, last_seen, now)
    return Case(
        now=now,
        signal=signal,
        spec=spec,
        user_known=person is not None,
        path=live.path or state.path or signal.path,
        signup=person["signup_date"] if person else None,
        standing=state.standing,
        events=tuple(_seen(row) for row in reversed(rows)),
        history=past,
        reach=live.reach,
    )


async def history(connection: asyncpg.Connection, signal: Signal, spec: TenantSpec, now: datetime) -> History:
    """What the user was sent so far. Counts are exact where the user's row is locked."""
    since = now - spec.nudges.attention_budget.per
    (row,) = await connection.fetch(_HISTORY, signal.user_id, signal.stuck_point, now, since)
    return History(**dict(row))


class _Session(msgspec.Struct):
    """What of the live session matters here."""

    session_id: str = ""
    path: str = ""


@dataclass(frozen=True)
class _Live:
    reach: Reach
    path: str = ""


async def _live(redis: Redis, prefix: str, signal: Signal, last_seen: datetime | None, now: datetime) -> _Live:
    """Who is there and on which page. realtime keeps a key for each user with an open socket, ingest one with the
    session; without Redis, PostgreSQL has to do."""
    user_id = signal.user_id
    try:
        async with asyncio.timeout(_REDIS_TIMEOUT):
            presence, live = await redis.mget(names.presence_key(prefix, user_id), names.session_key(prefix, user_id))
    except (RedisError, OSError):
        there = last_seen is not None and now - last_seen <= SEEN_WITHIN
        return _Live(Reach(live=there, source="last_seen"))
    reach = Reach(live=presence is not None, source="socket")
    try:
        found = msgspec.json.decode(live, type=_Session) if live else _Session()
    except msgspec.MsgspecError:
        found = _Session()
    return _Live(reach, found.path if found.session_id == signal.session_id else "")


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
