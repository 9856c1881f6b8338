"""What a server's error is told as: away, unwilling, or a fault of our own; never with a password."""

import asyncpg
import nats.errors
import pytest
import redis.exceptions
from asyncpg.exceptions import InterfaceError
from nats.js.errors import ServiceUnavailableError

from handrail_operator.errors import ServerRefused, ServerUnavailable, TenantError
from handrail_operator.provision.nats_accounts import ClaimsRefused
from handrail_operator.provision.trouble import Explain, Fault, nats_trouble, place, postgres_trouble, redis_trouble

NATS = nats_trouble("nats://user:pa55word@nats.svc:4222")
POSTGRES = postgres_trouble("postgresql://admin:pa55word@pg.svc:5432/postgres?sslmode=require")
REDIS = redis_trouble("redis://admin:pa55word@redis.svc:6379/0")


@pytest.mark.parametrize(
    ("explain", "error", "kind", "text"),
    [
        (NATS, nats.errors.TimeoutError(), ServerUnavailable, "NATS at nats.svc:4222 does not answer in time"),
        (NATS, ConnectionRefusedError(), ServerUnavailable,
         "NATS at nats.svc:4222 cannot be reached (ConnectionRefusedError)"),
        (NATS, ServiceUnavailableError(code=503, err_code=10008, description="no leader"), ServerUnavailable,
         "NATS at nats.svc:4222 has no JetStream ready: no leader"),
        (NATS, nats.errors.NoRespondersError(), ServerUnavailable,
         "NATS at nats.svc:4222 has nobody who answers: JetStream is off or still starting"),
        (NATS, nats.errors.Error("nats: 'Authorization Violation'"), ServerRefused,
         ("NATS at nats.svc:4222 does not know our keys: "
          "it must be started with this platform's operator JWT and accounts")),
        (NATS, ClaimsRefused("jwt invalid"), ServerRefused,
         "NATS at nats.svc:4222 does not take the tenant's account: jwt invalid"),
        (POSTGRES, TimeoutError(), ServerUnavailable, "PostgreSQL at pg.svc:5432 does not answer in time"),
        (POSTGRES, InterfaceError("connection is closed"), ServerUnavailable,
         "PostgreSQL at pg.svc:5432 cannot be reached (InterfaceError)"),
        (POSTGRES, asyncpg.TooManyConnectionsError("too many"), ServerUnavailable,
         "PostgreSQL at pg.svc:5432 has no connection left: raise max_connections"),
        (POSTGRES, asyncpg.InvalidPasswordError("for admin"), ServerRefused,
         "PostgreSQL at pg.svc:5432 does not take the administrator's name and password"),
        (POSTGRES, asyncpg.DiskFullError("no space left"), ServerRefused,
         "PostgreSQL at pg.svc:5432 has no room left: no space left"),
        (POSTGRES, asyncpg.InsufficientPrivilegeError("must be owner"), ServerRefused,
         "PostgreSQL at pg.svc:5432: the administrator may not do what is needed: must be owner"),
        (REDIS, redis.exceptions.ConnectionError("to redis://admin:pa55word@"), ServerUnavailable,
         "Redis at redis.svc:6379 cannot be reached (ConnectionError)"),
        (REDIS, redis.exceptions.AuthenticationError("WRONGPASS"), ServerRefused,
         "Redis at redis.svc:6379 does not take the administrator's name and password"),
        (REDIS, redis.exceptions.BusyLoadingError("LOADING"), ServerUnavailable,
         "Redis at redis.svc:6379 is still loading its data"),
        (REDIS, redis.exceptions.ReadOnlyError("You can't write"), ServerRefused,
         "Redis at redis.svc:6379 refuses: You can't write"),
        (REDIS, KeyError("pa55word"), Fault,
         "Redis at redis.svc:6379: a fault in the operator itself (KeyError); its log says more"),
    ],
)  # fmt: skip
def test_an_error_is_told_as_what_it_means(
    explain: Explain, error: Exception, kind: type[TenantError], text: str
) -> None:
    told = explain(error)
    assert (type(told), str(told)) == (kind, text)


def test_what_is_told_already_stays_as_it_is() -> None:
    error = ServerRefused("as it was")
    assert NATS(error) is POSTGRES(error) is REDIS(error) is error


def test_a_place_is_host_and_port() -> None:
    assert place("redis://u:p%40@[::1]:6379/0") == "[::1]:6379"
