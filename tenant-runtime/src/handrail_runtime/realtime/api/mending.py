"""What may be changed from outside: dead letters put back or dropped, failed runs resumed, escalations closed.

Marking and publishing are one: the row is marked in a transaction that commits once the stream has it. Whoever works
the message off meanwhile waits for the row. A message's id follows from the row and its attempts, so that a call that
is made again after an answer that was lost publishes nothing twice.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

import structlog
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import Header
from sqlalchemy import Row, TextClause, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handrail_contracts import names, subjects
from handrail_contracts.problems import Problem
from handrail_runtime.data.raw import DATABASE_ERRORS
from handrail_runtime.data.tables import escalations
from handrail_runtime.realtime import metrics
from handrail_runtime.realtime.api import lists

log = structlog.get_logger()

WAIT = 8.0
"""Seconds that a call waits for its turn and its answer together; less than a gateway waits."""
SPEND = 4.0
"""Seconds after which putting back all of them stops, to be asked again."""
GROUP = 20
"""Letters in flight at once; each may be as large as a message."""
RETRY_AFTER = 2.0

_SUBJECTS: Final = {"signal": subjects.SIGNALS_RESUME}
_STREAMS: Final = {subjects.EVENTS_RETRY: names.EVENTS_STREAM, subjects.SIGNALS_RESUME: names.SIGNALS_STREAM}

_NOW = text("SELECT now()")
_RETRY_ONE = text(
    "UPDATE dead_letters SET state = 'retried' WHERE dead_letter_id = :id AND state = 'open'"
    " RETURNING dead_letter_id, kind, attempts, payload"
)
_RETRY_GROUP = text(
    """
    UPDATE dead_letters SET state = 'retried' WHERE dead_letter_id IN (
        SELECT dead_letter_id FROM dead_letters WHERE state = 'open' AND last_failed_at <= :before
        ORDER BY last_failed_at LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING dead_letter_id, kind, attempts, payload
    """
)
_IS_THERE = text("SELECT 1 FROM dead_letters WHERE dead_letter_id = :id")
_DROP_ONE = text("DELETE FROM dead_letters WHERE dead_letter_id = :id")
_DROP_OPEN = text("DELETE FROM dead_letters WHERE state = 'open'")
_RESUME = text(
    "UPDATE failed_runs SET status = 'resuming', resumed_at = now() WHERE run_id = :id AND status = 'failed'"
    " RETURNING run_id, attempts, signal::text AS signal"
)
_RUN_IS_THERE = text("SELECT 1 FROM failed_runs WHERE run_id = :id")
# Nobody is alerted any more of what somebody has seen to.
_CLOSE = text("""
WITH closed AS (
    UPDATE escalations SET status = 'closed', closed_at = now()
    WHERE escalation_id = :id AND status = 'open' RETURNING escalation_id
)
UPDATE escalation_deliveries d SET state = 'cancelled'
FROM closed WHERE d.escalation_id = closed.escalation_id AND d.state = 'pending'
""")
_DELIVER_AGAIN = text("""
UPDATE escalation_deliveries d SET state = 'pending', next_attempt_at = now()
FROM escalations e
WHERE e.escalation_id = d.escalation_id AND e.escalation_id = :id AND e.status = 'open' AND d.state = 'failed'
""")


class Mending:
    """All raise Problem: not_found, conflict, or unavailable where database or stream do not answer.

    `turn`: whoever holds it may use the one connection that this role leaves to its API.
    """

    def __init__(self, engine: AsyncEngine, turn: asyncio.Semaphore, stream: JetStreamContext) -> None:
        self._engine = engine
        self._turn = turn
        self._stream = stream

    async def retry(self, letter_id: UUID) -> None:
        """Puts one back; one that was put back already stays so."""
        async with self._transaction("retry") as connection:
            row = await _one(connection, _RETRY_ONE, letter_id)
            if row is not None:
                await self._put_back(row)
            elif await _one(connection, _IS_THERE, letter_id) is None:
                raise _no_letter()

    async def retry_all(self) -> tuple[int, bool]:
        """How many open ones were put back, and whether there was no time for more. One that fails again meanwhile is
        left alone."""
        until = time.monotonic() + SPEND
        count = 0
        before = None
        while time.monotonic() < until:
            async with self._transaction("retry") as connection:
                before = before or (await connection.execute(_NOW)).scalar_one()
                rows = (await connection.execute(_RETRY_GROUP, {"before": before, "most": GROUP})).all()
                await asyncio.gather(*(self._put_back(row) for row in rows))
            count += len(rows)
            if len(rows) < GROUP:
                return count, False
        return count, True

    async def drop(self, letter_id: UUID) -> None:
        async with self._transaction("drop") as connection:
            if not (await connection.execute(_DROP_ONE, {"id": letter_id})).rowcount:
                raise _no_letter()

    async def drop_all(self) -> int:
        async with self._transaction("drop") as connection:
            return (await connection.execute(_DROP_OPEN)).rowcount

    async def resume(self, run_id: UUID) -> None:
        async with self._transaction("resume") as connection:
            row = await _one(connection, _RESUME, run_id)
            if row is None:
                if await _one(connection, _RUN_IS_THERE, run_id) is None:
                    raise Problem("not_found", "There is no such failed run: it may have been resumed meanwhile.")
                raise Problem("conflict", "This run is being resumed already.")
            message_id = f"resume-{row.run_id}-{row.attempts}"
            await self._publish(subjects.SIGNALS_RESUME, row.signal.encode(), {Header.MSG_ID: message_id})

    async def close_escalation(self, escalation_id: UUID) -> dict[str, Any]:
        """The escalation as it is then; one that is closed stays as it was closed."""
        return await self._change_escalation("close", _CLOSE, escalation_id)

    async def deliver_again(self, escalation_id: UUID) -> dict[str, Any]:
        """The escalation as it is then: one more attempt, within a minute, for each channel that was given up. One that
        is closed alerts nobody."""
        return await self._change_escalation("deliver", _DELIVER_AGAIN, escalation_id)

    async def _change_escalation(self, name: str, change: TextClause, escalation_id: UUID) -> dict[str, Any]:
        shown = select(*lists.ESCALATIONS.shown).where(escalations.c.escalation_id == escalation_id)
        async with self._transaction(name) as connection:
            await connection.execute(change, {"id": escalation_id})
            row = (await connection.execute(shown)).mappings().first()
        if row is None:
            raise Problem("not_found", "There is no such escalation.")
        return dict(row)

    async def _put_back(self, row: Row[Any]) -> None:
        letter_id = str(row.dead_letter_id)
        headers = {Header.MSG_ID: f"retry-{letter_id}-{row.attempts}", names.HEADER_DEAD_LETTER: letter_id}
        await self._publish(_SUBJECTS.get(row.kind, subjects.EVENTS_RETRY), row.payload, headers)

    async def _publish(self, subject: str, payload: bytes, headers: dict[str, str]) -> None:
        await self._stream.publish(subject, payload, stream=_STREAMS[subject], headers=headers)

    @contextlib.asynccontextmanager
    async def _transaction(self, name: str) -> AsyncIterator[AsyncConnection]:
        try:
            with metrics.API_SECONDS.labels(name).time():
                async with asyncio.timeout(WAIT), self._turn, self._engine.begin() as connection:
                    yield connection
        except NatsError as error:
            metrics.FAILURES.labels("nats").inc()
            log.warning("the stream does not take what is put back", error=repr(error))
            raise Problem("unavailable", "The stream does not answer right now.", retry_after=RETRY_AFTER) from error
        except DATABASE_ERRORS as error:
            metrics.FAILURES.labels("postgres").inc()
            log.warning("a change failed", error=type(error).__name__)
            raise Problem("unavailable", retry_after=RETRY_AFTER) from error


async def _one(connection: AsyncConnection, statement: TextClause, row_id: UUID) -> Row[Any] | None:
    return (await connection.execute(statement, {"id": row_id})).first()


def _no_letter() -> Problem:
    return Problem("not_found", "There is no such dead letter: it was dropped, or has been stored meanwhile.")
