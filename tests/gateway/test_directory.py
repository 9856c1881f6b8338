"""Keys are live and dead within a second, also when NATS was away meanwhile; 202 only when NATS took it."""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from handrail_cli.embedded.nats import Nats
from handrail_cli.embedded.ports import free_port
from handrail_cli.supervise.client import KeeperClient
from handrail_contracts import names
from handrail_contracts.record import TenantRecord, encode
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator import plans
from handrail_operator.provision import nats_accounts, nats_claims, nats_connection, nats_streams
from handrail_operator.provision.keyring import PlatformSecrets, TenantSecrets
from handrail_operator.provision.platform import Access, gateway_files, trust
from handrail_operator.provision.tenant import provisioned
from handrail_operator.publish import build_record


@dataclass
class OwnNats:
    """A NATS server that a test may end and start again, with one tenant in it."""

    nats: Nats
    access: Access
    secrets: Path
    keyring: TenantSecrets
    record: TenantRecord
    keeper: KeeperClient = field(default_factory=KeeperClient)
    pid: int = 0

    name = "acme"

    @property
    def keys(self) -> dict[str, str]:
        return {key.kind: key.key for key in self.keyring.keys}

    async def start(self) -> None:
        with (self.nats.state / "log").open("ab") as log:
            self.keeper.start(self.nats.prepare(), log.fileno())
        while self.pid == 0:
            for event in await asyncio.to_thread(self.keeper.read) or []:
                self.pid = event.pid if event.event == "started" else self.pid

    async def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.pid = 0
        # The port is free again when nobody answers.
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.nats.port)
            except OSError:
                return
            writer.close()
            await asyncio.sleep(0.01)

    async def write(self, record: TenantRecord | None) -> None:
        """Writes the tenant's record, or removes it."""
        secrets = self.access.secrets
        async with contextlib.AsyncExitStack() as stack:
            claims = nats_claims.administrator()
            connected = nats_connection.connected(self.nats.url, secrets.platform_seed, claims, "test")
            js = (await stack.enter_async_context(connected)).jetstream()
            bucket = await js.key_value(names.TENANTS_BUCKET)
            if record is None:
                await bucket.delete(self.name)
            else:
                await bucket.put(record.name, encode(record))

    async def provision(self) -> None:
        secrets, claims = self.access.secrets, nats_claims.administrator()
        plan = plans.DEFAULT["small"]
        async with nats_connection.connected(self.nats.url, secrets.platform_seed, claims, "test") as platform:
            await nats_streams.ensure_platform(platform.jetstream())
        async with nats_connection.connected(self.nats.url, secrets.system_seed, claims, "test") as system:
            account = nats_claims.tenant_account(plan)
            seed = self.keyring.account_seed
            await nats_accounts.push(system, secrets.operator_seed, seed, names.namespace(self.name), account)
        async with nats_connection.connected(self.nats.url, seed, claims, "test") as tenant:
            await nats_streams.ensure_tenant(tenant.jetstream(), plan)
        await self.write(self.record)


@pytest.fixture
async def own_nats() -> AsyncIterator[OwnNats]:
    folder = Path(tempfile.mkdtemp(prefix="handrail-nats-"))
    platform = PlatformSecrets.new()
    known = trust(platform)
    nats = Nats(folder, free_port(), known)
    access = Access(nats_url=nats.url, postgres_url="postgresql://x@127.0.0.1:1/x", redis_url="", secrets=platform)
    access = replace(access, redis_url="redis://127.0.0.1:1/0", local=True)
    secrets = folder / "secrets"
    secrets.mkdir()
    for name, text in gateway_files(platform).items():
        (secrets / name).write_text(text)
    keyring = TenantSecrets.new("2026-01-01T00:00:00Z")
    given = {"displayName": "Acme", "origins": ["https://app.example.test"], "plan": "small"}
    spec = TenantSpec.model_validate(given)
    record = build_record(
        provisioned(access, OwnNats.name, plans.DEFAULT["small"], keyring), spec, keyring, phase="Ready", local=True
    )
    own = OwnNats(nats, access, secrets, keyring, record)
    try:
        await own.start()
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", nats.port)
                    writer.close()
                    break
                await asyncio.sleep(0.02)
        await own.provision()
        yield own
    finally:
        own.keeper.close()
        shutil.rmtree(folder, ignore_errors=True)


async def _status(running: Any, make: Any, key: str) -> int:
    headers = {"X-API-Key": key}
    answer = await running.client.post("/api/v1/events", json=make.batch(), headers=headers)
    return int(answer.status_code)


async def test_new_and_revoked_keys_are_told_by_the_watch(
    start_gateway: Any, make_tenant: Any, make: Any, new_key: Any, write_record: Any
) -> None:
    # The bucket is never read again here, so that only the watch, which tells at once, can be what told.
    running = await start_gateway(relist_every=3600)
    tenant = await make_tenant(migrate=False)
    await running.knows(tenant)
    text, key = new_key()
    assert await _status(running, make, text) == 401
    await write_record(msgspec.structs.replace(tenant.record, keys=[*tenant.record.keys, key]))
    await running.until(lambda: running.gateway.directory.find(text))
    assert await _status(running, make, text) == 202
    await write_record(tenant.record)
    await running.until(lambda: running.gateway.directory.find(text) is None)
    assert await _status(running, make, text) == 401


async def test_a_removed_tenant_is_unknown(
    running: Any, tenant: Any, make: Any, platform: Any, write_record: Any
) -> None:
    bucket = await platform.account.jetstream().key_value(names.TENANTS_BUCKET)
    key = tenant.keys["publishable"]
    assert await _status(running, make, key) == 202
    for remove in (bucket.delete, bucket.purge):
        await remove(tenant.name)
        await running.until(lambda: running.gateway.directory.find(key) is None)
        assert await _status(running, make, key) == 401
        await write_record(tenant.record)
        await running.until(lambda: running.gateway.directory.find(key), 1)
        assert await _status(running, make, key) == 202


async def test_an_unreadable_record_leaves_the_one_before(running: Any, tenant: Any, make: Any, platform: Any) -> None:
    bucket = await platform.account.jetstream().key_value(names.TENANTS_BUCKET)
    for value in (b"{", b"{}", encode(msgspec.structs.replace(tenant.record, name="another"))):
        await bucket.put(tenant.name, value)
    await bucket.put("marker", encode(TenantRecord(name="marker")))
    await running.until(lambda: running.gateway.directory.get("marker"))
    await bucket.purge("marker")
    assert await _status(running, make, tenant.keys["publishable"]) == 202
    assert running.gateway.directory.get("another") is None


async def test_nats_restarts(start_gateway: Any, own_nats: OwnNats, make: Any, new_key: Any) -> None:
    running = await start_gateway(
        nats_url=own_nats.nats.url, secrets=own_nats.secrets, connect_timeout=0.5, relist_every=600
    )
    await running.knows(own_nats)
    key = own_nats.keys["publishable"]
    assert await _status(running, make, key) == 202

    await own_nats.kill()
    answer = await running.post_events(own_nats, make.batch())
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["access-control-allow-origin"] == "*"
    # Keys are still known, and what needs no NATS is still answered.
    assert (await running.client.get(f"/sdk/v1/config?key={key}")).status_code == 200
    assert (await running.client.get("/readyz")).status_code == 200

    await own_nats.start()
    await running.until(lambda: running.gateway.bus.connected)
    text, record = new_key()
    only_new = msgspec.structs.replace(own_nats.record, keys=[record])
    await own_nats.write(only_new)
    await running.until(lambda: running.gateway.directory.find(text))
    assert running.gateway.directory.find(key) is None
    await running.until(lambda: _accepted(running, make, text))
    await own_nats.write(None)
    await running.until(lambda: running.gateway.directory.find(text) is None)


async def _accepted(running: Any, make: Any, key: str) -> bool:
    return await _status(running, make, key) == 202


async def test_a_change_while_nats_was_away_for_the_gateway_alone(
    start_gateway: Any, own_nats: OwnNats, make: Any, new_key: Any
) -> None:
    """The record changes between the server's start and the gateway's reconnect: the whole bucket is read again."""
    running = await start_gateway(nats_url=own_nats.nats.url, secrets=own_nats.secrets, relist_every=600)
    await running.knows(own_nats)
    for _ in range(3):
        text, record = new_key()
        await own_nats.kill()
        await own_nats.start()
        changed = msgspec.structs.replace(own_nats.record, keys=[record])
        await running.until(lambda changed=changed: _written(own_nats, changed))
        await running.until(lambda: running.gateway.bus.connected)
        await running.until(lambda text=text: running.gateway.directory.find(text))


async def _written(own_nats: OwnNats, record: TenantRecord) -> bool:
    try:
        await own_nats.write(record)
    except Exception:  # noqa: BLE001 - not up yet
        return False
    return True


async def test_the_gateway_starts_before_nats(
    start_gateway: Any, own_nats: OwnNats, make: Any, close_code: Any
) -> None:
    await own_nats.kill()
    running = await start_gateway(nats_url=own_nats.nats.url, secrets=own_nats.secrets, wait=False)
    assert (await running.client.get("/healthz")).status_code == 200
    answer = await running.client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    # "unknown key" would make a browser give up for good.
    assert await _status(running, make, own_nats.keys["publishable"]) == 503
    async with running.socket(f"/ws/{make.anonymous()}", key=own_nats.keys["publishable"], token="x") as browser:
        assert await close_code(browser) == 1012
    await own_nats.start()
    await running.until(lambda: running.gateway.ready)
    assert (await running.client.get("/readyz")).status_code == 200
    assert await _status(running, make, own_nats.keys["publishable"]) == 202
