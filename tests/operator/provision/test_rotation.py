"""Credentials rotate without downtime: the old ones work until they are settled, and are cut off then."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import msgspec
import nats.errors
import pytest
from nats.aio.client import Client, RawCredentials
from redis.asyncio import Redis
from redis.exceptions import RedisError
from tests.operator.provision.own_servers import eventually

from handrail_contracts import names, subjects
from handrail_operator.provision import nats_jwt
from handrail_operator.provision.keyring import TenantSecrets, decode_tenant, encode
from handrail_operator.provision.servers import Servers, open_servers
from handrail_operator.provision.tenant import ProvisionedTenant

CREATED_AT = "2026-01-01T00:00:00Z"
AT = 2_000_000_000
"""Ahead of any clock: what is issued now must work all the same."""


def test_a_keyring_of_before_rotation_is_read_and_rotates() -> None:
    made = TenantSecrets.new(CREATED_AT)
    later = ("generation", "issued_at", "revoked_until", "previous")
    old = {name: value for name, value in msgspec.json.decode(encode(made)).items() if name not in later}
    read = decode_tenant(msgspec.json.encode(old))
    assert read == made
    assert (read.app_login(), read.owner_login(), read.redis_login()) == (made.app, made.owner, made.redis_user)
    rotated = read.rotated(AT)
    assert decode_tenant(encode(rotated)) == rotated
    assert decode_tenant(encode(rotated.settled())) == rotated.settled()


def test_a_rotation_changes_what_opens_doors_and_nothing_else() -> None:
    made = TenantSecrets.new(CREATED_AT)
    rotated = made.rotated(AT)
    kept = ("database", "redis_user", "account_seed", "identity_secret", "keys", "revoked_until")
    changed = ("owner_password", "app_password", "redis_password", "publisher_seed", "role_seeds")
    assert [getattr(rotated, name) for name in kept] == [getattr(made, name) for name in kept]
    assert all(getattr(rotated, name) != getattr(made, name) for name in changed)
    assert not set(rotated.role_seeds.values()) & set(made.role_seeds.values())
    assert (rotated.generation, rotated.issued_at, len(rotated.previous)) == (1, AT, 1)
    assert made.settled() is made
    settled = rotated.settled()
    assert (settled.previous, settled.revoked_until, settled.app_password) == ([], AT - 1, rotated.app_password)
    # Again, by a clock that went back: still later than before, so that the old ones can be told apart.
    again = settled.rotated(AT - 1000)
    assert again.issued_at - 1 > settled.issued_at
    assert [one.generation for one in again.rotated(AT).logins] == [3, 2, 1]


class Doors:
    """Connections that were opened with one generation's credentials."""

    def __init__(self, url: str, made: ProvisionedTenant) -> None:
        self.files = {**made.runtime_files, **made.owner_files}
        self.nats_url = url
        self.creds = {role: self.files[names.creds_file(role)] for role in names.ROLES}
        self.creds["publisher"] = nats_jwt.credentials(made.publish.jwt, made.publish.seed)
        self.prefix = made.redis_prefix

    async def open(self, stack: contextlib.AsyncExitStack) -> None:
        """Raises what a server says."""
        self.app = await asyncpg.connect(self.files[names.DATABASE_URL_FILE])
        self.owner = await asyncpg.connect(self.files[names.OWNER_DATABASE_URL_FILE])
        self.redis = Redis.from_url(self.files[names.REDIS_URL_FILE], single_connection_client=True)
        self.nats = {role: await connected(self.nats_url, creds) for role, creds in self.creds.items()}
        for one in (self.app, self.owner, *self.nats.values()):
            stack.push_async_callback(_closed, one)
        stack.push_async_callback(self.redis.aclose)

    async def work(self) -> None:
        """What a runtime, a migration and a gateway do."""
        assert await self.owner.fetchval("SELECT current_user") in (self.owner_role, None)
        await self.owner.execute("CREATE TABLE IF NOT EXISTS things (n int)")
        await self.app.execute("INSERT INTO things VALUES (1)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await self.app.execute("CREATE TABLE mine (n int)")
        await self.redis.set(f"{self.prefix}x", 1)
        await self.nats["publisher"].jetstream().publish(subjects.EVENTS, b"x")
        for client in self.nats.values():
            await client.flush()

    owner_role: str = ""


async def connected(url: str, creds: str) -> Client:
    async def ignore(_: Exception) -> None:
        """What fails says so itself."""

    client = Client()
    try:
        await client.connect(url, user_credentials=RawCredentials(creds), allow_reconnect=False, error_cb=ignore)
    except Exception:
        # One that was refused still reads, and its task would outlive the test.
        await client.close()
        raise
    return client


async def _closed(one: Any) -> None:
    with contextlib.suppress(Exception):
        await one.close()


@pytest.fixture
async def opened(servers: Any) -> AsyncIterator[Servers]:
    async with open_servers(servers.access, on_change=lambda _: None) as made:
        yield made


async def test_old_ones_work_beside_new_ones_until_they_are_settled(opened: Servers, servers: Any) -> None:
    first = TenantSecrets.new(CREATED_AT)
    secrets = first
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(opened.deprovision, "t-rotating", first, data=True)
        old = await _doors(opened, servers, secrets, stack)
        for turn in (1, 2):
            secrets = secrets.rotated(AT + turn * 100)
            new = await _doors(opened, servers, secrets, stack)
            await old.work()
            secrets = secrets.settled()
            assert (await opened.ensure("t-rotating", "small", secrets)).problems == {}
            await new.work()
            await _cut_off(old)
            old = new
        # Whoever owns what is in the database, it is one and the same role.
        assert await old.app.fetchval("SELECT tableowner FROM pg_tables WHERE tablename = 'things'") == first.owner
        admin = await asyncpg.connect(servers.postgres_admin)
        stack.push_async_callback(admin.close)
        roles = "SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname ^@ $1 ORDER BY 1"
        assert [tuple(row) for row in await admin.fetch(roles, first.database)] == [
            (first.app, False),
            (f"{first.app}_2", True),
            (first.owner, False),
            (f"{first.owner}_2", True),
        ]


async def _doors(opened: Servers, servers: Any, secrets: TenantSecrets, stack: contextlib.AsyncExitStack) -> Doors:
    ensured = await opened.ensure("t-rotating", "small", secrets)
    assert ensured.problems == {}
    doors = Doors(servers.nats_url, ensured.provisioned)
    doors.owner_role = secrets.owner
    await doors.open(stack)
    await doors.work()
    return doors


async def _cut_off(old: Doors) -> None:
    """Those that are in are put out, and none comes in again."""
    await eventually(lambda: old.app.is_closed() and old.owner.is_closed(), 20)
    for client in old.nats.values():
        await eventually(lambda: client.is_closed, 20)  # noqa: B023 - awaited here
    with pytest.raises(RedisError):
        await old.redis.ping()
    for file in (names.DATABASE_URL_FILE, names.OWNER_DATABASE_URL_FILE):
        with pytest.raises((asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidPasswordError)):
            await asyncpg.connect(old.files[file])
    async with Redis.from_url(old.files[names.REDIS_URL_FILE]) as redis:
        with pytest.raises(RedisError):
            await redis.ping()
    for creds in old.creds.values():
        with pytest.raises(nats.errors.Error, match=r"(?i)authorization|authentication"):
            await connected(old.nats_url, creds)


async def test_a_rotation_that_was_half_told_is_finished(opened: Servers, servers: Any) -> None:
    """Whatever was brought about before, a keyring's state follows from the keyring alone."""
    first = TenantSecrets.new(CREATED_AT)
    later = first.rotated(AT).settled().rotated(AT + 50)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(opened.deprovision, "t-rotating", first, data=True)
        old = await _doors(opened, servers, first, stack)
        # The first was never told of being replaced, nor the second of being there.
        await _doors(opened, servers, later, stack)
        await _cut_off(old)
        again = decode_tenant(encode(later))
        opened.forget("t-rotating")
        assert (await opened.ensure("t-rotating", "small", again)).problems == {}
        assert await opened.deprovision("t-rotating", again, data=True) == {}
        admin = await asyncpg.connect(servers.postgres_admin)
        stack.push_async_callback(admin.close)
        left = (
            "SELECT rolname FROM pg_roles WHERE rolname ^@ $1 UNION ALL "
            "SELECT datname FROM pg_database WHERE datname ^@ $1"
        )
        assert await admin.fetch(left, first.database) == []
        async with Redis.from_url(servers.redis_admin) as redis:
            users = await redis.execute_command("ACL", "USERS")
        assert [user for user in users if user.startswith(first.redis_user.encode())] == []
