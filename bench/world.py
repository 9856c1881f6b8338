"""A platform for a benchmark: real servers with their real settings, tenants, a gateway, runtimes; gone at the end."""

import asyncio
import contextlib
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psutil
from nats.aio.client import Client

from handrail_cli.embedded.passwords import ServerSecrets
from handrail_cli.embedded.ports import free_port, free_ports, is_open
from handrail_cli.embedded.servers import Ports, Servers, wait_until
from handrail_cli.supervise.client import KeeperClient
from handrail_contracts.record import TenantRecord
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.provision import nats_claims, nats_connection
from handrail_operator.provision.keyring import PlatformSecrets, TenantSecrets
from handrail_operator.provision.platform import Platform, gateway_files, open_platform, provision_platform
from handrail_operator.provision.tenant import ProvisionedTenant, provision_tenant
from handrail_operator.publish import build_record, publish_config, publish_record
from handrail_runtime.data.migrate import migrate

_CREATED_AT = "2026-01-01T00:00:00Z"


@dataclass
class Tenant:
    """One tenant of the benchmark."""

    name: str
    record: TenantRecord
    keyring: TenantSecrets
    provisioned: ProvisionedTenant
    secrets: Path

    def key(self, kind: str = "publishable") -> str:
        return next(key.key for key in self.keyring.keys if key.kind == kind)

    @property
    def owner(self) -> str:
        """Address of its database, for whoever may do anything there."""
        return next(iter(self.provisioned.owner_files.values())).strip()


@dataclass
class Program:
    """A process of ours, ready."""

    process: asyncio.subprocess.Process
    port: int
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            async with asyncio.timeout(15):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


@dataclass
class World:
    folder: Path
    servers: Servers
    platform: Platform
    server_pids: dict[str, int]
    """postgres, nats, valkey: each the process that stands above all of its own."""
    programs: list[Program] = field(default_factory=list)

    async def tenant(
        self, spec: Mapping[str, object] | None = None, *, realtime: list[str] | None = None, migrated: bool = True
    ) -> Tenant:
        """A new tenant, provisioned, migrated (where its runtime is to run) and published."""
        name = f"b-{secrets.token_hex(4)}"
        wanted = TenantSpec.model_validate(
            {"displayName": name, "origins": ["https://app.example.test"], "plan": "standard"} | dict(spec or {})
        )
        keyring = TenantSecrets.new(_CREATED_AT)
        provisioned = await provision_tenant(self.platform, name, wanted.plan, keyring)
        runtime = _write(self.folder / name / "runtime", provisioned.runtime_files)
        await publish_config(self.platform, keyring, wanted)
        if migrated:
            await asyncio.to_thread(migrate, next(iter(provisioned.owner_files.values())).strip())
        record = build_record(
            provisioned, wanted, keyring, phase="Ready", generation=1, local=True, realtime=realtime or []
        )
        await publish_record(self.platform, record)
        return Tenant(name, record, keyring, provisioned, runtime)

    def administrator(self, tenant: Tenant) -> contextlib.AbstractAsyncContextManager[Client]:
        """A connection that may do anything in the tenant's NATS account."""
        url = self.servers.access().nats_url
        return nats_connection.connected(url, tenant.keyring.account_seed, nats_claims.administrator(), "bench")

    async def gateway(self, **environment: str) -> Program:
        """A gateway, ready to let in every tenant published so far."""
        folder = self.folder / "gateway"
        if not folder.exists():
            _write(folder, gateway_files(self.servers.platform))
        given = {"HANDRAIL_SECRETS": str(folder), "HANDRAIL_LOCAL": "true", **environment}
        return await self._start("gateway", ["-m", "handrail_gateway"], given)

    async def runtime(self, tenant: Tenant, roles: str, **environment: str) -> Program:
        """A runtime process of a tenant, ready."""
        given = {
            "HANDRAIL_TENANT": tenant.name,
            "HANDRAIL_SECRETS": str(tenant.secrets),
            "HANDRAIL_REDIS_PREFIX": tenant.provisioned.redis_prefix,
            **environment,
        }
        arguments = ["-m", "handrail_runtime", "run", "--roles", roles]
        return await self._start(f"{tenant.name}.{roles}", arguments, given)

    async def republish(self, tenant: Tenant, spec: TenantSpec, realtime: list[str]) -> None:
        """Tells the gateway where the tenant's realtime is."""
        tenant.record = build_record(
            tenant.provisioned, spec, tenant.keyring, phase="Ready", generation=2, local=True, realtime=realtime
        )
        await publish_record(self.platform, tenant.record)

    async def _start(self, name: str, arguments: list[str], environment: Mapping[str, str]) -> Program:
        port = free_port(set())
        log = self.folder / f"{name}.log"
        given = {
            "HANDRAIL_PORT": str(port),
            "HANDRAIL_NATS_URL": self.servers.access().nats_url,
            "HANDRAIL_LOG_FORMAT": "json",
            **environment,
        }
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, env={**os.environ, **given}, stdout=output, stderr=output
            )
        program = Program(process, port, log)
        self.programs.append(program)

        async def ready() -> bool:
            if process.returncode is not None:
                raise RuntimeError(f"{name} ended: {log.read_text()[-2000:]}")
            return await _answers(f"{program.url}/readyz")

        await wait_until(ready, name)
        return program


@contextlib.asynccontextmanager
async def world(*, durable: bool = True) -> AsyncIterator[World]:
    """`durable=False`: neither NATS nor PostgreSQL flushes to disk, to show the price of it."""
    folder = Path(tempfile.mkdtemp(prefix="handrail-bench-"))
    folder.chmod(0o711)
    servers = Servers(folder, Ports(*free_ports(3)), ServerSecrets.new(), PlatformSecrets.new(), durable=durable)
    keeper = KeeperClient()
    running: World | None = None
    try:
        with (folder / "servers.log").open("wb") as output:
            for prepare in servers.prepare().values():
                keeper.start(prepare(), output.fileno())
        for name, check in servers.checks().items():
            await wait_until(check, name)
        pids = _server_pids(keeper.pid)
        async with open_platform(servers.access()) as platform:
            await provision_platform(platform)
            running = World(folder, servers, platform, pids)
            yield running
    finally:
        for program in running.programs if running else []:
            await program.stop()
        keeper.close()
        shutil.rmtree(folder, ignore_errors=True)


def _server_pids(keeper: int) -> dict[str, int]:
    programs = {"postgres": "postgres", "nats-server": "nats", "valkey-server": "valkey"}
    return {programs[one.name()]: one.pid for one in psutil.Process(keeper).children() if one.name() in programs}


async def until_open(port: int) -> None:
    """Waits until somebody takes connections there. Raises NotReady."""
    await wait_until(lambda: asyncio.to_thread(is_open, port), f"port {port}", 30)


async def _answers(url: str) -> bool:
    async with httpx2.AsyncClient(trust_env=False, timeout=5) as client:
        try:
            return (await client.get(url)).status_code == 200
        except httpx2.HTTPError:
            return False


def _write(folder: Path, files: Mapping[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text)
    return folder


def children(pid: int) -> list[int]:
    """A process and all below it."""
    process = psutil.Process(pid)
    return [pid, *(child.pid for child in process.children(recursive=True))]
