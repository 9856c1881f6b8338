"""From the stream to the database: takes what waits, stores it in one transaction, acknowledges.

An outage of PostgreSQL stops the taking and is waited for; what is held is kept from being delivered again. Nothing
that was acknowledged by the gateway is given up, except what can be neither read nor stored.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from sqlalchemy.ext.asyncio import AsyncEngine

from handrail_contracts import times
from handrail_runtime.data.raw import raw_transaction
from handrail_runtime.ingest import metrics
from handrail_runtime.ingest.decoding import Arrived, decode
from handrail_runtime.ingest.live import Live
from handrail_runtime.ingest.rules import Rules
from handrail_runtime.ingest.store import Stored, store
from handrail_runtime.ingest.watermark import Watermark
from handrail_runtime.ingest.window_cache import WindowCache
from handrail_runtime.pull import Pull
from handrail_runtime.trouble import is_outage

log = structlog.get_logger()

STATEMENT_LIMIT = 60.0
"""Seconds for one transaction; a database that is frozen rather than gone must not hold a batch for ever."""
LONGEST_PAUSE = 5.0
FINISH = 3.0
"""Seconds that a batch may go on after the process was told to stop."""


class Consumer:
    """Works the EVENTS stream off. `on_signals` is called after a commit that put some into the outbox."""

    def __init__(
        self,
        pull: Pull,
        engine: AsyncEngine,
        live: Live,
        rules: Callable[[], Rules],
        on_signals: Callable[[], None],
    ) -> None:
        self._pull = pull
        self._engine = engine
        self._live = live
        self._rules = rules
        self._on_signals = on_signals
        self._cache = WindowCache()
        self.watermark = Watermark()
        self.database = True
        """Whether the last attempt reached PostgreSQL."""

    async def run(self) -> None:
        """Until cancelled; a batch that was begun is finished, or given back after a few seconds."""
        await self._pull.start()
        touching = asyncio.create_task(self._pull.touch(), name="ingest-touch")
        try:
            while True:
                messages = await self._pull.take()
                await _finish(self._work(messages), FINISH)
        finally:
            touching.cancel()
            await self._pull.stop()

    async def _work(self, messages: list[Msg]) -> None:
        began = time.perf_counter()
        for message in messages:
            data = message.metadata
            self.watermark.note(data.sequence.stream, times.micros(data.timestamp))
        decoded = [(message, decode(message.data)) for message in messages]
        good = [message for message, content in decoded if content.fault is None]
        arrived = [one for _, content in decoded for one in content.events]
        stored = await self._store(arrived)
        if stored is None:
            # Something in here cannot be stored. One message at a time, so that only the guilty one is given up.
            for message, content in decoded:
                if await self._store(content.events) is None:
                    await self._give_up(message, "the database cannot hold it")
                elif content.fault is None:
                    await self._pull.done([message])
        else:
            await self._pull.done(good)
        for message, content in decoded:
            if content.fault is not None:
                await self._give_up(message, content.fault)
        last = messages[-1].metadata
        metrics.DURATION.observe(time.perf_counter() - began)
        metrics.LAG.set(max(0.0, time.time() - last.timestamp.timestamp()))
        metrics.PENDING.set(last.num_pending)

    async def _give_up(self, message: Msg, reason: str) -> None:
        # The place of the dead letters: what is given up here is to be kept there.
        metrics.POISON.inc()
        log.error("a message is given up", stream_sequence=message.metadata.sequence.stream, reason=reason)
        await self._pull.drop(message)

    async def _store(self, arrived: list[Arrived]) -> Stored | None:
        """Waits for as long as the database is away. None: these values it will never take."""
        if not arrived:
            return Stored()
        pause = 0.1
        while True:
            try:
                stored = await self._once(arrived)
            except Exception as error:
                if not is_outage(error):
                    log.error("a batch cannot be stored", events=len(arrived), exc_info=error)
                    metrics.BATCHES.labels("refused").inc()
                    return None
                log.warning("the database does not take events; waiting", error=repr(error), pause=pause)
                metrics.BATCHES.labels("outage").inc()
                self.database = False
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
                continue
            self.database = True
            metrics.BATCHES.labels("stored").inc()
            metrics.BATCH_SIZE.observe(len(arrived))
            metrics.EVENTS.labels("stored").inc(stored.events)
            metrics.EVENTS.labels("duplicate").inc(len(arrived) - stored.events)
            for kind in stored.signals:
                metrics.SIGNALS.labels(kind).inc()
            return stored

    async def _once(self, arrived: list[Arrived]) -> Stored:
        rules = self._rules()
        writing: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(STATEMENT_LIMIT), raw_transaction(self._engine) as connection:
                stored = await store(connection, arrived, rules, self._cache, datetime.now(UTC))
                if stored.visits:
                    # Redis is written while the commit is on its way: it may be ahead for a moment, which is harmless.
                    writing = asyncio.create_task(self._live.write(stored.visits, rules), name="ingest-live")
        finally:
            if writing is not None:
                await writing
        for visit in stored.visits:
            self._cache.put(visit.key, visit.event_count, visit.window or [])
        if stored.signals:
            self._on_signals()
        return stored


async def _finish(work: Coroutine[Any, Any, None], within: float) -> None:
    """Awaits `work`; where this is cancelled meanwhile, lets it go on for `within` seconds before it stops."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        with contextlib.suppress(asyncio.CancelledError, TimeoutError, NatsError):
            async with asyncio.timeout(within):
                await task
        raise
