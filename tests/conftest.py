"""Real servers for tests, started once for each worker and ended with it, however it ends."""

import asyncio
import contextlib
import gc
import os
import secrets
import shutil
import stat
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import hypothesis
import psutil
import pytest

from handrail_cli.embedded.passwords import ServerSecrets
from handrail_cli.embedded.ports import free_ports
from handrail_cli.embedded.servers import Ports, Servers, wait_until
from handrail_cli.supervise.client import KeeperClient
from handrail_contracts import names
from handrail_contracts.record import TenantRecord
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.plans import with_ack_wait
from handrail_operator.provision.keyring import LiveKey, PlatformSecrets, TenantSecrets
from handrail_operator.provision.platform import (
    Access,
    Platform,
    gateway_files,
    open_platform,
    provision_platform,
)
from handrail_operator.provision.tenant import ProvisionedTenant, deprovision_tenant, provision_tenant
from handrail_operator.publish import build_record, publish_config, publish_record, withdraw_record
from handrail_runtime.data.migrate import migrate

# All that is imported and collected stays: to look for circles in it, over and over, is a fifth of a worker's start.
gc.disable()

MEMORY = Path("/dev/shm")
ROOM = 6 << 30
"""Bytes: several times what a run holds at once."""

LONG = (
    "cluster/chart/test_alerts.py",
    "cluster/chart/test_upgrade.py",
    "cluster/chart/test_hour.py",
    "cluster/test_sweep.py",
    "cluster/chart/test_troubled.py",
    "cluster/chart/test_skew.py",
    "cluster/test_living_tenant.py",
    "cluster/test_plan_change.py",
    "browser/delivery/test_outages.py",
    "chaos/test_copies.py",
    "chaos/test_faults.py",
    "cli/up/test_up.py",
    "runtime/ingest/test_two_processes.py",
    "browser/test_health.py",
    "browser/ui/test_whole.py",
)
"""Whose tests take half a minute and more, the longest first: were one begun last, all workers would wait for it."""


def pytest_configure() -> None:
    """Databases, streams and profiles of tests live for seconds: where memory has room for them, nobody waits for a
    disk. TMPDIR, where it is set, stays."""
    if "TMPDIR" not in os.environ and _has_room(MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def _has_room(folder: Path) -> bool:
    if not os.access(folder, os.W_OK | os.X_OK) or psutil.virtual_memory().available < 2 * ROOM:
        return False
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize > ROOM and not found.f_flag & os.ST_NOEXEC


HELD = ("cluster", "plane")
"""Fixtures that cost seconds and stay for a worker's next tests: half of the workers have the files that need the one,
half those that need the other."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each worker is handed an equal stretch, and steals from the ends of the others' when it is done: what takes long,
    or needs what not all have, is dealt out to the beginnings. After all that is not asked for was left out."""
    workers: int = getattr(config, "workerinput", {"workercount": 1})["workercount"]
    hands, others = _dealt(items, workers)
    total = len(items)
    items.clear()
    for worker, hand in enumerate(hands):
        size = max(0, total * (worker + 1) // workers - len(items) - len(hand))
        items += hand + others[:size]
        del others[:size]
    items += others


def _dealt(items: list[pytest.Item], workers: int) -> tuple[list[list[pytest.Item]], list[pytest.Item]]:
    """What each worker begins with, and all else."""
    files: dict[Path, list[pytest.Item]] = defaultdict(list)
    long: list[pytest.Item] = []
    for item in sorted(items, key=_rank):
        files[item.path].append(item)
    hands: list[list[pytest.Item]] = [[] for _ in range(workers)]
    others: list[pytest.Item] = []
    turns = Counter[str]()
    for tests in files.values():
        needs = {name for item in tests for name in item.fixturenames}  # type: ignore[attr-defined]
        held = next((name for name in HELD if name in needs), "")
        if held:
            able = [worker for worker in range(workers) if worker % len(HELD) == HELD.index(held)] or [0]
            hands[able[turns[held] % len(able)]] += tests
            turns[held] += 1
        else:
            (long if _rank(tests[0]) < len(LONG) else others).extend(tests)
    return [long[worker::workers] + hand for worker, hand in enumerate(hands)], others


def _rank(item: pytest.Item) -> int:
    return next((at for at, name in enumerate(LONG) if name in item.nodeid), len(LONG))


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


CREATED_AT = "2026-01-01T00:00:00Z"

# A machine may be busy: how long an example takes says nothing here.
hypothesis.settings.register_profile("handrail", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("handrail")


@dataclass(frozen=True)
class RunningServers:
    """PostgreSQL, NATS and Valkey of this worker."""

    folder: Path
    access: Access
    gateway_secrets: Path
    """What the gateway gets as HANDRAIL_SECRETS."""
    log: Path
    """The servers' own words."""

    @property
    def nats_url(self) -> str:
        return self.access.nats_url

    @property
    def postgres_admin(self) -> str:
        return self.access.postgres_url

    @property
    def redis_admin(self) -> str:
        return self.access.redis_url


@dataclass(frozen=True)
class Tenant:
    """A tenant that is provisioned for one test."""

    name: str
    secrets: Path
    """What its runtime gets as HANDRAIL_SECRETS."""
    owner_secrets: Path
    """What `migrate` gets as HANDRAIL_SECRETS."""
    redis_prefix: str
    record: TenantRecord
    keys: dict[str, str]
    """`publishable` and `secret`, in clear text."""
    keyring: TenantSecrets = field(repr=False)
    provisioned: ProvisionedTenant = field(repr=False)

    def text(self, file: str) -> str:
        return (self.secrets / file).read_text()

    @property
    def identity_secret(self) -> str:
        return self.keyring.identity_secret


MakeTenant = Callable[..., Awaitable[Tenant]]


def write_secrets(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text)
    return folder


@pytest.fixture(scope="session")
def servers() -> Iterator[RunningServers]:
    """Started once for each worker; a keeper ends them even when the worker is killed."""
    folder = Path(tempfile.mkdtemp(prefix="handrail-test-"))
    folder.chmod(stat.S_IRWXU | stat.S_IXGRP | stat.S_IXOTH)
    embedded = Servers(folder, Ports(*free_ports(3)), ServerSecrets.new(), PlatformSecrets.new(), durable=False)
    log = folder / "servers.log"
    keeper = KeeperClient()
    try:
        with log.open("wb") as output:
            for prepare in embedded.prepare().values():
                keeper.start(prepare(), output.fileno())
        access = embedded.access()
        asyncio.run(_prepare(embedded, access))
        yield RunningServers(folder, access, write_secrets(folder / "gateway", gateway_files(access.secrets)), log)
    finally:
        keeper.close()
        shutil.rmtree(folder, ignore_errors=True)


async def _prepare(embedded: Servers, access: Access) -> None:
    await asyncio.gather(*(wait_until(check, name) for name, check in embedded.checks().items()))
    async with open_platform(access) as platform:
        await provision_platform(platform)


@pytest.fixture
async def platform(servers: RunningServers) -> AsyncIterator[Platform]:
    """The servers as provisioning reaches them."""
    async with open_platform(servers.access) as opened:
        yield opened


@pytest.fixture
async def make_tenant(servers: RunningServers, platform: Platform, tmp_path: Path) -> AsyncIterator[MakeTenant]:
    """`await make_tenant(spec={...}, plan="small", migrate=True, realtime=[...], phase="Ready", ack_wait=2)`: a
    fresh tenant, made by the real provisioning code, published to the gateway, its tables made; gone again after the
    test. `ack_wait`: seconds until what a killed process held comes again, where the plan's are too long."""
    made: list[Tenant] = []

    async def make(
        *,
        spec: dict[str, object] | None = None,
        name: str | None = None,
        migrate: bool = True,
        realtime: list[str] | None = None,
        phase: str = "Ready",
        ack_wait: float | None = None,
    ) -> Tenant:
        name = name or f"t-{secrets.token_hex(5)}"
        given: dict[str, object] = {"displayName": name, "origins": ["https://app.example.test"], "plan": "small"}
        wanted = TenantSpec.model_validate(given | (spec or {}))
        keyring = TenantSecrets.new(CREATED_AT)
        provisioned = await provision_tenant(_patient(platform, ack_wait), name, wanted.plan, keyring)
        folder = tmp_path / f"tenant-{name}"
        write_secrets(folder / "runtime", provisioned.runtime_files)
        write_secrets(folder / "owner", provisioned.owner_files)
        record = build_record(provisioned, wanted, keyring, phase=phase, local=True, realtime=realtime)  # type: ignore[arg-type]
        tenant = Tenant(
            name=name,
            secrets=folder / "runtime",
            owner_secrets=folder / "owner",
            redis_prefix=provisioned.redis_prefix,
            record=record,
            keys={kind: _newest(keyring, kind).key for kind in ("publishable", "secret")},
            keyring=keyring,
            provisioned=provisioned,
        )
        made.append(tenant)
        await publish_config(platform, keyring, wanted)
        if migrate:
            await run_migrations(tenant)
        await publish_record(platform, record)
        return tenant

    yield make
    for tenant in made:
        with contextlib.suppress(Exception):
            await withdraw_record(platform, tenant.name)
        await deprovision_tenant(platform, tenant.name, tenant.keyring, data=True)


def _patient(platform: Platform, ack_wait: float | None) -> Platform:
    if ack_wait is None:
        return platform
    return replace(platform, access=replace(platform.access, plans=with_ack_wait(platform.access.plans, ack_wait)))


def _newest(keyring: TenantSecrets, kind: str) -> LiveKey:
    return next(key for key in keyring.keys if key.kind == kind)


async def run_migrations(tenant: Tenant) -> None:
    """What `python -m handrail_runtime migrate` does, without the price of a process for each test."""
    await asyncio.to_thread(migrate, (tenant.owner_secrets / names.OWNER_DATABASE_URL_FILE).read_text().strip())


__all__ = ["MakeTenant", "RunningServers", "Tenant", "names"]
