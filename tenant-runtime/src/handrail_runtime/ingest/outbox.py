"""Signals from the outbox to the stream. What is in the table and not marked is published, however it got there.

What this process has just committed is told to the outbox at once, published from memory and marked a little later,
many together. The table is looked through now and then for what got lost on that way: a crash, NATS away, too much.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import structlog
from nats.errors import ConnectionClosedError
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import Header
from sqlalchemy.ext.asyncio import AsyncEngine

from handrail_contracts import names, signals, subjects, traces
from handrail_contracts.nats_client import Client
from handrail_contracts.signals import Signal
from handrail_runtime.data.raw import DATABASE_ERRORS, raw_connection, raw_transaction
from handrail_runtime.ingest import metrics
from handrail_runtime.roles import heed_cancellation

log = structlog.get_logger()

GROUP = 256
"""Signals that are on their way at once."""
MOST_TOLD = 4096
"""Signals kept in memory; more are left to the table."""
MARK_EVERY = 0.25
"""Seconds."""
LOOK_EVERY = 5.0
"""Seconds; finds what a crash between commit and publishing left behind."""
FIRST_PAUSE = 0.5
ACK_WAIT = 5.0
LONGEST_PAUSE = 10.0

_TAKE = """
SELECT signal_id::text, kind, payload::text AS payload, (payload -> 'trace')::text AS trace FROM signals
WHERE published_at IS NULL AND created_at < now() - interval '1 second'
  AND signal_id <> ALL($2::uuid[])
ORDER BY created_at DESC LIMIT $1 FOR UPDATE SKIP LOCKED
"""
"""The newest first: after an outage, a signal of now is not to wait for those of then. What is younger than a second
is on its way from memory, here or in another process."""
_MARK = "UPDATE signals SET published_at = now() WHERE signal_id = ANY($1::uuid[])"


@dataclass(frozen=True)
class _Letter:
    """A signal as it goes out."""

    signal_id: str
    kind: str
    payload: bytes
    trace: dict[str, str]


class Outbox:
    """Publishes until cancelled."""

    def __init__(self, client: Client, engine: AsyncEngine) -> None:
        self._client = client
        self._js: JetStreamContext = client.jetstream(timeout=ACK_WAIT)
        self._engine = engine
        self._told: deque[Signal] = deque()
        self._unmarked: list[str] = []
        self._woken = asyncio.Event()
        self.database = False
        """Whether the last look reached PostgreSQL, and found this version's tables there."""

    def tell(self, committed: Iterable[Signal]) -> None:
        """These are in the table now, not marked."""
        for one in committed:
            if len(self._told) < MOST_TOLD:
                self._told.append(one)
        self._woken.set()

    async def run(self) -> None:
        marking = asyncio.create_task(self._keep_marking(), name="ingest-marks")
        try:
            await self._keep_publishing()
        finally:
            marking.cancel()
            with contextlib.suppress(*DATABASE_ERRORS):
                async with asyncio.timeout(1):
                    await self._mark()

    async def _keep_publishing(self) -> None:
        pause, look_at = FIRST_PAUSE, 0.0
        while True:
            heed_cancellation()
            self._woken.clear()
            try:
                if not self._client.is_connected:
                    raise ConnectionClosedError
                await self._publish_told()
                if time.monotonic() >= look_at:
                    look_at = 0.0 if await self._publish_found() else time.monotonic() + LOOK_EVERY
                pause = FIRST_PAUSE
            except (*DATABASE_ERRORS, NatsError) as error:
                metrics.PUBLISH_ERRORS.inc()
                log.warning("signals wait in the outbox", error=repr(error), pause=pause)
                self.database = self.database and isinstance(error, NatsError)
                # They are found in the table once it goes on.
                self._told.clear()
                await asyncio.sleep(pause)
                pause, look_at = min(LONGEST_PAUSE, pause * 2), 0.0
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, look_at - time.monotonic())):
                    await self._woken.wait()

    async def _keep_marking(self) -> None:
        """Where the database is away, marks wait."""
        while True:
            await asyncio.sleep(MARK_EVERY)
            try:
                await self._mark()
            except DATABASE_ERRORS as error:
                log.debug("marks wait", error=repr(error))

    async def _mark(self) -> None:
        if self._unmarked:
            marking = list(self._unmarked)
            async with raw_connection(self._engine) as connection:
                await connection.execute(_MARK, marking)
            del self._unmarked[: len(marking)]

    async def _publish_told(self) -> None:
        while self._told:
            group = [self._told.popleft() for _ in range(min(GROUP, len(self._told)))]
            letters = [_Letter(one.signal_id, one.kind, signals.encode(one), one.trace) for one in group]
            arrived, failed = await self._publish(letters)
            self._unmarked += arrived
            if failed is not None:
                raise failed

    async def _publish_found(self) -> bool:
        """Publishes up to a group from the table; whether there may be more. Rows are locked meanwhile, so no two
        processes publish the same signal; the message id covers the case that one dies between acknowledgement and
        mark."""
        async with raw_transaction(self._engine) as connection:
            rows = await connection.fetch(_TAKE, GROUP, self._unmarked)
            self.database = True
            if not rows:
                return False
            arrived, failed = await self._publish(
                [_Letter(row["signal_id"], row["kind"], row["payload"].encode(), _trace(row["trace"])) for row in rows]
            )
            if arrived:
                await connection.execute(_MARK, arrived)
        if failed is not None:
            raise failed
        return len(rows) == GROUP

    async def _publish(self, letters: Sequence[_Letter]) -> tuple[list[str], NatsError | None]:
        """The ids of those that the stream has, and what stopped the others, if anything."""
        flights = [
            await self._js.publish_async(
                subjects.signal(one.kind),
                one.payload,
                stream=names.SIGNALS_STREAM,
                headers={Header.MSG_ID: one.signal_id, **traces.to_headers(one.trace)},
            )
            for one in letters
        ]
        await asyncio.wait(flights, timeout=ACK_WAIT)
        arrived = []
        failed: BaseException | None = None
        for one, flight in zip(letters, flights, strict=True):
            if not flight.done():
                flight.cancel()
                failed = failed or TimeoutError("JetStream did not acknowledge in time")
            elif (error := flight.exception()) is not None:
                failed = error
            else:
                arrived.append(one.signal_id)
                fields = traces.log_fields(one.trace)
                log.info("signal found", kind=one.kind, signal_id=one.signal_id, **fields)
        metrics.PUBLISHED.inc(len(arrived))
        if failed is None:
            return arrived, None
        left = len(letters) - len(arrived)
        return arrived, NatsError(f"{left} of {len(letters)} signals were not taken: {failed!r}")


def _trace(text: str | None) -> dict[str, str]:
    return msgspec.json.decode(text, type=dict[str, str]) if text else {}
