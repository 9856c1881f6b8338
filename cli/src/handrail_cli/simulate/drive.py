"""Carries out a plan against a platform: all users at once, then waiting until everything is worked off."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from handrail_cli.simulate.api import Api
from handrail_cli.simulate.plan import Plan
from handrail_cli.simulate.readback import Readback
from handrail_cli.simulate.report import Outcome, Reading, sent, waiting_for
from handrail_cli.simulate.visit import Visit, new_log
from handrail_cli.simulate.visit_log import VisitLog

QUIET_SECONDS = 2.0
"""So long nothing may change before a run counts as over."""
PATIENCE_SECONDS = 30.0
"""So long a run waits for something that ought to come and does not."""
_ASKED_AGAIN_AFTER = 3.0
"""Seconds; more than a socket takes to close."""
_DOORS = 32
_MARGIN = timedelta(minutes=2)


@dataclass(frozen=True)
class Progress:
    """Where a run stands."""

    events: int
    planned: int
    nudges: int
    waiting_for: str


async def run(
    api: Api,
    plan: Plan,
    *,
    rate: float,
    ahead: timedelta,
    stop: asyncio.Event,
    tell: Callable[[Progress], None],
) -> Outcome:
    """Drives all users of the plan at `rate` events a second.

    `ahead`: how far the platform's clock is ahead of ours. `stop` ends the run early, with what was done until then.
    Raises ApiFailed where the platform's own account of the run cannot be read at all.
    """
    began, errors = time.monotonic(), Counter[str]()
    logs = [new_log(user) for user in plan.users]
    doors = asyncio.Semaphore(_DOORS)
    visits: list[asyncio.Task[None]] = []
    due = 0.0
    for log in logs:
        visits.append(asyncio.create_task(Visit(api, log, errors, doors).run(due)))
        due += len(log.plan.events) / rate
    now = datetime.now(UTC) + ahead
    readback = Readback(api, now - timedelta(seconds=plan.seconds) - _MARGIN, now - _MARGIN)

    def report(waiting: str) -> None:
        tell(Progress(sent(logs), plan.events, sum(len(log.received) for log in logs), waiting))

    try:
        while not stop.is_set() and any(log.stage in ("waiting", "walking") for log in logs):
            report("")
            _raise_faults(visits)
            await _pause(stop, 0.25)
        if stop.is_set():
            await _end(visits)
        reading = await _settle(readback, logs, stop, report)
        _raise_faults(visits)
    finally:
        await _end(visits)
    return Outcome(plan, logs, reading, errors, api.retries, time.monotonic() - began, stop.is_set())


async def _settle(
    readback: Readback, logs: list[VisitLog], stop: asyncio.Event, report: Callable[[str], None]
) -> Reading:
    """Looks until all is worked off and nothing changes any more, or until patience ends."""
    before: object = None
    changed = time.monotonic()
    while True:
        asked = time.monotonic()
        reading = await readback.look(logs)
        now = time.monotonic()
        view = reading.signature(), sent(logs), [log.stage for log in logs]
        if view != before:
            before, changed = view, now
        waiting = waiting_for(logs, reading)
        report(", ".join(waiting) or "silence")
        if stop.is_set() or now - changed >= (PATIENCE_SECONDS if waiting else QUIET_SECONDS):
            return reading
        await _pause(stop, max(0.5, 2 * (now - asked)))


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


async def _end(visits: list[asyncio.Task[None]]) -> None:
    """Asks more than once: a library may take a cancellation for its own and go on."""
    left = {visit for visit in visits if not visit.done()}
    while left:
        for visit in left:
            visit.cancel()
        _, left = await asyncio.wait(left, timeout=_ASKED_AGAIN_AFTER)
    await asyncio.gather(*visits, return_exceptions=True)


def _raise_faults(visits: list[asyncio.Task[None]]) -> None:
    """A visit handles what a platform does wrong; what it raises is a fault of ours and must be seen."""
    for visit in visits:
        if visit.done() and not visit.cancelled():
            visit.result()
