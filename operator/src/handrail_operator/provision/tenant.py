"""One call makes a tenant's whole place, another takes it away again."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from nats.aio.client import Client

from handrail_contracts import names
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
        _provision_nats(platform, name, plan, secrets),
        database.ensure_tenant(access.postgres_url, secrets, plan),
        redis_user.ensure_tenant(platform.redis, name, secrets),
    )
    return provisioned(access, name, plan, secrets)


async def _provision_nats(platform: Platform, name: str, plan: Plan, secrets: TenantSecrets) -> None:
    wanted = nats_claims.tenant_account(plan)
    found = await nats_accounts.current(platform.system, secrets.account_seed)
    # An account can be made smaller only after its streams, and streams larger only after their account.
    shrinks = found is not None and _disk(nats_jwt.decode(found)["nats"]) > _disk(wanted)
    if not shrinks:
        await _push(platform, name, secrets, wanted)
    async with _inside(platform, secrets) as client:
        await nats_streams.ensure_tenant(client.jetstream(), plan)
    if shrinks:
        await _push(platform, name, secrets, wanted)


def _disk(claims: dict[str, Any]) -> int:
    return int(claims["limits"].get("disk_storage", 0))


async def _push(platform: Platform, name: str, secrets: TenantSecrets, claims: dict[str, Any]) -> None:
    operator_seed = platform.access.secrets.operator_seed
    await nats_accounts.push(platform.system, operator_seed, secrets.account_seed, names.namespace(name), claims)


def _inside(platform: Platform, secrets: TenantSecrets) -> AbstractAsyncContextManager[Client]:
    """A connection into the tenant's account that may do everything there."""
    administrator = nats_claims.administrator()
    return nats_connection.connected(platform.access.nats_url, secrets.account_seed, administrator, "operator")


def provisioned(access: Access, name: str, plan: Plan, secrets: TenantSecrets) -> ProvisionedTenant:
    """The doors that these secrets open. Pure: the same secrets, the same text."""

    def user(seed: str, user_name: str, claims: dict[str, Any]) -> str:
        subject = nats_jwt.public_key(seed)
        return nats_jwt.encode(secrets.account_seed, subject, user_name, claims, issued_at=0)

    files = {
        names.DATABASE_URL_FILE: database.url(access.postgres_url, secrets.app, secrets.app_password, secrets.database),
        names.REDIS_URL_FILE: redis_user.url(access.redis_url, secrets),
        names.PRINCIPAL_KEYS_FILE: jwk.key_set(jwk.public(access.secrets.principal_keys)),
    }
    for role in names.ROLES:
        seed = secrets.role_seeds[role]
        files[names.creds_file(role)] = nats_jwt.credentials(user(seed, role, nats_claims.role(role)), seed)
    owner_url = database.url(access.postgres_url, secrets.owner, secrets.owner_password, secrets.database)
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
    access = platform.access
    if data:
        # The account may be withdrawn already, and its streams can only be reached through it.
        if await nats_accounts.current(platform.system, secrets.account_seed) is None:
            await _push(platform, name, secrets, nats_claims.tenant_account(next(iter(access.plans.values()))))
        async with _inside(platform, secrets) as client:
            await nats_streams.delete_tenant(client.jetstream())
        await database.delete_tenant(access.postgres_url, secrets)
    else:
        await database.close_tenant(access.postgres_url, secrets)
    await redis_user.delete_tenant(platform.redis, name, secrets, data=data)
    await nats_accounts.withdraw(platform.system, access.secrets.operator_seed, secrets.account_seed)
