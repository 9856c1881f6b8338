"""Signals from the outbox to the stream. What is in the table and not marked is published, however it got there."""

import asyncio
import contextlib
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec
import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import Header
from sqlalchemy.ext.asyncio import AsyncEngine

from handrail_contracts import names, subjects, traces
from handrail_runtime.data.raw import DATABASE_ERRORS, raw_transaction
from handrail_runtime.ingest import metrics

log = structlog.get_logger()

GROUP = 256
"""Signals that are on their way at once."""
LOOK_EVERY = 5.0
"""Seconds; finds what a crash between commit and publishing left behind."""
FIRST_PAUSE = 0.5
ACK_WAIT = 5.0
LONGEST_PAUSE = 10.0

_TAKE = """
SELECT signal_id, kind, payload::text AS payload, (payload -> 'trace')::text AS trace FROM signals
WHERE published_at IS NULL ORDER BY created_at DESC LIMIT $1 FOR UPDATE SKIP LOCKED
"""
"""The newest first: after an outage, a signal of now is not to wait for those of then."""
_MARK = "UPDATE signals SET published_at = now() WHERE signal_id = ANY($1::uuid[])"


class Outbox:
    """Publishes until cancelled; `wake` says that there is something new."""

    def __init__(self, client: Client, engine: AsyncEngine) -> None:
        self._client = client
        self._js: JetStreamContext = client.jetstream(timeout=ACK_WAIT)
        self._engine = engine
        self._woken = asyncio.Event()
        self.database = False
        """Whether the last look reached PostgreSQL, and found this version's tables there."""

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            self._woken.clear()
            try:
                more = self._client.is_connected and await self._publish_group()
                wait, pause = LOOK_EVERY, FIRST_PAUSE
            except (*DATABASE_ERRORS, NatsError) as error:
                metrics.PUBLISH_ERRORS.inc()
                log.warning("signals wait in the outbox", error=repr(error), pause=pause)
                more, wait, pause = False, pause, min(LONGEST_PAUSE, pause * 2)
                self.database = self.database and isinstance(error, NatsError)
            if more:
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._woken.wait()

    async def _publish_group(self) -> bool:
        """Publishes up to a group; whether there may be more. Rows are locked meanwhile, so no two processes publish
        the same signal; the message id covers the case that one dies between acknowledgement and mark."""
        async with raw_transaction(self._engine) as connection:
            rows = await connection.fetch(_TAKE, GROUP)
            self.database = True
            if not rows:
                return False
            flights = [
                await self._js.publish_async(
                    subjects.signal(row["kind"]),
                    row["payload"].encode(),
                    stream=names.SIGNALS_STREAM,
                    headers={Header.MSG_ID: str(row["signal_id"]), **traces.to_headers(_trace(row))},
                )
                for row in rows
            ]
            await asyncio.wait(flights, timeout=ACK_WAIT)
            arrived = []
            failed: BaseException | None = None
            for row, flight in zip(rows, flights, strict=True):
                if not flight.done():
                    flight.cancel()
                    failed = failed or TimeoutError("JetStream did not acknowledge in time")
                elif (error := flight.exception()) is not None:
                    failed = error
                else:
                    arrived.append(row["signal_id"])
            if arrived:
                await connection.execute(_MARK, arrived)
                metrics.PUBLISHED.inc(len(arrived))
                _tell_of(rows, set(arrived))
        if failed is not None:
            raise NatsError(f"{len(rows) - len(arrived)} of {len(rows)} signals were not taken: {failed!r}")
        return len(rows) == GROUP


def _trace(row: asyncpg.Record) -> dict[str, str]:
    return msgspec.json.decode(row["trace"], type=dict[str, str]) if row["trace"] else {}


def _tell_of(rows: Sequence[asyncpg.Record], arrived: set[UUID]) -> None:
    for row in rows:
        if row["signal_id"] in arrived:
            fields = traces.log_fields(_trace(row))
            log.info("signal found", kind=row["kind"], signal_id=str(row["signal_id"]), **fields)
