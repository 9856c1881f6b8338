"""From the stream to the database: takes what waits, stores it in one transaction, acknowledges.

An outage of PostgreSQL stops the taking and is waited for; what is held is kept from being delivered again. Nothing
that was acknowledged by the gateway is given up: what can be neither read nor stored becomes a dead letter, event by
event, and costs nobody else.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from sqlalchemy.ext.asyncio import AsyncEngine

from handrail_contracts import subjects, times
from handrail_contracts.signals import Signal
from handrail_runtime.data.dead_letters import Letter, put_back
from handrail_runtime.data.raw import raw_transaction
from handrail_runtime.ingest import metrics
from handrail_runtime.ingest.decoding import Arrived, Decoded, alone, decode
from handrail_runtime.ingest.letter_box import LetterBox
from handrail_runtime.ingest.live import Live
from handrail_runtime.ingest.rules import Rules
from handrail_runtime.ingest.sifting import sift
from handrail_runtime.ingest.store import Stored, store
from handrail_runtime.ingest.target_book import TargetBook
from handrail_runtime.ingest.watermark import Watermark
from handrail_runtime.ingest.window_cache import WindowCache
from handrail_runtime.pull import Pull
from handrail_runtime.trouble import classify, is_outage, reason

log = structlog.get_logger()

STATEMENT_LIMIT = 60.0
"""Seconds for one transaction; a database that is frozen rather than gone must not hold a batch for ever."""
SILENT_AFTER = 5.0
"""Seconds without an answer after which the database counts as away, whatever becomes of the transaction."""
LONGEST_PAUSE = 5.0
NOT_KEPT_DELAY = 30.0
"""Seconds until messages come again whose dead letters could not be written."""
FINISH = 3.0
"""Seconds that a batch may go on after the process was told to stop."""


class Consumer:
    """Works the EVENTS stream off. `on_signals` is told after a commit of the signals that it put into the
    outbox."""

    def __init__(
        self,
        pull: Pull,
        engine: AsyncEngine,
        letters: LetterBox,
        live: Live,
        rules: Callable[[], Rules],
        on_signals: Callable[[Sequence[Signal]], None],
    ) -> None:
        self._pull = pull
        self._engine = engine
        self._letters = letters
        self._live = live
        self._rules = rules
        self._on_signals = on_signals
        self._cache = WindowCache()
        self._targets = TargetBook()
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

    def behind(self, by: int) -> bool:
        """Whether the newest message taken had waited for longer than `by` microseconds and others wait behind it."""
        newest = self.watermark.newest
        return self._pull.backlog and 0 < newest < time.time_ns() // 1000 - by

    async def store_ahead(self, arrived: Sequence[Arrived]) -> None:
        """Stores events before their turn, in which they will be found to be stored. Raises what `store` raises."""
        stored = await self._once(arrived)
        metrics.EVENTS.labels("stored").inc(stored.events)
        for one in stored.signals:
            metrics.SIGNALS.labels(one.kind).inc()

    async def _work(self, messages: list[Msg]) -> None:
        began = time.perf_counter()
        for message in messages:
            data = message.metadata
            self.watermark.note(data.sequence.stream, times.micros(data.timestamp))
        # Whoever sent a probe sees by its being gone that events get through.
        if probes := [message for message in messages if message.subject == subjects.EVENTS_PROBE]:
            await self._pull.done(probes)
            messages = [message for message in messages if message.subject != subjects.EVENTS_PROBE]
            if not messages:
                return
        decoded = [(message, decode(message.data)) for message in messages]
        arrived = [one for _, content in decoded for one in content.events]
        refused = await sift(arrived, self._store)
        letters = [
            *(_placed(letter, message) for message, content in decoded for letter in content.letters),
            *_refused(refused, decoded),
        ]
        worked_off = [letter_id for message in messages if (letter_id := put_back(message)) is not None]
        if (letters or worked_off) and not await self._letters.keep(letters, worked_off):
            for message in messages:
                await self._pull.give_back(message, NOT_KEPT_DELAY)
            return
        for letter in letters:
            _tell(letter)
        await self._pull.done(messages)
        last = messages[-1].metadata
        metrics.DURATION.observe(time.perf_counter() - began)
        if arrived:
            oldest = min(one.origin.packed for one in arrived) >> 2
            metrics.STORED_SECONDS.observe(max(0.0, time.time() - oldest / 1e6))
        metrics.LAG.set(max(0.0, time.time() - last.timestamp.timestamp()))
        metrics.PENDING.set(last.num_pending)

    async def _store(self, arrived: Sequence[Arrived]) -> Exception | None:
        """Waits for as long as the database is away. An error: these values, or we with them, will never do."""
        pause = 0.1
        while True:
            silence = asyncio.get_running_loop().call_later(SILENT_AFTER, self._is_silent)
            try:
                stored = await self._once(arrived)
            except Exception as error:
                if not is_outage(error):
                    if len(arrived) == 1 and classify(error) == "bug":
                        log.error("a fault of ours with an event", event_id=arrived[0].event.event_id, exc_info=error)
                    metrics.BATCHES.labels("refused").inc()
                    return error
                log.warning("the database does not take events; waiting", error=repr(error), pause=pause)
                metrics.BATCHES.labels("outage").inc()
                self.database = False
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
                continue
            finally:
                silence.cancel()
            self.database = True
            metrics.BATCHES.labels("stored").inc()
            metrics.BATCH_SIZE.observe(len(arrived))
            metrics.EVENTS.labels("stored").inc(stored.events)
            metrics.EVENTS.labels("duplicate").inc(len(arrived) - stored.events)
            for one in stored.signals:
                metrics.SIGNALS.labels(one.kind).inc()
            return None

    def _is_silent(self) -> None:
        log.warning("the database does not answer; a batch waits for it", seconds=SILENT_AFTER)
        self.database = False

    async def _once(self, arrived: Sequence[Arrived]) -> Stored:
        rules = self._rules()
        writing: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(STATEMENT_LIMIT), raw_transaction(self._engine) as connection:
                now = datetime.now(UTC)
                stored = await store(connection, arrived, rules, self._cache, now)
                await self._targets.write(connection, stored.new, rules, now)
                if stored.visits:
                    # Redis is written while the commit is on its way: it may be ahead for a moment, which is harmless.
                    writing = asyncio.create_task(self._live.write(stored.visits, rules), name="ingest-live")
        finally:
            if writing is not None:
                await writing
        for visit in stored.visits:
            self._cache.put(visit.key, visit.event_count, rules.looked_at, visit.window or [])
        if stored.signals:
            self._on_signals(stored.signals)
        return stored


def _placed(letter: Letter, message: Msg) -> Letter:
    return msgspec.structs.replace(letter, stream_sequence=message.metadata.sequence.stream)


def _refused(refused: list[tuple[int, Exception]], decoded: list[tuple[Msg, Decoded]]) -> Iterator[Letter]:
    """Letters for events by their places among all that were decoded, in order."""
    first = 0
    waiting = iter(refused)
    place, error = next(waiting, (None, None))
    for message, content in decoded:
        while place is not None and error is not None and place < first + len(content.events):
            event = content.events[place - first].event
            yield Letter(
                "event",
                classify(error),
                reason(error),
                alone(message.data, place - first),
                message.metadata.sequence.stream,
                event.event_id,
                event.user_id,
                event.event_type,
            )
            place, error = next(waiting, (None, None))
        first += len(content.events)


def _tell(letter: Letter) -> None:
    log.error(
        "a dead letter",
        dead_letter_id=str(letter.letter_id),
        kind=letter.kind,
        trouble=letter.trouble,
        event_id=letter.event_id,
        reason=letter.reason,
        stream_sequence=letter.stream_sequence,
    )


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
