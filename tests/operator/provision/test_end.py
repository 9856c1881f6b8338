"""A tenant's end on the shared servers: bounded, repeated without harm, and what is retained is found again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis
from tests.operator.provision.own_servers import NATS, POSTGRES, OwnServers, eventually

from handrail_contracts import names, status, subjects
from handrail_operator.errors import ServerUnavailable
from handrail_operator.provision import nats_accounts, nats_claims, nats_connection
from handrail_operator.provision.keyring import TenantSecrets
from handrail_operator.provision.platform import Access
from handrail_operator.provision.servers import Ensured, Servers, open_servers
from handrail_operator.provision.tenant import inside

NAME = "t-ending"


@asynccontextmanager
async def opened(access: Access) -> AsyncIterator[Servers]:
    async with open_servers(access, on_change=lambda _: None) as servers:
        yield servers


@pytest.mark.slow
async def test_retained_means_that_everything_is_there_again_for_the_same_keyring(own: OwnServers) -> None:
    secrets = TenantSecrets.new("2026-01-01T00:00:00Z").rotated(1).settled()
    async with opened(own.access) as servers:
        before = await servers.ensure(NAME, "small", secrets)
        await keep_something(own.access, before, secrets)
        for _ in range(2):
            assert await servers.deprovision(NAME, secrets, data=False) == {}
        await doors_are_shut(own.access, before, secrets)
    # Meanwhile everything is restarted; the account of a tenant that is gone is not known to NATS then.
    await own.kill(NATS, POSTGRES)
    await own.start()
    async with opened(own.access) as servers:
        after = await servers.ensure(NAME, "small", secrets)
        assert after == before
        app = await asyncpg.connect(after.provisioned.runtime_files[names.DATABASE_URL_FILE])
        try:
            assert await app.fetchval("SELECT n FROM kept") == 7
        finally:
            await app.close()
        async with inside(own.access, secrets) as client:
            state = (await client.jetstream().stream_info(names.EVENTS_STREAM)).state
            assert state.messages == 3
            subscription = await client.jetstream().pull_subscribe_bind(names.INGEST_CONSUMER, names.EVENTS_STREAM)
            assert [message.data for message in await subscription.fetch(3, timeout=5)] == [b"0", b"1", b"2"]
        assert await servers.deprovision(NAME, secrets, data=True) == {}


async def test_deleted_means_that_nothing_is_left(own: OwnServers) -> None:
    secrets = TenantSecrets.new("2026-01-01T00:00:00Z").rotated(1)
    async with opened(own.access) as servers:
        found = await servers.ensure(NAME, "small", secrets)
        await keep_something(own.access, found, secrets)
        for _ in range(2):
            assert await servers.deprovision(NAME, secrets, data=True) == {}
        await doors_are_shut(own.access, found, secrets)
        again = await servers.ensure(NAME, "small", secrets)
        assert again.database_id != found.database_id
        async with inside(own.access, secrets) as client:
            assert (await client.jetstream().stream_info(names.EVENTS_STREAM)).state.messages == 0
        assert await servers.deprovision(NAME, secrets, data=True) == {}
    admin = await asyncpg.connect(own.access.postgres_url)
    left = await admin.fetch(
        "SELECT datname FROM pg_database WHERE datname = $1 UNION ALL SELECT rolname FROM pg_roles WHERE rolname ^@ $1",
        secrets.database,
    )
    await admin.close()
    assert left == []
    async with Redis.from_url(own.access.redis_url) as redis:
        users = [user.decode() for user in await redis.execute_command("ACL", "USERS")]
        assert [user for user in users if user.startswith(secrets.redis_user)] == []
        assert await redis.keys(f"{names.redis_prefix(NAME)}*") == []


@pytest.mark.slow
async def test_what_could_not_be_done_is_told_and_done_later(own: OwnServers) -> None:
    secrets = TenantSecrets.new("2026-01-01T00:00:00Z")
    async with opened(own.access) as servers:
        found = await servers.ensure(NAME, "small", secrets)
        await keep_something(own.access, found, secrets)
        await own.kill(POSTGRES)
        async with asyncio.timeout(30):
            left = await servers.deprovision(NAME, secrets, data=True)
        assert {name: type(problem) for name, problem in left.items()} == {status.DATABASE: ServerUnavailable}
        async with system(own.access) as client:
            assert await nats_accounts.current(client, secrets.account_seed) is None
        await own.start()
        await eventually(lambda: not any(servers.health().values()), 30)
        assert await servers.deprovision(NAME, secrets, data=True) == {}
        await doors_are_shut(own.access, found, secrets)


async def test_the_end_of_a_tenant_that_never_was_is_no_trouble(own: OwnServers) -> None:
    secrets = TenantSecrets.new("2026-01-01T00:00:00Z")
    async with opened(own.access) as servers:
        for data in (False, True):
            assert await servers.deprovision(NAME, secrets, data=data) == {}
        await servers.withdraw(NAME)


async def keep_something(access: Access, found: Ensured, secrets: TenantSecrets) -> None:
    owner = await asyncpg.connect(found.provisioned.owner_files[names.OWNER_DATABASE_URL_FILE])
    # These servers commit in their own time, and what is kept is to outlive a kill.
    await owner.execute("SET synchronous_commit = on; CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    await owner.close()
    async with Redis.from_url(found.provisioned.runtime_files[names.REDIS_URL_FILE]) as redis:
        await redis.set(f"{found.provisioned.redis_prefix}kept", 1)
    async with inside(access, secrets) as client:
        for number in range(3):
            await client.jetstream().publish(subjects.EVENTS, str(number).encode())


async def doors_are_shut(access: Access, found: Ensured, secrets: TenantSecrets) -> None:
    files = {**found.provisioned.runtime_files, **found.provisioned.owner_files}
    for file in (names.DATABASE_URL_FILE, names.OWNER_DATABASE_URL_FILE):
        with pytest.raises((asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidPasswordError)):
            await asyncpg.connect(files[file])
    async with Redis.from_url(files[names.REDIS_URL_FILE]) as redis:
        with pytest.raises(Exception, match=r"(?i)WRONGPASS|invalid username"):
            await redis.ping()
    async with system(access) as client:
        assert await nats_accounts.current(client, secrets.account_seed) is None


def system(access: Access) -> Any:
    administrator = nats_claims.administrator()
    return nats_connection.connected(access.nats_url, access.secrets.system_seed, administrator, "test")
