"""A tenant's database: an opaque name, an owner role for migrations, an app role without DDL.

Only the tenant's roles may connect. What the owner's migrations make is usable by the app role at once, by default
privileges. Names here come from our own keyring (hexadecimal), so they are safe as identifiers.
"""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import structlog

from handrail_operator.plans import Plan
from handrail_operator.provision import database_rights, database_roles
from handrail_operator.provision.keyring import TenantSecrets
from handrail_operator.provision.postgres import Administrator

log = structlog.get_logger()

SYSTEM = ("postgres", "template1")


def url(admin_url: str, user: str, password: str, database: str) -> str:
    """The same server, another user and database."""
    parts = urlsplit(admin_url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, f"{user}:{password}@{place}", f"/{database}", parts.query, ""))


async def ensure_platform(admin: Administrator) -> None:
    """Closes the server's own databases to everybody but its administrators, where they are the administrator's."""
    async with admin.server() as connection:
        for database in SYSTEM:
            if await _is_open(connection, database):
                await connection.execute(f"REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC")
                if await _is_open(connection, database):
                    log.warning("a database that is not the administrator's is open to tenants' roles", name=database)


async def ensure_tenant(admin: Administrator, tenant: TenantSecrets, plan: Plan, *, thorough: bool = True) -> str:
    """Brings roles, database and rights to what is wanted; returns what changes when the database is made anew.

    `thorough`: looks inside the database even where a mark on it says that its rights were set.
    """
    async with admin.server() as connection:
        await database_roles.ensure(connection, tenant, plan)
        found = await _identity(connection, tenant.database)
        if found is None:
            await _create(connection, tenant)
            found = await _identity(connection, tenant.database)
        if await _is_open(connection, tenant.database):
            await connection.execute(f'REVOKE ALL ON DATABASE "{tenant.database}" FROM PUBLIC')
        if not await connection.fetchval(
            "SELECT has_database_privilege($1, $2, 'CONNECT')", tenant.app, tenant.database
        ):
            await connection.execute(f'GRANT CONNECT ON DATABASE "{tenant.database}" TO "{tenant.app}"')
        marked = await connection.fetchval(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1", tenant.database
        )
    if thorough or marked != database_rights.MARK:
        async with admin.inside(tenant.database) as connection:
            await database_rights.ensure(connection, tenant)
            if marked != database_rights.MARK:
                # Seen from outside, so that the next look needs no connection into each database.
                await connection.execute(f"COMMENT ON DATABASE \"{tenant.database}\" IS '{database_rights.MARK}'")
    return str(found)


async def _identity(connection: Any, database: str) -> str | None:
    found: str | None = await connection.fetchval(
        "SELECT system_identifier || '-' || oid FROM pg_database, pg_control_system() WHERE datname = $1", database
    )
    return found


async def _is_open(connection: Any, database: str) -> bool:
    """Whether everybody may connect or make temporary tables."""
    found: bool = await connection.fetchval(
        "SELECT has_database_privilege('public', $1, 'CONNECT') OR has_database_privilege('public', $1, 'TEMP')",
        database,
    )
    return found


async def _create(connection: Any, tenant: TenantSecrets) -> None:
    # template0 takes no connections, so it is never in use by somebody else while it is copied.
    try:
        await connection.execute(f'CREATE DATABASE "{tenant.database}" OWNER "{tenant.owner}" TEMPLATE template0')
    except asyncpg.DuplicateDatabaseError:
        return


async def close_tenant(admin: Administrator, tenant: TenantSecrets) -> None:
    """Keeps the data and shuts the door: the roles may no longer log in, and their sessions end."""
    async with admin.server() as connection:
        await database_roles.close(connection, tenant)


async def delete_tenant(admin: Administrator, tenant: TenantSecrets) -> None:
    """Destroys the database and its roles."""
    async with admin.server() as connection:
        # WITH (FORCE) does not keep new sessions from coming while the old ones end.
        await database_roles.close(connection, tenant)
        await connection.execute(f'DROP DATABASE IF EXISTS "{tenant.database}" WITH (FORCE)')
        await database_roles.drop(connection, tenant)
