"""A PostgreSQL as clouds give it: the administrator is no superuser, and reads no passwords."""

import secrets
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from asyncpg.exceptions import InterfaceError, PostgresError
from tests.conftest import RunningServers

from handrail_operator.plans import DEFAULT
from handrail_operator.provision import database
from handrail_operator.provision.keyring import TenantSecrets
from handrail_operator.provision.postgres import Administrator
from handrail_operator.provision.server_looks import PostgresLook

PLAN = DEFAULT["small"]
AT = 2_000_000_000


@pytest.fixture
async def cloud(servers: RunningServers) -> AsyncIterator[str]:
    """Address of an administrator with CREATEDB and CREATEROLE and nothing more."""
    name = f"cloud_{secrets.token_hex(4)}"
    root = await asyncpg.connect(servers.postgres_admin)
    try:
        await root.execute(f"CREATE ROLE {name} LOGIN CREATEDB CREATEROLE PASSWORD 'cloud'")
        await root.execute(f"GRANT CONNECT ON DATABASE postgres TO {name}")
        parts = urlsplit(servers.postgres_admin)
        yield parts._replace(netloc=f"{name}:cloud@{parts.hostname}:{parts.port}").geturl()
        await root.execute(f"REVOKE CONNECT ON DATABASE postgres FROM {name}")
        await root.execute(f"DROP ROLE {name}")
    finally:
        await root.close()


@pytest.fixture
async def admin(cloud: str) -> AsyncIterator[Administrator]:
    made = Administrator(cloud)
    yield made
    await made.close()


async def test_the_whole_life_of_a_tenant(admin: Administrator, cloud: str):
    await database.ensure_platform(admin)
    tenant = TenantSecrets.new("2026-01-01T00:00:00Z")
    first = await database.ensure_tenant(admin, tenant, PLAN)
    assert await database.ensure_tenant(admin, tenant, PLAN) == first
    owner = await opened(cloud, tenant, "owner")
    await owner.execute("CREATE TABLE kept (n int)")
    app = await opened(cloud, tenant, "app")
    await app.execute("INSERT INTO kept VALUES (7)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("CREATE TABLE mine (n int)")
    await app.execute("SELECT 1")  # its session is still open after the looks below

    rotated = tenant.rotated(AT)
    await database.ensure_tenant(admin, rotated, PLAN)
    for secrets_of in (tenant, rotated):
        one = await opened(cloud, secrets_of, "app")
        assert await one.fetchval("SELECT n FROM kept") == 7
        await one.close()
    later = await opened(cloud, rotated, "owner")
    await later.execute("CREATE TABLE more (n int)")
    await later.close()

    await database.ensure_tenant(admin, rotated.settled(), PLAN)
    with pytest.raises((PostgresError, InterfaceError)):
        await app.execute("SELECT 1")
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await opened(cloud, tenant, "app")

    await database.close_tenant(admin, rotated)
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await opened(cloud, rotated, "app")
    await database.ensure_tenant(admin, rotated.settled(), PLAN)
    app = await opened(cloud, rotated, "app")
    assert await app.fetchval("SELECT count(*) FROM more") == 0

    await database.delete_tenant(admin, rotated)
    await database.delete_tenant(admin, rotated)
    async with admin.server() as connection:
        assert await connection.fetch("SELECT 1 FROM pg_roles WHERE rolname ^@ $1", tenant.database) == []
        assert await connection.fetch("SELECT 1 FROM pg_database WHERE datname = $1", tenant.database) == []
    for one in (owner, app):
        one.terminate()


async def test_what_was_changed_by_hand_is_mended(admin: Administrator, cloud: str, servers: RunningServers):
    tenant = TenantSecrets.new("2026-01-01T00:00:00Z")
    await database.ensure_tenant(admin, tenant, PLAN)
    root = await asyncpg.connect(servers.postgres_admin)
    await root.execute(f"ALTER ROLE {tenant.app} PASSWORD 'other' CREATEDB")
    await root.close()
    await database.ensure_tenant(admin, tenant, PLAN)
    app = await opened(cloud, tenant, "app")
    assert await app.fetchval("SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user") is False
    await app.close()
    await database.delete_tenant(admin, tenant)


async def test_the_server_says_which_epoch_it_is_in(admin: Administrator):
    look = PostgresLook(admin)
    assert await look.epoch() == await look.epoch()
    await look.prepare()
    await look.close()


async def test_a_database_of_the_clouds_own_is_left_as_it_is(admin: Administrator, servers: RunningServers):
    open_to_all = "SELECT has_database_privilege('public', 'template1', 'CONNECT')"
    root = await asyncpg.connect(servers.postgres_admin)
    try:
        await root.execute("GRANT CONNECT ON DATABASE template1 TO PUBLIC")
        await database.ensure_platform(admin)
        assert await root.fetchval(open_to_all)
    finally:
        await root.execute("REVOKE CONNECT ON DATABASE template1 FROM PUBLIC")
        await root.close()


async def opened(url: str, tenant: TenantSecrets, role: str) -> Any:
    """Raises what the server says."""
    names = {"owner": tenant.owner_login(), "app": tenant.app_login()}
    passwords = {"owner": tenant.owner_password, "app": tenant.app_password}
    return await asyncpg.connect(database.url(url, names[role], passwords[role], tenant.database))
