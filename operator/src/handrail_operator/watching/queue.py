"""Whose turn it is: tenants to be looked at, each by one worker at a time, in the order in which they became due. Those
whose people asked for something do not stand behind a thousand others: they have a lane of their own."""

import asyncio
import heapq
import itertools
import math
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from handrail_operator.errors import TenantError

log = structlog.get_logger()

Work = Callable[[str], Awaitable[float | None]]
"""Looks at one tenant; returns seconds until another look is due, None for the usual time."""
Observe = Callable[[float, BaseException | None], None]
"""Told of each look: seconds, and how it failed."""

_SPREAD = 0.2
"""Of a resync's time, both ways: tenants that were looked at together part."""
_URGENT_PAUSE = 1.0
"""Seconds: what failed is not tried more often, however much happens around it."""
_ASKED_FOR = 60.0
"""Seconds for which a tenant keeps to the lane of those that were asked for: coming up takes several looks."""
_SETTLING = 0.2
"""Seconds after a look until the next: what a look brings about comes as many small events."""


_ASKED, _OTHERS = 0, 1
"""The lanes."""


@dataclass(slots=True)
class _Entry:
    due: float
    since: float
    """From when it waits: for the age of the oldest."""
    touched: bool = False
    urgent: bool = False
    """As above, while it is worked on."""
    running: bool = False
    forgotten: bool = False
    failures: int = 0
    quiet_until: float = 0.0
    asked_until: float = 0.0
    lane: int = 0


class State(NamedTuple):
    waiting: int
    """Due, and not worked on yet."""
    oldest: float
    """Seconds the longest waits of those."""
    running: int


IDLE = State(0, 0.0, 0)
"""Of an operator that does not lead."""


class Queue:
    """`touch` from any coroutine of the loop that `run` runs in. Times in seconds."""

    def __init__(
        self,
        work: Work,
        *,
        concurrency: int,
        resync: float,
        first_retry: float,
        longest_retry: float,
        expected: tuple[type[Exception], ...] = (TenantError,),
        observe: Observe | None = None,
    ) -> None:
        """`expected`: failures that say everything by their text."""
        self._work = work
        self._resync = resync
        self._first_retry = first_retry
        self._longest_retry = longest_retry
        self._expected = expected
        self._observe = observe
        self._free = asyncio.Semaphore(concurrency)
        self._entries: dict[str, _Entry] = {}
        self._lanes: tuple[list[tuple[float, int, str]], ...] = ([], [])
        """Heaps of when one is due, a running number, its name. While both have somebody, they go in turn."""
        self._turn = _ASKED
        self._count = itertools.count()
        self._news = asyncio.Event()

    def touch(self, name: str, *, urgent: bool = False, asked: bool = False) -> None:
        """Asks for a look. One that failed keeps to its pause, unless it is `urgent`: what it depends on changed.
        `asked`: its people changed it and wait, which is urgent too."""
        now = time.monotonic()
        entry = self._entries.get(name)
        anew = entry is None
        if entry is None:
            entry = self._entries[name] = _Entry(due=now, since=now)
        if asked:
            urgent = True
            entry.asked_until = now + _ASKED_FOR
        if anew:
            self._put(name, entry)
            return
        entry.forgotten = False
        if entry.running:
            entry.touched = True
            entry.urgent |= urgent
            return
        if urgent:
            entry.failures = 0
        if entry.failures == 0:
            self._bring_forward(name, entry, max(now, entry.quiet_until))
            if asked and entry.lane == _OTHERS:
                self._put(name, entry)

    def forget(self, name: str) -> None:
        """The tenant is no more. A look under way goes on to its end."""
        entry = self._entries.get(name)
        if entry is None:
            return
        entry.forgotten = True
        entry.touched = False
        if not entry.running:
            del self._entries[name]

    def state(self) -> State:
        now = time.monotonic()
        waiting = [now - one.since for one in self._entries.values() if not one.running and one.due <= now]
        running = sum(one.running for one in self._entries.values())
        return State(len(waiting), max(waiting, default=0.0), running)

    async def run(self) -> None:
        """Works until it is cancelled; looks under way are cancelled too, and have ended when it has."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._free.acquire()
                name = await self._next()
                entry = self._entries[name]
                entry.running, entry.touched, entry.urgent = True, False, False
                group.create_task(self._look(name, entry), name=f"reconcile {name}")

    # --- parts -----------------------------------------------------------------------------------------------

    async def _next(self) -> str:
        """The name that is due longest in its lane."""
        while True:
            self._news.clear()
            heads = [self._head(lane) for lane in (_ASKED, _OTHERS)]
            for lane in (self._turn, 1 - self._turn):
                if heads[lane] <= time.monotonic():
                    self._turn = 1 - lane
                    return heapq.heappop(self._lanes[lane])[2]
            first = min(heads)
            pause = first - time.monotonic() if first < math.inf else None
            try:
                async with asyncio.timeout(pause):
                    await self._news.wait()
            except TimeoutError:
                continue

    def _head(self, lane: int) -> float:
        """When the first of a lane is due; never where there is none."""
        order = self._lanes[lane]
        while order:
            due, _, name = order[0]
            entry = self._entries.get(name)
            if entry is not None and not entry.running and (entry.due, entry.lane) == (due, lane):
                return due
            heapq.heappop(order)
        return math.inf

    async def _look(self, name: str, entry: _Entry) -> None:
        started = time.monotonic()
        again: float | None = None
        failed: Exception | None = None
        try:
            again = await self._work(name)
        except Exception as error:  # noqa: BLE001 - one tenant's trouble must not end the work on the others
            failed = error
        finally:
            entry.running = False
            self._free.release()
        if self._observe is not None:
            self._observe(time.monotonic() - started, failed)
        if entry.forgotten:
            self._entries.pop(name, None)
            return
        self._plan(name, entry, again, failed)

    def _plan(self, name: str, entry: _Entry, again: float | None, failed: Exception | None) -> None:
        now = time.monotonic()
        if failed is None:
            entry.failures = 0
            entry.quiet_until = now + _SETTLING
            pause = self._resync * _spread() if again is None else max(0.0, again)
        else:
            entry.failures = 0 if entry.urgent else entry.failures + 1
            entry.quiet_until = now + min(_URGENT_PAUSE, self._first_retry)
            pause = self._pause(entry.failures, failed)
        if entry.touched and (failed is None or entry.urgent):
            pause = entry.quiet_until - now
        if failed is not None:
            self._tell(name, failed, pause)
        self._bring_forward(name, entry, now + pause, anew=True)

    def _tell(self, name: str, failed: Exception, pause: float) -> None:
        if isinstance(failed, self._expected):
            log.warning("tenant not as wanted", tenant=name, why=str(failed), again_in=round(pause, 1))
        else:
            log.error("look at tenant failed", tenant=name, again_in=round(pause, 1), exc_info=failed)

    def _pause(self, failures: int, failed: Exception) -> float:
        if isinstance(failed, TenantError) and failed.lasting:
            return self._longest_retry * _spread()
        return min(self._first_retry * 2.0 ** min(max(failures - 1, 0), 30), self._longest_retry) * _spread()

    def _bring_forward(self, name: str, entry: _Entry, due: float, *, anew: bool = False) -> None:
        if anew or due < entry.due:
            entry.due = entry.since = due
            self._put(name, entry)

    def _put(self, name: str, entry: _Entry) -> None:
        entry.lane = _ASKED if entry.due < entry.asked_until else _OTHERS
        heapq.heappush(self._lanes[entry.lane], (entry.due, next(self._count), name))
        self._news.set()


def _spread() -> float:
    return random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 - no secret
