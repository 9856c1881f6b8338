"""Dead letters: what could not be read or stored, kept with its reason until somebody puts it back or drops it.

The id of a letter follows from what it holds, so that the same thing coming twice is one letter. One that is put back
and fails again is the same letter, open again and one attempt older.
"""

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

import asyncpg
import msgspec
import structlog
from nats.aio.msg import Msg
from sqlalchemy.ext.asyncio import AsyncEngine

from handrail_contracts import names
from handrail_runtime.data.raw import raw_transaction
from handrail_runtime.trouble import Trouble, is_outage

log = structlog.get_logger()

Kind = Literal["event", "batch", "message", "signal"]
LIMIT = 60.0
"""Seconds for one transaction."""
LONGEST_PAUSE = 5.0
MOST_TEXT = 200
"""Characters kept of ids: what is in here need not be what the gateway lets in."""
MOST_REASON = 500
_NAMESPACE = uuid5(NAMESPACE_URL, "handrail:dead-letter")

_KEEP = """
INSERT INTO dead_letters (dead_letter_id, kind, class, reason, event_id, user_id, event_type, payload, stream_sequence)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (dead_letter_id) DO UPDATE
SET class = excluded.class, reason = excluded.reason, payload = excluded.payload, state = 'open',
    stream_sequence = excluded.stream_sequence, attempts = dead_letters.attempts + 1, last_failed_at = now()
WHERE dead_letters.stream_sequence <> excluded.stream_sequence
"""
"""A message that is only delivered again changes nothing: it has the same place in the stream."""
_FORGET = "DELETE FROM dead_letters WHERE dead_letter_id = ANY($1::uuid[]) AND state = 'retried'"
_COUNT = "SELECT class, count(*) AS open FROM dead_letters WHERE state = 'open' GROUP BY class"


class Letter(msgspec.Struct, frozen=True):
    """One dead letter, before it is written."""

    kind: Kind
    trouble: Trouble
    reason: str
    payload: bytes
    """As it may be published again."""
    stream_sequence: int = 0
    event_id: str | None = None
    user_id: str | None = None
    event_type: str | None = None

    @property
    def letter_id(self) -> UUID:
        if self.kind == "event" and self.event_id and self.user_id:
            content = f"{self.user_id}\0{self.event_id}".encode()
        else:
            content = self.payload
        return uuid5(_NAMESPACE, f"{self.kind}:{sha256(content).hexdigest()}")


async def keep(connection: asyncpg.Connection, letters: Sequence[Letter]) -> None:
    """Within the connection's transaction. Raises what asyncpg raises."""
    for one in sorted(letters, key=lambda letter: letter.letter_id):
        await connection.execute(
            _KEEP,
            one.letter_id,
            one.kind,
            one.trouble,
            _text(one.reason, MOST_REASON) or "unknown",
            _text(one.event_id),
            _text(one.user_id),
            _text(one.event_type),
            one.payload,
            one.stream_sequence,
        )


async def forget(connection: asyncpg.Connection, letter_ids: Sequence[UUID]) -> None:
    """Letters that were put back and have been worked off. One that failed again meanwhile stays."""
    await connection.execute(_FORGET, list(letter_ids))


async def count_open(connection: asyncpg.Connection) -> dict[str, int]:
    """Open letters by class."""
    return {row["class"]: row["open"] for row in await connection.fetch(_COUNT)}


async def set_aside(engine: AsyncEngine, letters: Sequence[Letter], worked_off: Sequence[UUID] = ()) -> bool:
    """Keeps letters, and forgets those that were put back and are `worked_off`; waits while the database is away.

    False: they are not kept, for a reason that waiting does not cure, and must come again.
    """
    pause = 0.1
    while True:
        try:
            async with asyncio.timeout(LIMIT), raw_transaction(engine) as connection:
                await keep(connection, letters)
                await forget(connection, worked_off)
        except Exception as error:
            if not is_outage(error):
                log.error("dead letters cannot be kept; what they hold will come again", exc_info=error)
                return False
            log.warning("the database does not take dead letters; waiting", error=repr(error), pause=pause)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
        else:
            return True


def put_back(message: Msg) -> UUID | None:
    """Which dead letter this message puts back, if any."""
    try:
        return UUID((message.headers or {})[names.HEADER_DEAD_LETTER])
    except (KeyError, ValueError):
        return None


def _text(value: str | None, most: int = MOST_TEXT) -> str | None:
    """What PostgreSQL certainly takes."""
    if value is None:
        return None
    return value[:most].replace("\0", "\ufffd").encode("utf-8", "replace").decode()
