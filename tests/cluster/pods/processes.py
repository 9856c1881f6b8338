"""Processes in views of their own, under a keeper that ends them all when we are gone, however we end."""

import asyncio
import contextlib
import itertools
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.pods import launch

from handrail_cli.supervise.client import Command, KeeperClient

_numbers = itertools.count(1)


class CouldNotStart(Exception):
    """The command could not be started at all."""


@dataclass(frozen=True)
class View:
    """What a process sees: `mounts` as `launch.py` reads them, `keep` as there."""

    folder: Path
    """Of its own; nothing else is put there."""
    mounts: list[dict[str, Any]]
    keep: tuple[str, ...] = ()
    cwd: str = "/"

    def prefix(self) -> list[str]:
        """What is put before a command line so that it sees this."""
        root, path = self.folder / "root", self.folder / "view.json"
        root.mkdir(parents=True, exist_ok=True)
        view = json.dumps({"root": str(root), "mounts": self.mounts, "keep": list(self.keep), "cwd": self.cwd})
        if not path.exists() or path.read_text() != view:
            fresh = path.with_name(f"view-{next(_numbers)}.json")
            fresh.write_text(view)
            fresh.rename(path)  # somebody may be reading the other
        return [sys.executable, "-I", "-S", launch.__file__, str(path)]


@dataclass(frozen=True)
class Process:
    pid: int
    exited: asyncio.Future[int]
    """Its exit code; of a signal: 128 and its number, as a container's."""


@dataclass
class Processes:
    """Made in a running loop."""

    _keeper: KeeperClient = field(default_factory=KeeperClient)
    _started: dict[str, asyncio.Future[Process]] = field(default_factory=dict)
    _running: dict[int, asyncio.Future[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._keeper.fileno(), self._read)

    async def start(
        self, view: View, argv: list[str], environment: dict[str, str], log: Path, user: tuple[int, int] | None = None
    ) -> Process:
        """Raises CouldNotStart."""
        name = f"{view.folder.name}-{next(_numbers)}"
        argv = view.prefix() + (as_user(*user) if user else []) + argv
        started: asyncio.Future[Process] = self._loop.create_future()
        self._started[name] = started
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._keeper.start(Command(name, argv, environment, Path("/")), output)
        except OSError as error:
            raise CouldNotStart(f"the keeper of the processes is gone: {error.strerror}") from error
        finally:
            os.close(output)
        return await started

    async def run(self, view: View, argv: list[str], environment: dict[str, str], log: Path, seconds: float) -> int:
        """To its end. Raises CouldNotStart, TimeoutError (it is killed then)."""
        process = await self.start(view, argv, environment, log)
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(process.exited)
        finally:
            if not process.exited.done():
                self.stop(process, 0)

    def stop(self, process: Process, seconds: float) -> None:
        """Asks it to end; it is killed after `seconds`."""
        self._keeper.stop(process.pid, seconds)

    async def close(self) -> None:
        """Kills what still runs."""
        self._loop.remove_reader(self._keeper.fileno())
        self._keeper.end(at_once=True)
        await asyncio.to_thread(self._keeper.close)
        for exited in self._running.values():
            exited.cancel()
        for started in self._started.values():
            started.cancel()

    def _read(self) -> None:
        events = self._keeper.read()
        if events is None:
            self._loop.remove_reader(self._keeper.fileno())
            for started in self._started.values():
                started.set_exception(CouldNotStart("the keeper of the processes is gone"))
            self._started.clear()
            for exited in self._running.values():
                exited.set_result(137)
            self._running.clear()
            return
        for event in events:
            if event.event == "exited":
                exited = self._running.pop(event.pid)
                if not exited.done():
                    exited.set_result(event.code if event.code >= 0 else 128 - event.code)
                continue
            started = self._started.pop(event.name)
            if event.event == "failed":
                if not started.done():
                    started.set_exception(CouldNotStart(event.reason))
                continue
            exited = self._running[event.pid] = self._loop.create_future()
            if started.done():  # whoever asked for it is gone
                self._keeper.stop(event.pid, 0)
            else:
                started.set_result(Process(event.pid, exited))


def as_user(uid: int, gid: int) -> list[str]:
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]


def last_words(log: Path, size: int = 2000) -> str:
    """The end of a log, for a person."""
    with contextlib.suppress(OSError):
        return log.read_text(errors="replace")[-size:]
    return ""
