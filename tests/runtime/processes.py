"""A runtime process as a deployment starts it, and waiting for what it does."""

import asyncio
import http.client
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests import warm

from handrail_cli.embedded.ports import free_port

if TYPE_CHECKING:
    from tests.conftest import Tenant

DEADLINE = 60.0
"""Seconds; generous, for a machine that does much else."""


async def eventually(check: Callable[[], Awaitable[Any]], within: float = DEADLINE) -> Any:
    """What `check` gives once it is true. Raises TimeoutError."""
    deadline = time.monotonic() + within
    while not (found := await check()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within} s; last: {found!r}")
        await asyncio.sleep(0.03)
    return found


@dataclass
class RuntimeProcess:
    """Some roles of one tenant."""

    process: warm.Process
    port: int
    log: Path

    async def get(self, path: str) -> tuple[int, str]:
        """Status and body; 0 where nobody answers."""
        return await asyncio.to_thread(self._get, path)

    async def answers(self, status: int = 200) -> bool:
        """Whether /readyz answers so. Fails where the process has ended."""
        assert self.runs(), self.log.read_text()
        return (await self.get("/readyz"))[0] == status

    async def metric(self, name: str) -> float:
        """The sum of a metric's samples."""
        lines = (await self.get("/metrics"))[1].splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit code: 1 where something would not end and the process gave up on it."""
        self.process.send_signal(number)
        async with asyncio.timeout(30):
            return await self.ended()

    def runs(self) -> bool:
        return self.process.poll() is None

    async def ended(self) -> int:
        """The exit code, once it has."""
        return await asyncio.to_thread(self.process.wait)

    def _get(self, path: str) -> tuple[int, str]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                return answer.status, answer.read().decode()
            except (OSError, http.client.HTTPException):
                return 0, ""


async def start_runtime(
    tenant: "Tenant",
    nats_url: str,
    roles: str,
    log: Path,
    *,
    port: int = 0,
    secrets: Path | None = None,
    environment: dict[str, str] | None = None,
) -> RuntimeProcess:
    """Starts it; waiting until it `answers` is the caller's."""
    port = port or free_port(set())
    given = {
        "HANDRAIL_TENANT": tenant.name,
        "HANDRAIL_SECRETS": str(secrets or tenant.secrets),
        "HANDRAIL_NATS_URL": nats_url,
        "HANDRAIL_REDIS_PREFIX": tenant.redis_prefix,
        "HANDRAIL_PORT": str(port),
        "HANDRAIL_LOG_FORMAT": "json",
    }
    process = warm.start("handrail_runtime", ["run", "--roles", roles], os.environ | given | (environment or {}), log)
    return RuntimeProcess(process, port, log)
