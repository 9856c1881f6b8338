"""`handrail up` as its user runs it, seen from outside: its processes, what they hold, and ways to hurt them."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from handrail_cli.embedded.postgres import SUPERUSER
from handrail_cli.state.folder import State

READY_WITHIN = 240.0


@dataclass
class Machine:
    """One running platform."""

    process: Process
    folder: Path
    log: Path

    @property
    def state(self) -> State:
        return State.open(self.folder)

    @property
    def gateway(self) -> str:
        live = self.state.live()
        assert live is not None
        return live.gateway

    def key(self, tenant: str, kind: Any = "publishable") -> str:
        secrets = self.state.tenant_secrets(tenant)
        newest = secrets.newest(kind) if secrets else None
        assert newest is not None
        return newest.key

    def pids(self) -> dict[str, int]:
        """Process -> its id, of those that run now."""
        live = self.state.live()
        return {one.name: one.pid for one in live.processes if one.pid is not None} if live else {}

    def restarts(self) -> dict[str, int]:
        live = self.state.live()
        return {one.name: one.restarts for one in live.processes} if live else {}

    async def status(self) -> tuple[int, dict[str, Any]]:
        """Exit code and value of `handrail status --json`."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "handrail_cli", "status", "--json", "--state", str(self.folder),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        output, _ = await process.communicate()
        return process.returncode or 0, json.loads(output)

    def says_ready(self) -> bool:
        """The same answer without the price of a process."""
        live = self.state.live() if (self.folder / "version").exists() else None
        return live is not None and live.ready and live.pid == self.process.pid

    async def until_ready(self, seconds: float = READY_WITHIN) -> float:
        """Seconds that it took. Raises TimeoutError with what is missing."""
        began = time.monotonic()
        while not self.says_ready():
            assert self.process.returncode is None, self.log.read_text()[-4000:]
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"not ready after {seconds} s: {(await self.status())[1]}")
            await asyncio.sleep(0.05)
        return time.monotonic() - began

    # --- hurting -------------------------------------------------------------------------------------------------

    def kill(self, name: str) -> int:
        """kill -9. Returns the pid that it hit."""
        pid = self.pids()[name]
        os.kill(pid, signal.SIGKILL)
        return pid

    async def until_again(self, name: str, old: int, seconds: float = READY_WITHIN) -> float:
        """Waits for another process in its place and the whole platform ready. Returns the seconds."""
        began = time.monotonic()
        while self.pids().get(name, old) == old:
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"{name} was not started again within {seconds} s")
            await asyncio.sleep(0.02)
        await self.until_ready(seconds)
        return time.monotonic() - began

    @contextlib.contextmanager
    def frozen(self, *names: str) -> Iterator[None]:
        """SIGSTOP for the processes and all below them; SIGCONT at the end."""
        stopped: list[psutil.Process] = []
        try:
            for name in names:
                parent = psutil.Process(self.pids()[name])
                parent.suspend()  # first, so that it has no more children
                stopped.append(parent)
                for child in parent.children(recursive=True):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        child.suspend()
                        stopped.append(child)
            yield
        finally:
            for process in stopped:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    # --- looking -------------------------------------------------------------------------------------------------

    async def database(self, tenant: str) -> asyncpg.Connection:
        """The tenant's database, as the server's administrator."""
        secrets = self.state.tenant_secrets(tenant)
        assert secrets is not None
        connection: asyncpg.Connection = await asyncpg.connect(
            user=SUPERUSER,
            password=self.state.server_secrets().postgres_password,
            host="127.0.0.1",
            port=self.state.ports()["postgres"],
            database=secrets.database,
            timeout=10,
        )
        return connection

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(30):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


async def start(folder: Path, files: list[Path], port: int, environment: dict[str, str] | None = None) -> Machine:
    """Starts `handrail up`; waiting for it is the caller's."""
    log = folder.with_name(folder.name + ".log")
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "handrail_cli", "up", *map(str, files), "--state", str(folder),
            "--port", str(port), "--log-format", "json",
            stdout=output, stderr=output, env=os.environ | (environment or {}), start_new_session=True,
        )  # fmt: skip
    return Machine(process, folder, log)
