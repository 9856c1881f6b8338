"""One call makes a tenant's whole place, another takes it away again."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from handrail_contracts import names
from handrail_contracts.nats_client import Client
from handrail_contracts.record import PublishCredentials
from handrail_operator import plans
from handrail_operator.plans import Plan
from handrail_operator.provision import (
    database,
    jwk,
    nats_accounts,
    nats_claims,
    nats_connection,
    nats_jwt,
    nats_streams,
    redis_user,
)
from handrail_operator.provision.keyring import TenantSecrets
from handrail_operator.provision.platform import Access, Platform
from handrail_operator.provision.postgres import Administrator


@dataclass(frozen=True)
class ProvisionedTenant:
    """What a tenant's runtime and the gateway need to get in."""

    name: str
    plan: Plan
    redis_prefix: str
    publish: PublishCredentials = field(repr=False)
    runtime_files: dict[str, str] = field(repr=False)
    """The runtime's secrets folder: file name -> text."""
    owner_files: dict[str, str] = field(repr=False)
    """For `migrate` alone."""


async def provision_tenant(platform: Platform, name: str, plan_name: str, secrets: TenantSecrets) -> ProvisionedTenant:
    """Brings the servers to what the tenant needs. Raises UnknownPlan, or the servers' own errors; may be run again."""
    access = platform.access
    plan = plans.find(access.plans, plan_name)
    await asyncio.gather(
        provision_messaging(access, platform.system, name, plan, secrets),
        database.ensure_tenant(platform.postgres, secrets, plan),
        redis_user.ensure_tenant(platform.redis, name, secrets),
    )
    return provisioned(access, name, plan, secrets)


async def provision_messaging(access: Access, system: Client, name: str, plan: Plan, secrets: TenantSecrets) -> None:
    """The tenant's account, its streams, consumers and bucket. Raises NATS's errors."""
    wanted = nats_claims.tenant_account(plan, secrets.revoked_until)
    found = await nats_accounts.current(system, secrets.account_seed)
    # An account can be made smaller only after its streams, and streams larger only after their account.
    shrinks = found is not None and _disk(nats_jwt.decode(found)["nats"]) > _disk(wanted)
    if not shrinks:
        await _push(access, system, name, secrets, wanted)
    async with inside(access, secrets) as client:
        await nats_streams.ensure_tenant(client.jetstream(), plan)
    if shrinks:
        await _push(access, system, name, secrets, wanted)


def _disk(claims: dict[str, Any]) -> int:
    return int(claims["limits"].get("disk_storage", 0))


async def _push(access: Access, system: Client, name: str, secrets: TenantSecrets, claims: dict[str, Any]) -> None:
    await nats_accounts.push(system, access.secrets.operator_seed, secrets.account_seed, names.namespace(name), claims)


def inside(access: Access, secrets: TenantSecrets) -> AbstractAsyncContextManager[Client]:
    """A connection into the tenant's account that may do everything there."""
    return nats_connection.connected(
        access.nats_url,
        secrets.account_seed,
        nats_claims.administrator(),
        "operator",
        issued_after=secrets.revoked_until,
    )


def provisioned(access: Access, name: str, plan: Plan, secrets: TenantSecrets) -> ProvisionedTenant:
    """The doors that these secrets open. Pure: the same secrets, the same text."""

    def user(seed: str, user_name: str, claims: dict[str, Any]) -> str:
        subject = nats_jwt.public_key(seed)
        return nats_jwt.encode(secrets.account_seed, subject, user_name, claims, issued_at=secrets.issued_at)

    files = {
        names.DATABASE_URL_FILE: database.url(
            access.postgres_url, secrets.app_login(), secrets.app_password, secrets.database
        ),
        names.REDIS_URL_FILE: redis_user.url(access.redis_url, secrets),
        names.PRINCIPAL_KEYS_FILE: jwk.key_set(jwk.public(access.secrets.principal_keys)),
    }
    for role in names.ROLES:
        seed = secrets.role_seeds[role]
        files[names.creds_file(role)] = nats_jwt.credentials(user(seed, role, nats_claims.role(role)), seed)
    owner_url = database.url(access.postgres_url, secrets.owner_login(), secrets.owner_password, secrets.database)
    return ProvisionedTenant(
        name=name,
        plan=plan,
        redis_prefix=names.redis_prefix(name),
        publish=PublishCredentials(
            jwt=user(secrets.publisher_seed, "gateway", nats_claims.publisher()), seed=secrets.publisher_seed
        ),
        runtime_files=files,
        owner_files={names.OWNER_DATABASE_URL_FILE: owner_url},
    )


async def deprovision_tenant(platform: Platform, name: str, secrets: TenantSecrets, *, data: bool) -> None:
    """Shuts every door of the tenant; its data goes only with `data`. May be run again."""
    await deprovision_database(platform.postgres, secrets, data=data)
    await redis_user.delete_tenant(platform.redis, name, secrets, data=data)
    await deprovision_messaging(platform.access, platform.system, name, secrets, data=data)


async def deprovision_messaging(
    access: Access, system: Client, name: str, secrets: TenantSecrets, *, data: bool
) -> None:
    """Withdraws the account, with `data` after its streams. Raises NATS's errors."""
    if data:
        # The account may be withdrawn already, and its streams can only be reached through it.
        if await nats_accounts.current(system, secrets.account_seed) is None:
            claims = nats_claims.tenant_account(next(iter(access.plans.values())))
            await _push(access, system, name, secrets, claims)
        async with inside(access, secrets) as client:
            await nats_streams.delete_tenant(client.jetstream())
    await nats_accounts.withdraw(system, access.secrets.operator_seed, secrets.account_seed)


async def deprovision_database(postgres: Administrator, secrets: TenantSecrets, *, data: bool) -> None:
    """Raises PostgreSQL's errors."""
    if data:
        await database.delete_tenant(postgres, secrets)
    else:
        await database.close_tenant(postgres, secrets)
