"""The rows of deliveries and of their attempts.

A delivery is taken by counting its attempt and moving its time beyond the end of that attempt (a lease), so that no
other process takes it and no connection is held while it is sent. Whoever dies meanwhile leaves an attempt without a
row in the ledger; the next one to take the delivery writes it, as `unknown`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from handrail_runtime.agent.escalation.alert import Alert
from handrail_runtime.agent.escalation.retries import Result

LEASE = 60.0
"""Seconds; longer than any attempt takes."""

_ENQUEUE = """
INSERT INTO escalation_deliveries (escalation_id, channel) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING
"""
_TAKE = """
WITH due AS (
    SELECT escalation_id, channel, attempts, next_attempt_at FROM escalation_deliveries
    WHERE state = 'pending' AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED
), unknown AS (
    INSERT INTO escalation_attempts (escalation_id, channel, number, outcome, error, began_at, seconds)
    SELECT escalation_id, channel, attempts, 'unknown', 'the process ended before it could tell what came of it',
           next_attempt_at - make_interval(secs => $2), 0
    FROM due WHERE attempts > 0
    ON CONFLICT DO NOTHING RETURNING escalation_id, channel
), taken AS (
    UPDATE escalation_deliveries d
    SET attempts = d.attempts + 1, next_attempt_at = now() + make_interval(secs => $2)
    FROM due WHERE d.escalation_id = due.escalation_id AND d.channel = due.channel
    RETURNING d.escalation_id, d.channel, d.attempts
)
SELECT t.escalation_id, t.channel, t.attempts, e.user_id, e.session_id, e.stuck_point, e.created_at,
       e.draft::text AS draft, extract(epoch FROM now() - e.created_at)::float8 AS age,
       (s.payload -> 'trace')::text AS trace,
       (SELECT count(*) FROM escalation_attempts a
        WHERE a.escalation_id = t.escalation_id AND a.channel = t.channel AND a.outcome = 'waiting') AS waits
FROM taken t JOIN escalations e USING (escalation_id) LEFT JOIN signals s ON s.signal_id = e.signal_id
"""
# Nothing is written about a user who was erased meanwhile.
_BOOK = """
WITH delivery AS (
    SELECT escalation_id, channel FROM escalation_deliveries WHERE escalation_id = $1 AND channel = $2 FOR UPDATE
), booked AS (
    INSERT INTO escalation_attempts (escalation_id, channel, number, outcome, status, error, began_at, seconds)
    SELECT escalation_id, channel, $3::integer, $4, $5, $6, $7, $8 FROM delivery
    ON CONFLICT (escalation_id, channel, number) DO UPDATE
    SET outcome = excluded.outcome, status = excluded.status, error = excluded.error, began_at = excluded.began_at,
        seconds = excluded.seconds
    WHERE escalation_attempts.outcome = 'unknown'
)
UPDATE escalation_deliveries d
SET state = $9, delivered_at = CASE WHEN $9 = 'delivered' THEN now() END,
    next_attempt_at = CASE WHEN $9 = 'pending' THEN now() + make_interval(secs => $10) ELSE d.next_attempt_at END
FROM delivery
WHERE d.escalation_id = delivery.escalation_id AND d.channel = delivery.channel AND d.state = 'pending'
  AND (d.attempts = $3 OR $9 = 'delivered')
"""
_AHEAD = """
SELECT count(*) AS pending, extract(epoch FROM min(next_attempt_at) - now())::float8 AS seconds
FROM escalation_deliveries WHERE state = 'pending'
"""


@dataclass(frozen=True)
class Taken:
    """A delivery that is this process's until its lease ends."""

    alert: Alert
    number: int
    """Of the attempt, from 1."""
    waits: int
    """Attempts before that were none, for something had to be set up."""
    age: float
    """Seconds since the escalation."""
    trace: dict[str, str]
    """Of the signal that led to it, as in `Signal.trace`."""


@dataclass(frozen=True)
class Ahead:
    """What is still to be delivered, by anybody."""

    pending: int
    seconds: float | None
    """Until the next is due; None where nothing is pending."""


async def enqueue(connection: asyncpg.Connection, escalation_id: UUID, channels: Sequence[str]) -> None:
    """Within the transaction that opens the escalation."""
    if channels:
        await connection.execute(_ENQUEUE, escalation_id, list(channels))


async def take(connection: asyncpg.Connection, tenant: str, most: int) -> list[Taken]:
    rows = await connection.fetch(_TAKE, most, LEASE)
    return [
        Taken(
            Alert(
                tenant=tenant,
                escalation_id=row["escalation_id"],
                channel=row["channel"],
                user_id=row["user_id"],
                session_id=row["session_id"],
                stuck_point=row["stuck_point"],
                created_at=row["created_at"],
                draft=msgspec.json.decode(row["draft"], type=dict),
            ),
            row["attempts"],
            row["waits"],
            row["age"],
            msgspec.json.decode(row["trace"] or "{}", type=dict[str, str]),
        )
        for row in rows
    ]


async def book(
    connection: asyncpg.Connection, taken: Taken, result: Result, began: datetime, seconds: float, wait: float | None
) -> str:
    """The delivery's state after this attempt. `wait`: seconds until the next one, None where there is none."""
    state = "delivered" if result.outcome == "delivered" else "failed" if wait is None else "pending"
    await connection.execute(
        _BOOK,
        taken.alert.escalation_id,
        taken.alert.channel,
        taken.number,
        result.outcome,
        result.status,
        result.error,
        began,
        seconds,
        state,
        wait or 0.0,
    )
    return state


async def ahead(connection: asyncpg.Connection) -> Ahead:
    (row,) = await connection.fetch(_AHEAD)
    return Ahead(row["pending"], row["seconds"])
