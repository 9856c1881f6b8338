"""Keeps children running: started again with a growing pause when they end, watched until they answer."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from handrail_cli.supervise.client import Command, Event, KeeperClient
from handrail_cli.supervise.logs import LogStream
from handrail_cli.supervise.tasks import cancel

State = Literal["starting", "running", "waiting", "stopped"]
Check = Callable[[], Awaitable[bool]]
LOOK_FAST = 0.05
LOOK_SLOW = 2.0
"""Seconds between looks whether a process answers: until it does, and after."""
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
CALM_AFTER = 30.0
"""A process that ran this long begins with the first pause again (seconds)."""
MISSES = 3
"""Looks in a row without an answer after which a running process counts as not ready."""


@dataclass
class Managed:
    """One supervised process."""

    name: str
    prepare: Callable[[], Command]
    check: Check
    shown: Callable[[str], bool]
    state: State = "starting"
    ready: bool = False
    pid: int | None = None
    restarts: int = 0
    reason: str = ""
    """Why it waits, for a person."""
    exited: asyncio.Future[int] | None = field(default=None, repr=False)
    task: asyncio.Task[None] | None = field(default=None, repr=False)
    changed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    stopping: bool = False


@dataclass(frozen=True)
class Child:
    pid: int
    exited: asyncio.Future[int]


class CouldNotStart(Exception):
    """A child could not be started at all."""


class Supervisor:
    """`on_change` is called whenever a process's state or readiness changes; `on_lost` when the keeper is gone."""

    def __init__(self, log: LogStream, on_change: Callable[[str], None], on_lost: Callable[[], None]) -> None:
        self._log = log
        self._on_change = on_change
        self._on_lost = on_lost
        self._keeper = KeeperClient()
        self._outputs: set[asyncio.ReadTransport] = set()
        self._started: dict[str, asyncio.Future[Child]] = {}
        self._exits: dict[int, asyncio.Future[int]] = {}
        self.processes: dict[str, Managed] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._keeper.fileno(), self._read)
        self._watching = True
        self._gone = asyncio.Event()

    # --- what is wanted --------------------------------------------------------------------------------------

    def add(
        self, name: str, prepare: Callable[[], Command], check: Check, shown: Callable[[str], bool] | None = None
    ) -> Managed:
        """Starts a process and keeps it. `prepare` is called before each start (in a thread); `shown` picks lines."""
        managed = Managed(name, prepare, check, shown or (lambda _line: True))
        self.processes[name] = managed
        managed.task = asyncio.create_task(self._keep(managed), name=f"keep-{name}")
        return managed

    async def remove(self, name: str) -> None:
        """Ends a process and forgets it."""
        managed = self.processes.get(name)
        if managed is None:
            return
        managed.stopping = True
        if managed.pid is not None:
            self._keeper.stop(managed.pid)
        if managed.exited is not None:
            await asyncio.wait([managed.exited], timeout=10)
        if managed.task is not None:
            await cancel(managed.task)
        if self.processes.get(name) is managed:
            del self.processes[name]
        self._on_change(name)

    async def run_once(self, command: Command) -> int:
        """Runs a child to its end; returns its exit code. Raises CouldNotStart."""
        return await (await self._launch(command, lambda _line: True))

    async def until_ready(self, name: str, seconds: float) -> bool:
        """Waits until the process answers; False when it did not in time, or has ended twice meanwhile."""
        managed = self.processes[name]
        deadline = time.monotonic() + seconds
        while not managed.ready:
            left = deadline - time.monotonic()
            if left <= 0 or managed.restarts >= 2:
                return False
            managed.changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await managed.changed.wait()
        return True

    async def end(self, *, at_once: bool = False) -> None:
        """Ends everything, programs before servers, and the keeper."""
        for managed in self.processes.values():
            managed.stopping = True
            if managed.task is not None:
                managed.task.cancel()
        self._keeper.end(at_once=at_once)
        await self._gone.wait()
        await asyncio.to_thread(self._keeper.close)
        for transport in [*self._outputs]:
            transport.close()

    def end_at_once(self) -> None:
        self._keeper.end(at_once=True)

    # --- one process -----------------------------------------------------------------------------------------

    async def _keep(self, managed: Managed) -> None:
        pause = FIRST_PAUSE
        while not managed.stopping:
            began = time.monotonic()
            self._set(managed, "starting")
            try:
                command = await asyncio.to_thread(managed.prepare)
                managed.exited = await self._launch(command, managed.shown, managed)
            except (CouldNotStart, OSError, RuntimeError) as error:
                managed.reason = str(error)
            else:
                managed.reason = _ended(await self._watch(managed, managed.exited))
            managed.pid = None
            if self._is_stopping(managed):
                break
            if time.monotonic() - began > CALM_AFTER:
                pause = FIRST_PAUSE
            managed.restarts += 1
            self._set(managed, "waiting")
            self._log.say(
                "process ended",
                f"! {managed.name} {managed.reason}; starting it again in {pause:g} s",
                level="warning",
                name=managed.name,
                reason=managed.reason,
                pause=pause,
            )
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
        self._set(managed, "stopped")

    def _is_stopping(self, managed: Managed) -> bool:
        return managed.stopping

    async def _watch(self, managed: Managed, exited: asyncio.Future[int]) -> int:
        misses = 0
        while not exited.done():
            answers = await managed.check()
            misses = 0 if answers else misses + 1
            if answers and not managed.ready and not exited.done():
                self._set(managed, "running", ready=True)
            elif managed.ready and misses >= MISSES:
                self._set(managed, "running", ready=False)
            await asyncio.wait([exited], timeout=LOOK_SLOW if managed.ready else LOOK_FAST)
        return exited.result()

    def _set(self, managed: Managed, state: State, *, ready: bool = False) -> None:
        managed.state, managed.ready = state, ready
        managed.changed.set()
        self._on_change(managed.name)

    # --- the keeper ------------------------------------------------------------------------------------------

    async def _launch(
        self, command: Command, shown: Callable[[str], bool], managed: Managed | None = None
    ) -> asyncio.Future[int]:
        if not self._watching:
            raise CouldNotStart("the keeper of the processes is gone")
        started: asyncio.Future[Child] = self._loop.create_future()
        self._started[command.name] = started
        reading, writing = os.pipe()
        try:
            self._keeper.start(command, writing)
        except OSError as error:
            os.close(reading)
            raise CouldNotStart(f"the keeper of the processes is gone: {error}") from error
        finally:
            os.close(writing)
        source = os.fdopen(reading, "rb", buffering=0)
        lines = _Lines(lambda line: self._log.line(command.name, line) if shown(line) else None)
        transport, _ = await self._loop.connect_read_pipe(lambda: lines, source)
        self._outputs.add(transport)
        lines.on_end = lambda: self._outputs.discard(transport)
        child = await started
        if managed is not None:
            managed.pid = child.pid
        return child.exited

    def _read(self) -> None:
        try:
            events = self._keeper.read()
        except OSError:
            events = None
        if events is None:
            self._lose()
            return
        for event in events:
            self._take(event)

    def _take(self, event: Event) -> None:
        match event.event:
            case "started":
                child = Child(event.pid, self._loop.create_future())
                self._exits[event.pid] = child.exited
                if waiting := self._started.pop(event.name, None):
                    waiting.set_result(child)
            case "failed":
                if waiting := self._started.pop(event.name, None):
                    waiting.set_exception(CouldNotStart(f"could not be started: {event.reason}"))
            case "exited":
                if (exited := self._exits.pop(event.pid, None)) and not exited.done():
                    exited.set_result(event.code)

    def _lose(self) -> None:
        self._loop.remove_reader(self._keeper.fileno())
        self._watching = False
        for exited in self._exits.values():
            exited.cancel()
        for started in self._started.values():
            started.cancel()
        self._gone.set()
        self._on_lost()


class _Lines(asyncio.Protocol):
    """Splits a child's output into lines; a very long one comes in pieces."""

    LONGEST = 64 * 1024

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._buffer = b""
        self.on_end: Callable[[], None] | None = None

    def data_received(self, data: bytes) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._buffer) > self.LONGEST:
            self._line(self._buffer)
            self._buffer = b""

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._buffer:
            self._line(self._buffer)
        if self.on_end is not None:
            self.on_end()

    def _line(self, line: bytes) -> None:
        if text := line.decode(errors="replace").rstrip():
            self._take(text)


def _ended(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"
