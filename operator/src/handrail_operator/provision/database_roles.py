"""A tenant's roles in PostgreSQL.

The first generation's logins are the roles that own the tables and hold the rights. A later generation has logins of
its own that are members of these, so that two generations can work side by side and each can be ended alone.

The administrator may be a superuser, or one as clouds give it: with CREATEDB and CREATEROLE, a member of each role it
made, and without a look at passwords.
"""

from typing import Any

from handrail_operator.plans import Plan
from handrail_operator.provision import scram
from handrail_operator.provision.keyring import TenantSecrets

OWNER_CONNECTIONS = 5
_CAPABILITIES = "NOSUPERUSER INHERIT NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
_COMMON_CAPABILITIES = "INHERIT NOCREATEDB NOCREATEROLE"
"""Those that it takes no superuser to set."""


async def ensure(connection: Any, tenant: TenantSecrets, plan: Plan) -> None:
    """Every generation that counts can log in, and no other."""
    found = {row["rolname"]: row for row in await _find(connection, tenant)}
    wanted = set()
    for group, name, limit, password in (
        (tenant.owner, tenant.owner_login, OWNER_CONNECTIONS, "owner_password"),
        (tenant.app, tenant.app_login, plan.database_connections, "app_password"),
    ):
        # Oldest first: the first one's role is what the others become members of.
        logins = {name(one.generation): getattr(one, password) for one in reversed(tenant.logins)}
        if group not in logins and group not in found:
            await connection.execute(f'CREATE ROLE "{group}" NOLOGIN {_CAPABILITIES}')
            await _hold(connection, group)
        for role, secret in logins.items():
            await _ensure(connection, role, secret, limit, found.get(role))
            if role != group:
                await _ensure_member(connection, role, group, found.get(role))
        wanted |= {group, *logins}
        if group not in logins:
            await _shut(connection, group, found.get(group))
    if tenant.generation:
        await _act_as_owner(connection, tenant)
    for role in found.keys() - wanted:
        await _shut(connection, role, found[role])
        await connection.execute(f'DROP ROLE "{role}"')


async def _find(connection: Any, tenant: TenantSecrets) -> Any:
    """`held`: the administrator may act as the role. `rolpassword` is empty where it may not be looked at."""
    # A table that may not be read may not stand in the statement.
    readable = await connection.fetchval("SELECT has_table_privilege('pg_authid', 'SELECT')")
    passwords = "(SELECT rolpassword FROM pg_authid WHERE oid = role.oid)" if readable else "NULL"
    return await connection.fetch(
        f"""SELECT rolname, {passwords} AS rolpassword, rolconnlimit, rolcanlogin,
                  rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls OR NOT rolinherit
                      AS astray,
                  pg_has_role(role.oid, 'USAGE') AS held,
                  ARRAY(SELECT roleid::regrole::text FROM pg_auth_members WHERE member = role.oid) AS member_of
           FROM pg_roles AS role WHERE rolname ^@ $1""",  # noqa: S608 - one of two texts of ours
        f"{tenant.database}_",
    )


async def _ensure(connection: Any, role: str, password: str, limit: int, kept: Any) -> None:
    """A password that cannot be looked at is set again."""
    if kept is not None and not kept["held"]:
        await _hold(connection, role)
    if (
        kept is not None
        and kept["rolcanlogin"]
        and not kept["astray"]
        and kept["rolconnlimit"] == limit
        and scram.matches(password, kept["rolpassword"])
    ):
        return
    verb = "CREATE" if kept is None else "ALTER"
    # Nobody but a superuser may so much as say NOSUPERUSER of a role that is there.
    capabilities = _CAPABILITIES if kept is None or await _is_superuser(connection) else _COMMON_CAPABILITIES
    await connection.execute(
        f"{verb} ROLE \"{role}\" LOGIN {capabilities} CONNECTION LIMIT {limit} PASSWORD '{scram.verifier(password)}'"
    )
    if kept is None:
        await _hold(connection, role)


async def _hold(connection: Any, role: str) -> None:
    """Who made a role may change it, and is not yet its member: it could not give it a database or end its sessions."""
    if not await connection.fetchval("SELECT pg_has_role($1::text::regrole, 'USAGE')", role):
        await connection.execute(f'GRANT "{role}" TO CURRENT_USER')


async def _is_superuser(connection: Any) -> bool:
    found: bool = await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    return found


async def _ensure_member(connection: Any, role: str, group: str, kept: Any) -> None:
    if kept is None or group not in kept["member_of"]:
        await connection.execute(f'GRANT "{group}" TO "{role}"')


async def _act_as_owner(connection: Any, tenant: TenantSecrets) -> None:
    """What a later owner login makes belongs to the owner role, as if that had made it."""
    for one in tenant.logins:
        login = tenant.owner_login(one.generation)
        if login == tenant.owner:
            continue
        setting = f"role={tenant.owner}"
        if not await connection.fetchval(
            "SELECT $2 = ANY(setconfig) FROM pg_db_role_setting WHERE setrole = $1::text::regrole AND setdatabase = 0",
            login,
            setting,
        ):
            await connection.execute(f"ALTER ROLE \"{login}\" SET role = '{tenant.owner}'")


async def _shut(connection: Any, role: str, kept: Any) -> None:
    """Nobody comes in by it any more, and who is in goes: also where that was begun and not finished."""
    if kept is not None and kept["rolcanlogin"]:
        await connection.execute(f'ALTER ROLE "{role}" NOLOGIN PASSWORD NULL')
    await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", role)


async def close(connection: Any, tenant: TenantSecrets) -> None:
    """Shuts all of the tenant's roles."""
    for row in await _find(connection, tenant):
        await _shut(connection, row["rolname"], row)


async def drop(connection: Any, tenant: TenantSecrets) -> None:
    """When nothing in any database belongs to them any more."""
    for row in await _find(connection, tenant):
        await connection.execute(f'DROP ROLE IF EXISTS "{row["rolname"]}"')
