"""What a server's error means for a tenant: away, or unwilling. The texts never hold a password or a whole URL."""

from collections.abc import Callable
from urllib.parse import urlsplit

import asyncpg
import nats.errors
import redis.exceptions
import structlog
from asyncpg.exceptions import InterfaceError, PostgresError
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from handrail_operator.errors import ServerRefused, ServerUnavailable, TenantError
from handrail_operator.provision.nats_accounts import ClaimsRefused

log = structlog.get_logger()

Explain = Callable[[BaseException], TenantError]

_PG_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.QueryCanceledError,
    InterfaceError,
)
_PG_KEYS = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidPasswordError)
_AWAY = (OSError, TimeoutError, nats.errors.Error, PostgresError, InterfaceError, redis.exceptions.RedisError)


class Fault(TenantError):
    """Neither the server nor the tenant is to blame."""

    reason = "InternalError"


def place(url: str) -> str:
    """Host and port, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2]


def nats_trouble(url: str) -> Explain:
    server = f"NATS at {place(url)}"

    def explain(error: BaseException) -> TenantError:
        match error:
            case TenantError():
                return error
            case ClaimsRefused():
                return ServerRefused(f"{server} does not take the tenant's account: {error}")
            case ServiceUnavailableError():
                return ServerUnavailable(f"{server} has no JetStream ready: {error.description or 'no leader yet'}")
            case NotFoundError():
                return ServerUnavailable(f"{server} lost a stream while it was made; it is made again")
            case APIError():
                return ServerRefused(f"{server} refuses: {error.description} (code {error.err_code})")
            case nats.errors.AuthorizationError():
                return ServerRefused(_nats_keys(server))
            case nats.errors.Error() if "uthorization" in str(error) or "uthentication" in str(error):
                return ServerRefused(_nats_keys(server))
            case nats.errors.NoRespondersError():
                return ServerUnavailable(f"{server} has nobody who answers: JetStream is off or still starting")
        return _else(server, error)

    return explain


def _nats_keys(server: str) -> str:
    return f"{server} does not know our keys: it must be started with this platform's operator JWT and accounts"


def postgres_trouble(url: str) -> Explain:
    server = f"PostgreSQL at {place(url)}"

    def explain(error: BaseException) -> TenantError:
        match error:
            case TenantError():
                return error
            case asyncpg.TooManyConnectionsError():
                return ServerUnavailable(f"{server} has no connection left: raise max_connections")
            case asyncpg.DiskFullError() | asyncpg.OutOfMemoryError():
                return ServerRefused(f"{server} has no room left: {error}")
            case _ if isinstance(error, _PG_KEYS):
                return ServerRefused(f"{server} does not take the administrator's name and password")
            case _ if isinstance(error, _PG_AWAY):
                return ServerUnavailable(_away(server, error))
            case asyncpg.InsufficientPrivilegeError():
                return ServerRefused(f"{server}: the administrator may not do what is needed: {error}")
            case PostgresError():
                return ServerRefused(f"{server} refuses: {error} ({type(error).__name__})")
        return _else(server, error)

    return explain


def redis_trouble(url: str) -> Explain:
    server = f"Redis at {place(url)}"

    def explain(error: BaseException) -> TenantError:
        match error:
            case TenantError():
                return error
            case redis.exceptions.AuthenticationError():
                return ServerRefused(f"{server} does not take the administrator's name and password")
            case redis.exceptions.BusyLoadingError():
                return ServerUnavailable(f"{server} is still loading its data")
            case redis.exceptions.ConnectionError() | redis.exceptions.TimeoutError():
                return ServerUnavailable(_away(server, error))
            case redis.exceptions.NoPermissionError():
                return ServerRefused(f"{server}: the administrator may not do what is needed: {error}")
            case redis.exceptions.RedisError():
                return ServerRefused(f"{server} refuses: {error}")
        return _else(server, error)

    return explain


def _else(server: str, error: BaseException) -> TenantError:
    if isinstance(error, _AWAY):
        return ServerUnavailable(_away(server, error))
    log.error("a fault of ours at a server", server=server, exc_info=error)
    return Fault(f"{server}: a fault in the operator itself ({type(error).__name__}); its log says more")


def _away(server: str, error: BaseException) -> str:
    if isinstance(error, TimeoutError | nats.errors.TimeoutError | redis.exceptions.TimeoutError):
        return f"{server} does not answer in time"
    # The class alone: the text of a connection error may quote what was dialled.
    return f"{server} cannot be reached ({type(error).__name__})"
