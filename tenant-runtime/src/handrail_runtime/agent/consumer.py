"""The pull consumer: takes as many signals as can be worked on, and settles each once its decision is committed.

What waiting may cure (PostgreSQL or NATS away) is waited for: the signal goes back and nothing more is taken until
the database answers. What fails otherwise is tried again a few times, then recorded as failed and settled; its run
stays in the database.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.client import JetStreamContext

from handrail_contracts import names, signals, times
from handrail_contracts.signals import Signal
from handrail_runtime.agent import metrics
from handrail_runtime.agent.outages import is_outage

log = structlog.get_logger()

AT_ONCE = 8
"""Signals worked on at the same time."""
ASK_FOR = 5.0
"""Seconds that one request for a signal stands."""
TOUCH_EVERY = 10.0
"""Seconds; a third of the consumer's ack_wait."""
LIMIT = 120.0
"""Seconds for one run."""
TRY_AGAIN_AFTER = (1.0, 5.0, 20.0, 60.0)
"""Seconds after each failure; one more failure and the run is given up."""
OUTAGE_DELAY = 2.0
PROBE_LIMIT = 5.0
FINISH = 3.0
"""Seconds that begun runs may go on after the process was told to stop."""

Decide = Callable[[Signal, bool], Awaitable[str]]
GiveUp = Callable[[Signal, BaseException], Awaitable[None]]
Probe = Callable[[], Awaitable[None]]


class Consumer:
    """`decide(signal, again)` gives the outcome; `give_up` records a failure; `probe` raises while the database is
    away."""

    def __init__(self, client: Client, decide: Decide, give_up: GiveUp, probe: Probe) -> None:
        self._client = client
        self._decide = decide
        self._give_up = give_up
        self._probe = probe
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._running: set[asyncio.Task[None]] = set()
        self.database = True
        """Whether the last attempt reached PostgreSQL."""
        self.stream = False
        """Whether the consumer answered when last asked."""

    async def run(self) -> None:
        """Until cancelled; what was begun is finished first, within a few seconds."""
        pull: JetStreamContext.PullSubscription | None = None
        pause = 0.1
        try:
            while True:
                if not self.database:
                    await self._wait_for_database()
                try:
                    pull = pull or await self._bind()
                    await self._take(pull)
                    self.stream, pause = True, 0.1
                except (NatsError, OSError) as error:
                    # A consumer that is gone answers at once: without a pause this would spin.
                    log.log(30 if self.stream else 10, "no signals can be taken right now", error=repr(error))
                    self.stream = False
                    await asyncio.sleep(pause)
                    pause = min(5.0, pause * 2)
        finally:
            if pull is not None:
                with contextlib.suppress(NatsError):
                    await pull.unsubscribe()
            await self._finish()

    async def _bind(self) -> JetStreamContext.PullSubscription:
        pull = await self._client.jetstream(timeout=5).pull_subscribe_bind(
            consumer=names.AGENT_CONSUMER, stream=names.SIGNALS_STREAM
        )
        # Asked for once, so that an idle agent is known to be ready before its first request ends.
        await pull.consumer_info()
        self.stream = True
        return pull

    async def _take(self, pull: JetStreamContext.PullSubscription) -> None:
        """One signal into a task of its own, as soon as a place is free; nothing where none comes."""
        await self._slots.acquire()
        try:
            (message,) = await pull.fetch(1, timeout=ASK_FOR)
        except NatsTimeoutError:
            self._slots.release()
            return
        except BaseException:
            self._slots.release()
            raise
        task = asyncio.create_task(self._work(message), name="agent-signal")
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._slots.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a signal could not be settled; it will come again", exc_info=error)

    async def _work(self, message: Msg) -> None:
        metrics.PENDING.set(message.metadata.num_pending)
        try:
            signal = signals.decode(message.data)
        except msgspec.MsgspecError as error:
            log.error("a signal cannot be read and is dropped", error=str(error))
            metrics.FAILURES.labels("unreadable").inc()
            await message.term()
            return
        structlog.contextvars.bind_contextvars(signal_id=signal.signal_id, **signal.trace)
        touching = asyncio.create_task(_touch(message), name="agent-touch")
        try:
            with metrics.RUNNING.track_inprogress():
                await self._settle(message, signal)
        finally:
            touching.cancel()

    async def _settle(self, message: Msg, signal: Signal) -> None:
        began = time.perf_counter()
        deliveries = message.metadata.num_delivered
        try:
            async with asyncio.timeout(LIMIT):
                outcome = await self._decide(signal, deliveries > 1)
        except Exception as error:  # noqa: BLE001 - what it was decides whether to wait, to try again or to give up
            await self._failed(message, signal, error, deliveries)
            return
        self.database = True
        await message.ack()
        seconds = time.perf_counter() - began
        metrics.RUN.observe(seconds)
        metrics.AGE.observe(max(0.0, time.time() - times.from_micros(signal.occurred_at).timestamp()))
        metrics.DECISIONS.labels(signal.kind, outcome).inc()
        log.info("decided", kind=signal.kind, outcome=outcome, seconds=round(seconds, 4))

    async def _failed(self, message: Msg, signal: Signal, error: Exception, deliveries: int) -> None:
        # A run that took too long says nothing of the database, unless that is silent, too.
        if is_outage(error) and not (isinstance(error, TimeoutError) and await self._answers()):
            metrics.FAILURES.labels("outage").inc()
            log.warning("the database is away; the signal waits", error=type(error).__name__)
            self.database = False
            await message.nak(delay=OUTAGE_DELAY)
            return
        metrics.FAILURES.labels("error").inc()
        if deliveries <= len(TRY_AGAIN_AFTER):
            delay = TRY_AGAIN_AFTER[deliveries - 1]
            log.warning("a run failed and is tried again", attempt=deliveries, delay=delay, exc_info=error)
            await message.nak(delay=delay)
            return
        log.error("a run failed for the last time; it stays where it failed", attempt=deliveries, exc_info=error)
        await self._give_up(signal, error)
        metrics.DECISIONS.labels(signal.kind, "failed").inc()
        await message.term()

    async def _wait_for_database(self) -> None:
        pause = 0.2
        while not await self._answers():
            await asyncio.sleep(pause)
            pause = min(5.0, pause * 2)
        self.database = True
        log.info("the database is back")

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_LIMIT):
                await self._probe()
        except Exception as error:
            if not is_outage(error):
                raise
            return False
        return True

    async def _finish(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=FINISH)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


async def _touch(message: Msg) -> None:
    while True:
        await asyncio.sleep(TOUCH_EVERY)
        with contextlib.suppress(NatsError):
            await message.in_progress()
