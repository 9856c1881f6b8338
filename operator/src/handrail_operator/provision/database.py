"""A tenant's database: an opaque name, an owner role for migrations, an app role without DDL.

Only the two roles may connect. What the owner's migrations make is usable by the app role at once, by default
privileges. Names here come from our own keyring (hexadecimal), so they are safe as identifiers.
"""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from handrail_operator.plans import Plan
from handrail_operator.provision import scram
from handrail_operator.provision.keyring import TenantSecrets

OWNER_CONNECTIONS = 5
_CAPABILITIES = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


def url(admin_url: str, user: str, password: str, database: str) -> str:
    """The same server, another user and database."""
    parts = urlsplit(admin_url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, f"{user}:{password}@{place}", f"/{database}", parts.query, ""))


async def _connect(admin_url: str, database: str | None = None) -> Any:
    if database is not None:
        admin_url = urlunsplit(urlsplit(admin_url)._replace(path=f"/{database}"))
    return await asyncpg.connect(admin_url, timeout=10, command_timeout=60)


async def ensure_platform(admin_url: str) -> None:
    """Closes the server's own databases to everybody but its administrators."""
    connection = await _connect(admin_url)
    try:
        for database in ("postgres", "template1"):
            await connection.execute(f"REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC")
    finally:
        await connection.close()


async def ensure_tenant(admin_url: str, tenant: TenantSecrets, plan: Plan) -> None:
    connection = await _connect(admin_url)
    try:
        await _ensure_role(connection, tenant.owner, tenant.owner_password, OWNER_CONNECTIONS)
        await _ensure_role(connection, tenant.app, tenant.app_password, plan.database_connections)
        exists = await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", tenant.database)
        if not exists:
            await connection.execute(f'CREATE DATABASE "{tenant.database}" OWNER "{tenant.owner}"')
        await connection.execute(f'REVOKE ALL ON DATABASE "{tenant.database}" FROM PUBLIC')
        await connection.execute(f'GRANT CONNECT ON DATABASE "{tenant.database}" TO "{tenant.app}"')
    finally:
        await connection.close()
    inside = await _connect(admin_url, tenant.database)
    try:
        await inside.execute(_grants(tenant))
    finally:
        await inside.close()


async def _ensure_role(connection: Any, role: str, password: str, limit: int) -> None:
    kept = await connection.fetchrow(
        "SELECT rolpassword, rolconnlimit, rolcanlogin FROM pg_authid WHERE rolname = $1", role
    )
    if (
        kept is not None
        and kept["rolcanlogin"]
        and kept["rolconnlimit"] == limit
        and scram.matches(password, kept["rolpassword"])
    ):
        return
    verb = "CREATE" if kept is None else "ALTER"
    await connection.execute(
        f"{verb} ROLE \"{role}\" {_CAPABILITIES} CONNECTION LIMIT {limit} PASSWORD '{scram.verifier(password)}'"
    )


def _grants(tenant: TenantSecrets) -> str:
    owner, app = tenant.owner, tenant.app
    return f"""
        REVOKE ALL ON SCHEMA public FROM PUBLIC;
        GRANT USAGE ON SCHEMA public TO "{app}";
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "{app}";
        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO "{app}";
        ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" GRANT USAGE ON SCHEMAS TO "{app}";
        ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "{app}";
        ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" GRANT USAGE, SELECT ON SEQUENCES TO "{app}";
    """


async def close_tenant(admin_url: str, tenant: TenantSecrets) -> None:
    """Keeps the data and shuts the door: the roles may no longer log in, and their sessions end."""
    connection = await _connect(admin_url)
    try:
        for role in (tenant.owner, tenant.app):
            if await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
                await connection.execute(f'ALTER ROLE "{role}" NOLOGIN')
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", tenant.database
        )
    finally:
        await connection.close()


async def delete_tenant(admin_url: str, tenant: TenantSecrets) -> None:
    """Destroys the database and its roles."""
    connection = await _connect(admin_url)
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{tenant.database}" WITH (FORCE)')
        for role in (tenant.app, tenant.owner):
            await connection.execute(f'DROP ROLE IF EXISTS "{role}"')
    finally:
        await connection.close()
