"""The pull consumer: takes the signals that wait, and settles each once its decision is committed.

Where thinking costs nothing, all that waits is decided together. Where it costs time, each signal has one of a few
places of its own, as have runs that somebody wants taken up again; so neither ever waits for a model.

What waiting may cure (PostgreSQL or NATS away) is waited for and not counted. What fails otherwise is tried again a few
times, then given up: the run is kept where it failed, and the signal is settled.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import structlog
from asyncpg import LockNotAvailableError
from nats.aio.msg import Msg

from handrail_contracts import names, signals, subjects, times, traces
from handrail_contracts.nats_client import Client
from handrail_contracts.signals import Signal
from handrail_runtime.agent import metrics
from handrail_runtime.agent.runs import Runs, is_plain
from handrail_runtime.agent.simple import cause_of
from handrail_runtime.config import Config
from handrail_runtime.data.dead_letters import Letter, put_back
from handrail_runtime.pull import MAX_MESSAGES, Pull
from handrail_runtime.roles import heed_cancellation
from handrail_runtime.trouble import is_outage

log = structlog.get_logger()

TOGETHER = 200
"""Signals decided together at most: their users' rows are locked meanwhile."""
AT_ONCE = 8
"""Signals worked on at the same time where thinking takes time."""
LIMIT = 120.0
"""Seconds for one run, or for runs together."""
TRY_AGAIN_AFTER = (1.0, 5.0, 20.0, 60.0)
"""Seconds after each failure; one more failure and the run is given up."""
OUTAGE_DELAY = 2.0
LOCKED_DELAY = 2.0
PROBE_LIMIT = 5.0
LOOK_EVERY = 5.0
"""Seconds between looks whether the database is there."""
FINISH = 3.0
"""Seconds that begun runs may go on after the process was told to stop."""

Probe = Callable[[], Awaitable[None]]
SetAside = Callable[[Sequence[Letter], Sequence[UUID]], Awaitable[bool]]


@dataclass(frozen=True)
class Delivered:
    """A signal as it came."""

    message: Msg
    signal: Signal
    deliveries: int

    @property
    def resumed(self) -> bool:
        """Its run was given up, and somebody wants it taken up."""
        return self.message.subject == subjects.SIGNALS_RESUME


class Consumer:
    """`config` gives the revision in force; `probe` raises while the database is away; `set_aside` keeps dead letters,
    see data.dead_letters."""

    def __init__(
        self, client: Client, runs: Runs, config: Callable[[], Config], probe: Probe, set_aside: SetAside
    ) -> None:
        self._pull = Pull(client, names.SIGNALS_STREAM, names.AGENT_CONSUMER, self._wants)
        self._runs = runs
        self._config = config
        self._probe = probe
        self._set_aside = set_aside
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._running: set[asyncio.Task[None]] = set()
        self.database = True
        """Whether the last attempt reached PostgreSQL."""

    @property
    def stream(self) -> bool:
        """Whether signals can be taken."""
        return self._pull.standing

    async def run(self) -> None:
        """Until cancelled; what was begun is finished first, within a few seconds."""
        await self._pull.start()
        touching = asyncio.create_task(self._pull.touch(), name="agent-touch")
        try:
            while True:
                heed_cancellation()
                await self._take(await self._pull.take())
        finally:
            touching.cancel()
            await self._finish()
            await self._pull.stop()

    def _wants(self) -> int:
        return MAX_MESSAGES if is_plain(self._config().spec.llm) else AT_ONCE - len(self._running)

    async def _take(self, messages: Sequence[Msg]) -> None:
        metrics.PENDING.set(messages[-1].metadata.num_pending)
        found = [one for message in messages if (one := await self._read(message)) is not None]
        plain = is_plain(self._config().spec.llm)
        together = [one for one in found if plain and not one.resumed]
        for one in found:
            if not plain or one.resumed:
                self._begin(self._alone(one))
        for first in range(0, len(together), TOGETHER):
            await asyncio.wait({self._begin(self._together(together[first : first + TOGETHER]))})

    async def _read(self, message: Msg) -> Delivered | None:
        try:
            signal = signals.decode(message.data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            letter = Letter("signal", "poison", str(error), message.data, message.metadata.sequence.stream)
            metrics.FAILURES.labels("unreadable").inc()
            log.error("a signal cannot be read and is put aside", dead_letter_id=str(letter.letter_id))
            if await self._set_aside([letter], ()):
                await self._pull.drop(message)
            else:
                await self._pull.give_back(message, TRY_AGAIN_AFTER[-1])
            return None
        if (letter_id := put_back(message)) is not None:
            # It can be read now, and is the stream's again until it is decided.
            await self._set_aside((), [letter_id])
        return Delivered(message, signal, message.metadata.num_delivered)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name="agent-signals")
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._pull.wake()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a signal could not be settled; it will come again", exc_info=error)

    async def _together(self, group: Sequence[Delivered]) -> None:
        while group:
            began = time.perf_counter()
            ends: Sequence[str | BaseException]
            with metrics.RUNNING.track_inprogress():
                try:
                    async with asyncio.timeout(LIMIT):
                        ends = await self._runs.decide_together([one.signal for one in group], self._config())
                except Exception as error:  # noqa: BLE001 - what it was is asked below
                    ends = [error] * len(group)
            group = await self._settle(group, ends, time.perf_counter() - began)
            if group:
                await self._wait_for_database()

    async def _alone(self, one: Delivered) -> None:
        structlog.contextvars.bind_contextvars(**_named(one.signal))
        again = one.deliveries > 1
        async with self._slots:
            while True:
                began = time.perf_counter()
                end: str | BaseException
                with metrics.RUNNING.track_inprogress():
                    try:
                        async with asyncio.timeout(LIMIT):
                            if one.resumed:
                                end = await self._runs.resume(one.signal, self._config())
                            else:
                                end = await self._runs.decide(one.signal, self._config(), again=again)
                    except Exception as error:  # noqa: BLE001 - as above
                        end = error
                if not await self._settle([one], [end], time.perf_counter() - began):
                    return
                again = True
                await self._wait_for_database()

    async def _settle(
        self, group: Sequence[Delivered], ends: Sequence[str | BaseException], seconds: float
    ) -> list[Delivered]:
        """Acknowledges what is decided, and sees to what failed. Gives what waits for the database."""
        waiting = []
        decided = []
        for one, end in zip(group, ends, strict=True):
            if isinstance(end, str):
                self.database = True
                decided.append(one.message)
                _tell_of(one.signal, end, seconds)
                continue
            cause = cause_of(end)
            if isinstance(cause, LockNotAvailableError):
                # One user's row is held by somebody for long: nobody else waits for it.
                log.warning("a user's row is held; the signal comes again", **_named(one.signal))
                metrics.FAILURES.labels("locked").inc()
                await self._pull.give_back(one.message, LOCKED_DELAY)
                continue
            # A run that took too long says nothing of the database, unless that is silent, too.
            if is_outage(cause) and not (isinstance(cause, TimeoutError) and await self._answers()):
                waiting.append(one)
                log.warning("the database is away; the signal waits", error=type(cause).__name__, **_named(one.signal))
                metrics.FAILURES.labels("outage").inc()
            else:
                await self._failed(one, end, cause)
        await self._pull.done(decided)
        return waiting

    async def _failed(self, one: Delivered, end: BaseException, cause: BaseException) -> None:
        metrics.FAILURES.labels("error").inc()
        tried = 1 if one.resumed else one.deliveries
        if not one.resumed and tried <= len(TRY_AGAIN_AFTER):
            delay = TRY_AGAIN_AFTER[tried - 1]
            log.warning(
                "a run failed and is tried again", attempt=tried, delay=delay, exc_info=cause, **_named(one.signal)
            )
            await self._pull.give_back(one.message, delay)
            return
        log.error(
            "a run failed for the last time; it is kept where it failed",
            attempt=tried,
            exc_info=cause,
            **_named(one.signal),
        )
        try:
            await self._runs.give_up(one.signal, self._config(), end, tried)
        except Exception as error:
            log.warning("a failed run could not be kept yet", exc_info=error, **_named(one.signal))
            await self._pull.give_back(one.message, OUTAGE_DELAY)
            return
        metrics.DECISIONS.labels(one.signal.kind, "failed").inc()
        await self._pull.drop(one.message)

    async def _wait_for_database(self) -> None:
        self.database = False
        pause = 0.2
        while not await self._answers():
            await asyncio.sleep(pause)
            pause = min(5.0, pause * 2)
        self.database = True
        log.info("the database is back")

    async def watch(self) -> None:
        """Asks the database now and then, also while there is nothing to do, so that `database` is true to the facts.
        Until cancelled."""
        while True:
            heed_cancellation()
            await asyncio.sleep(LOOK_EVERY)
            self.database = await self._answers()

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


def _tell_of(signal: Signal, outcome: str, seconds: float) -> None:
    metrics.RUN.observe(seconds)
    metrics.AGE.observe(max(0.0, time.time() - times.from_micros(signal.occurred_at).timestamp()))
    metrics.DECISIONS.labels(signal.kind, outcome).inc()
    log.info("decided", kind=signal.kind, outcome=outcome, seconds=round(seconds, 4), **_named(signal))


def _named(signal: Signal) -> dict[str, str]:
    """What log lines about a signal carry."""
    return {"signal_id": signal.signal_id, **traces.log_fields(signal.trace)}
