"""Whether servers that are not the chart's own will do: for each that will not, a line of what is wrong."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import asyncpg
import msgspec
from asyncpg.exceptions import InterfaceError, PostgresError
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.errors import ServiceUnavailableError
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, RedisError

from handrail_contracts import names
from handrail_operator.chart_hooks.wanted import Data
from handrail_operator.provision import nats_claims, nats_connection
from handrail_operator.provision.keyring import PlatformSecrets
from handrail_operator.provision.trouble import place
from handrail_operator.settings import SecretInvalid, check_address

_OLDEST_POSTGRES = 15
_PAUSE = 1.0


class Unfit(Exception):
    """It answers, and will not do: waiting does not help."""


async def complaints(
    nats_url: str, addresses: Mapping[str, str], ports: Mapping[str, int], platform: Data, patience: float
) -> list[str]:
    """`addresses`: URLs by the names of their files. `ports`: what NetworkPolicies open, by the same names.
    `patience`: seconds a server that does not answer is waited for. No text holds a password."""
    checks: list[Awaitable[str]] = []
    if nats_url:
        seed = msgspec.json.decode(platform[names.PLATFORM_FILE], type=PlatformSecrets).platform_seed
        checks.append(_patiently(f"NATS at {place(nats_url)}", partial(_nats, nats_url, seed), patience))
    wrong: list[str] = []
    for name, known in _BY_FILE.items():
        if name not in addresses:
            continue
        url = addresses[name].strip()
        try:
            check_address(name, url, *known.schemes)
        except SecretInvalid as error:
            wrong.append(str(error))
            continue
        port = urlsplit(url).port or known.port
        if name in ports and port and port != ports[name]:
            # Where policies are not enforced all would go well until they are.
            wrong.append(
                f"{known.what} at {place(url)} listens on port {port}, and NetworkPolicies open {ports[name]}: "
                f"set {known.value}.port to {port}"
            )
        elif known.check is not None:
            checks.append(_patiently(f"{known.what} at {place(url)}", partial(known.check, url), patience))
    return wrong + [line for line in await asyncio.gather(*checks) if line]


async def _patiently(what: str, check: Callable[[], Awaitable[None]], patience: float) -> str:
    deadline = asyncio.get_running_loop().time() + patience
    while True:
        try:
            async with asyncio.timeout(10):
                await check()
        except Unfit as error:
            return f"{what} {error}"
        except (OSError, TimeoutError, NatsError, PostgresError, InterfaceError, RedisError) as error:
            if asyncio.get_running_loop().time() > deadline:
                return f"{what} does not answer: {error or type(error).__name__}"
            await asyncio.sleep(_PAUSE)
        else:
            return ""


async def _nats(url: str, platform_seed: str) -> None:
    refused = asyncio.Event()

    def note(error: Exception) -> None:
        if "uthorization" in str(error) or "uthentication" in str(error):
            refused.set()

    # By itself it would try on, however often it is refused.
    connecting = asyncio.create_task(
        nats_connection.connect(url, platform_seed, nats_claims.administrator(), "preflight", on_error=note)
    )
    refusal = asyncio.create_task(refused.wait())
    try:
        await asyncio.wait({connecting, refusal}, return_when=asyncio.FIRST_COMPLETED)
        if refused.is_set():
            raise Unfit(
                "does not know this platform: give its servers trust.conf of Secret "
                f"{names.NATS_SECRET}, and restart them"
            )
        client = await connecting
    finally:
        connecting.cancel()
        refusal.cancel()
    try:
        await client.jetstream(timeout=5).account_info()
    except (NoRespondersError, ServiceUnavailableError):
        raise Unfit("has no JetStream: switch it on") from None
    finally:
        await client.close()


async def _postgres(url: str) -> None:
    try:
        connection = await asyncpg.connect(url, timeout=5, command_timeout=5)
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
        raise Unfit("refuses the user or the password of postgres-url") from None
    try:
        if connection.get_server_version().major < _OLDEST_POSTGRES:
            raise Unfit(f"is older than version {_OLDEST_POSTGRES}")
        row = await connection.fetchrow(
            """SELECT rolname, rolsuper OR (rolcreatedb AND rolcreaterole) AS may, rolsuper OR rolinherit AS inherits,
                      has_function_privilege('pg_control_system()', 'EXECUTE') AS identifies
               FROM pg_roles WHERE rolname = current_user"""
        )
        if row is None or not row["may"]:
            who = row["rolname"] if row is not None else "the user"
            raise Unfit(f"does not let {who} make databases and roles: ALTER ROLE {who} CREATEDB CREATEROLE")
        if not row["inherits"]:
            # It acts as the roles it makes by being their member.
            raise Unfit(f"gives {row['rolname']} nothing of the roles it makes: ALTER ROLE {row['rolname']} INHERIT")
        if not row["identifies"]:
            raise Unfit(
                f"does not tell {row['rolname']} which server it is: "
                f"GRANT EXECUTE ON FUNCTION pg_control_system() TO {row['rolname']}, in the database of postgres-url"
            )
    finally:
        await connection.close()


async def _redis(url: str) -> None:
    client = Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5)
    try:
        await client.ping()
        await client.acl_users()
    except NoPermissionError:
        raise Unfit("does not let this user manage users: it needs +acl, and all commands and keys") from None
    except RedisError as error:
        if "WRONGPASS" in str(error) or "NOAUTH" in str(error) or "nvalid username" in str(error):
            raise Unfit("refuses the user or the password of admin-redis-url") from None
        raise
    finally:
        await client.aclose()


@dataclass(frozen=True)
class _Server:
    """`value`: of the chart, above its `port`. `port`: where its address names none; 0: that depends."""

    what: str
    value: str
    schemes: tuple[str, ...]
    port: int
    check: Callable[[str], Awaitable[None]] | None


_BY_FILE = {
    names.POSTGRES_URL_FILE: _Server("PostgreSQL", "postgres", ("postgresql", "postgres"), 5432, _postgres),
    names.ADMIN_REDIS_URL_FILE: _Server("Redis", "redis", ("redis", "rediss"), 6379, _redis),
    names.SMTP_URL_FILE: _Server("the mail server", "mail", ("smtp", "smtps", "smtp+starttls"), 0, None),
}
