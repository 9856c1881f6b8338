"""The loop that works deliveries off. Any number of processes may run it: each delivery is one's at a time.

At least once: whoever dies between sending and booking has it sent again, under the same id. Idle, it asks PostgreSQL
once a minute; a new escalation of this process wakes it.
"""

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from handrail_contracts import traces
from handrail_contracts.tenant_spec import Escalation
from handrail_runtime.agent import metrics
from handrail_runtime.agent.escalation import ledger, retries
from handrail_runtime.agent.escalation.channels import Channels, kind
from handrail_runtime.agent.escalation.ledger import Ahead, Taken
from handrail_runtime.data.raw import raw_transaction
from handrail_runtime.roles import heed_cancellation
from handrail_runtime.trouble import is_outage

log = structlog.get_logger()

AT_ONCE = 4
"""Attempts at the same time."""
LOOK_EVERY = 60.0
"""Seconds, where nothing wakes the loop: another process may have died over its work."""
LONGEST_PAUSE = 5.0
"""Seconds between looks while PostgreSQL is away."""
FINISH = 2.0
"""Seconds that begun attempts may go on after the process was told to stop."""


class Deliveries:
    """`escalation` gives the config's part as it is now."""

    def __init__(
        self, engine: AsyncEngine, channels: Channels, tenant: str, escalation: Callable[[], Escalation]
    ) -> None:
        self._engine = engine
        self._channels = channels
        self._tenant = tenant
        self._escalation = escalation
        self._woken = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """There may be something to deliver."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled; what was begun is finished first, within two seconds."""
        pause = 0.2
        try:
            while True:
                heed_cancellation()
                self._woken.clear()
                try:
                    wait = await self._look()
                    pause = 0.2
                except Exception as error:
                    if not is_outage(error):
                        log.error("deliveries cannot be worked off", exc_info=error)
                    wait = pause
                    pause = min(LONGEST_PAUSE, pause * 2)
                await self._rest(wait)
        finally:
            await self._finish()
            await self._channels.aclose()

    async def _look(self) -> float:
        """Begins what is due; gives seconds until there may be more."""
        free = AT_ONCE - len(self._running)
        taken: list[Taken] = []
        async with raw_transaction(self._engine) as connection:
            if free:
                taken = await ledger.take(connection, self._tenant, free)
            ahead = await ledger.ahead(connection)
        metrics.ESCALATIONS_PENDING.set(ahead.pending)
        for one in taken:
            task = asyncio.create_task(self._attempt(one), name="agent-delivery")
            self._running.add(task)
            task.add_done_callback(self._ended)
        return _wait(ahead) if len(self._running) < AT_ONCE else LOOK_EVERY

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._woken.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("what came of a delivery could not be booked; it will be repeated", exc_info=error)

    async def _attempt(self, taken: Taken) -> None:
        escalation = self._escalation()
        alert = taken.alert
        began, started = datetime.now(UTC), time.perf_counter()
        result = await self._channels.send(alert, escalation)
        seconds = round(time.perf_counter() - started, 4)
        waits = taken.waits + (result.outcome == "waiting")
        wait = retries.next_attempt(
            result,
            failures=taken.number - taken.waits,
            waits=waits,
            age=taken.age,
            jitter=random.uniform(-1, 1),  # noqa: S311 - to spread load, not to keep a secret
        )
        state = await self._book(taken, result, began, seconds, wait)
        metrics.ESCALATION_ATTEMPTS.labels(kind(alert.channel, escalation), result.outcome).inc()
        about = {
            "escalation_id": str(alert.escalation_id), "channel": alert.channel, "attempt": taken.number,
            "status": result.status, "seconds": seconds, **traces.log_fields(taken.trace),
        }  # fmt: skip
        if state == "delivered":
            log.info("alert delivered", **about)
        elif state == "failed":
            metrics.ESCALATIONS_FAILED.labels(kind(alert.channel, escalation)).inc()
            log.error("an alert was not delivered and is given up", why=result.error, **about)
        else:
            log.warning("an alert was not delivered yet", why=result.error, again_in=round(wait or 0, 1), **about)

    async def _book(
        self, taken: Taken, result: retries.Result, began: datetime, seconds: float, wait: float | None
    ) -> str:
        """An outage is waited for as long as the lease lasts, so that what was sent is not sent again."""
        deadline = time.monotonic() + ledger.LEASE - seconds - 5
        while True:
            try:
                async with raw_transaction(self._engine) as connection:
                    return await ledger.book(connection, taken, result, began, seconds, wait)
            except Exception as error:
                if not is_outage(error) or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(1)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _finish(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=FINISH)
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _wait(ahead: Ahead) -> float:
    if ahead.seconds is None:
        return LOOK_EVERY
    return min(LOOK_EVERY, max(0.05, ahead.seconds))
