"""Servers that a test may stop, freeze and empty."""

import asyncio
import contextlib
import secrets
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from handrail_cli.embedded import account
from handrail_cli.embedded.passwords import ServerSecrets
from handrail_cli.embedded.ports import free_port
from handrail_cli.embedded.servers import Ports, Servers, wait_until
from handrail_cli.supervise.client import KeeperClient
from handrail_operator.provision.keyring import PlatformSecrets
from handrail_operator.provision.platform import Access

NATS, POSTGRES, VALKEY = "nats", "postgres", "valkey"
ALL = (NATS, POSTGRES, VALKEY)


@dataclass
class OwnServers:
    servers: Servers
    keeper: KeeperClient
    folder: Path
    pids: dict[str, int] = field(default_factory=dict)

    @property
    def access(self) -> Access:
        return self.servers.access()

    @property
    def log(self) -> Path:
        return self.folder / "servers.log"

    async def start(self, *names: str) -> None:
        """Those that do not run, until they answer."""
        for name in names or ALL:
            if name not in self.pids:
                await asyncio.to_thread(self._start, name)
        await asyncio.gather(*(wait_until(self.servers.checks()[name], name) for name in names or ALL))

    def _start(self, name: str) -> None:
        with self.log.open("ab") as output:
            self.keeper.start(self.servers.prepare()[name](), output.fileno())
        self.pids[name] = self._read(name, "started")

    async def kill(self, *names: str) -> None:
        for name in names:
            await asyncio.to_thread(self._kill, name)

    def _kill(self, name: str) -> None:
        pid = self.pids.pop(name)
        family = _family(pid)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._read(name, "exited")
        psutil.wait_procs(family, 5)

    def _read(self, name: str, event: str) -> int:
        while (events := self.keeper.read()) is not None:
            for one in events:
                assert one.event != "failed", one.reason
                if (one.name, one.event) == (name, event):
                    return one.pid
        raise AssertionError("the keeper has ended")

    @contextlib.contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """It takes connections and answers nothing."""
        family = _family(self.pids[name])
        for process in family:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGCONT)

    def wipe(self, name: str) -> None:
        """Of a server that does not run: all that it ever kept."""
        state = self.servers.state
        folder = state / name
        if name == POSTGRES:
            folder = account.data_place(state, account.account(), self.servers.secrets.identity)
        shutil.rmtree(folder)


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


@contextlib.contextmanager
def own_servers() -> Iterator[OwnServers]:
    """None of them runs yet."""
    folder = Path(tempfile.mkdtemp(prefix="handrail-own-"))
    folder.chmod(stat.S_IRWXU | stat.S_IXGRP | stat.S_IXOTH)
    taken: set[int] = set()
    for _ in ALL:
        taken.add(free_port(taken))
    passwords = ServerSecrets(
        identity=secrets.token_hex(8), postgres_password=secrets.token_hex(16), redis_password=secrets.token_hex(16)
    )
    keeper = KeeperClient()
    try:
        servers = Servers(folder, Ports(*taken), passwords, PlatformSecrets.new(), durable=False)
        yield OwnServers(servers, keeper, folder)
    finally:
        keeper.close()
        shutil.rmtree(folder, ignore_errors=True)


async def eventually(check: Callable[[], Awaitable[Any] | Any], within: float = 60.0) -> Any:
    """What `check` gives once it is true. Raises TimeoutError."""
    deadline = time.monotonic() + within
    while True:
        found = check()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within} s; last: {found!r}")
        await asyncio.sleep(0.05)
