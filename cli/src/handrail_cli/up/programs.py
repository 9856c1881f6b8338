"""The command lines and environments of the platform's own programs, and whether one answers. Nothing runs here."""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from handrail_cli.embedded.ports import LOOPBACK
from handrail_cli.supervise.client import Command, inherited_environment
from handrail_contracts import names
from handrail_contracts.tenant_spec import Runtime

PASSED_ON = ("HANDRAIL_OUTBOUND_ALLOWED", "HANDRAIL_SMTP_URL", "HANDRAIL_MAIL_FROM")
"""What the platform's owner sets for `handrail up`, and every runtime is told."""


def address(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def _python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


def _environment(log_format: str, *also: str, **more: str) -> dict[str, str]:
    # Children write for us, not for a terminal; unbuffered, so that their last words arrive.
    return inherited_environment(*also, PYTHONUNBUFFERED="1", HANDRAIL_LOG_FORMAT=log_format, **more)


def gateway(root: Path, secrets: Path, port: int, nats_url: str, log_format: str) -> Command:
    environment = _environment(
        log_format,
        HANDRAIL_HOST=LOOPBACK,
        HANDRAIL_PORT=str(port),
        HANDRAIL_NATS_URL=nats_url,
        HANDRAIL_SECRETS=str(secrets),
        HANDRAIL_LOCAL="true",
    )
    return Command("gateway", _python("handrail_gateway"), environment, root)


def demo(root: Path, config: Path, port: int, log_format: str) -> Command:
    environment = _environment(
        log_format, HANDRAIL_HOST=LOOPBACK, HANDRAIL_PORT=str(port), HANDRAIL_DEMO_CONFIG=str(config)
    )
    return Command("demo", _python("handrail_cli.demo"), environment, root)


@dataclass(frozen=True)
class RuntimeProcess:
    """One process of a tenant's runtime. No tenant's name holds a dot, so names of processes never meet."""

    name: str
    roles: tuple[str, ...]


def belongs(process: str, tenant: str) -> bool:
    """Whether a process is one of this tenant's."""
    return process.startswith(f"{tenant}.")


def layout(tenant: str, sizes: Runtime, *, combined: bool) -> list[RuntimeProcess]:
    """Which processes a tenant gets: one for all roles on a small plan, else one or more for each role."""
    counts = {"ingest": sizes.ingest.replicas, "agent": sizes.agent.replicas, "realtime": sizes.realtime.replicas}
    if combined:
        roles = tuple(role for role in names.ROLES if counts[role])
        return [RuntimeProcess(f"{tenant}.runtime", roles)] if roles else []
    return list(_split(tenant, counts))


def _split(tenant: str, counts: dict[str, int]) -> Iterator[RuntimeProcess]:
    for role in names.ROLES:
        for number in range(1, counts[role] + 1):
            suffix = f".{number}" if number > 1 else ""
            yield RuntimeProcess(f"{tenant}.{role}{suffix}", (role,))


@dataclass(frozen=True)
class RuntimePlace:
    """What every process of one tenant's runtime is told."""

    root: Path
    tenant: str
    secrets: Path
    nats_url: str
    redis_prefix: str
    log_format: str

    def run(self, process: RuntimeProcess, port: int) -> Command:
        environment = _environment(
            self.log_format,
            *PASSED_ON,
            HANDRAIL_TENANT=self.tenant,
            HANDRAIL_HOST=LOOPBACK,
            HANDRAIL_PORT=str(port),
            HANDRAIL_NATS_URL=self.nats_url,
            HANDRAIL_SECRETS=str(self.secrets),
            HANDRAIL_REDIS_PREFIX=self.redis_prefix,
        )
        argv = _python("handrail_runtime", "run", "--roles", ",".join(process.roles))
        return Command(process.name, argv, environment, self.root)

    def migrate(self, owner_secrets: Path) -> Command:
        environment = _environment(self.log_format, HANDRAIL_TENANT=self.tenant, HANDRAIL_SECRETS=str(owner_secrets))
        return Command(f"{self.tenant}.migrate", _python("handrail_runtime", "migrate"), environment, self.root)


def answers(port: int, path: str = "/readyz") -> Callable[[], Awaitable[bool]]:
    """A check: GET answers 200. Bare, because it is asked often and of ourselves alone."""

    async def check() -> bool:
        writer = None
        try:
            async with asyncio.timeout(3):
                reader, writer = await asyncio.open_connection(LOOPBACK, port)
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n\r\n".encode())
                line = await reader.readline()
        except (OSError, TimeoutError):
            return False
        finally:
            if writer is not None:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
        return line.split(b" ")[1:2] == [b"200"]

    return check
