"""The shared servers as provisioning reaches them, and what must stand there before the first tenant."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from redis.asyncio import Redis

from handrail_contracts import names
from handrail_contracts.nats_client import Client
from handrail_operator.plans import DEFAULT, Plan
from handrail_operator.provision import database, jwk, nats_claims, nats_connection, nats_jwt, nats_streams
from handrail_operator.provision.keyring import PlatformSecrets
from handrail_operator.provision.postgres import Administrator


@dataclass(frozen=True)
class Access:
    """Where the servers are, with administrators' rights."""

    nats_url: str
    postgres_url: str
    redis_url: str
    secrets: PlatformSecrets
    plans: Mapping[str, Plan] = field(default_factory=lambda: DEFAULT)
    local: bool = False


@dataclass(frozen=True)
class Platform:
    """Access with its standing connections."""

    access: Access
    system: Client
    account: Client
    redis: Redis
    postgres: Administrator


@dataclass(frozen=True)
class Trust:
    """What the NATS server must be started with."""

    operator_jwt: str
    system_account: str
    preload: dict[str, str]


def trust(secrets: PlatformSecrets, *, issued_at: int = 0) -> Trust:
    """Pure: the same secrets give the same configuration. `issued_at`: seconds since 1970."""
    system = nats_jwt.public_key(secrets.system_seed)
    account = nats_jwt.public_key(secrets.platform_seed)
    operator = nats_jwt.public_key(secrets.operator_seed)

    def signed(subject: str, name: str, claims: dict[str, object]) -> str:
        return nats_jwt.encode(secrets.operator_seed, subject, name, claims, issued_at=issued_at)

    return Trust(
        operator_jwt=signed(operator, "handrail", nats_claims.operator(system)),
        system_account=system,
        preload={
            system: signed(system, "SYS", nats_claims.system_account()),
            account: signed(account, "platform", nats_claims.platform_account()),
        },
    )


def gateway_files(secrets: PlatformSecrets) -> dict[str, str]:
    """The gateway's secrets folder: file name -> text."""
    subject = nats_jwt.public_key(secrets.gateway_seed)
    token = nats_jwt.encode(secrets.platform_seed, subject, "gateway", nats_claims.gateway(), issued_at=0)
    return {
        names.GATEWAY_CREDS_FILE: nats_jwt.credentials(token, secrets.gateway_seed),
        names.USER_TOKEN_KEYS_FILE: jwk.key_set(secrets.user_token_keys),
        names.PRINCIPAL_SIGNING_KEYS_FILE: jwk.key_set(secrets.principal_keys),
    }


@asynccontextmanager
async def open_platform(access: Access) -> AsyncIterator[Platform]:
    """Connects. Raises the servers' own errors."""
    administrator = nats_claims.administrator()
    async with AsyncExitStack() as stack:
        clients = []
        for seed, name in ((access.secrets.system_seed, "system"), (access.secrets.platform_seed, "operator")):
            client = await nats_connection.connect(access.nats_url, seed, administrator, name, patient=True)
            stack.push_async_callback(client.close)
            clients.append(client)
        redis = Redis.from_url(access.redis_url)
        stack.push_async_callback(redis.aclose)
        postgres = Administrator(access.postgres_url)
        stack.push_async_callback(postgres.close)
        yield Platform(access, clients[0], clients[1], redis, postgres)


async def provision_platform(platform: Platform) -> None:
    """What is there once for all tenants: buckets, closed server databases. Idempotent."""
    await asyncio.gather(
        nats_streams.ensure_platform(platform.account.jetstream()),
        database.ensure_platform(platform.postgres),
    )
