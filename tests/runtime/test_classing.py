"""Every kind of error has its class; what is not known is a bug."""

import asyncio
from typing import Any

import asyncpg.exceptions as pg
import msgspec
import nats.errors
import nats.js.errors
import psycopg
import psycopg.errors
import pytest
import redis.exceptions
import sqlalchemy.exc
from asyncpg.exceptions._base import DataError as ClientDataError

from handrail_runtime.trouble import SQLSTATES, classify, is_outage, reason


def _of_driver(error: BaseException) -> sqlalchemy.exc.DBAPIError:
    """As SQLAlchemy hands it on: its own error around the dialect's around the driver's."""
    from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi as Dialect

    inner = Dialect.Error("inner")
    inner.__cause__ = error
    return sqlalchemy.exc.DBAPIError("SELECT 1", {}, inner)


CLASSES = [
    (pg.ConnectionDoesNotExistError("x"), "outage"),
    (pg.CannotConnectNowError("x"), "outage"),
    (pg.AdminShutdownError("x"), "outage"),
    (pg.QueryCanceledError("x"), "outage"),
    (pg.TooManyConnectionsError("x"), "outage"),
    (pg.DiskFullError("x"), "outage"),
    (pg.OutOfMemoryError("x"), "outage"),
    (pg.LockNotAvailableError("x"), "outage"),
    (pg.DeadlockDetectedError("x"), "outage"),
    (pg.SerializationError("x"), "outage"),
    (pg.ReadOnlySQLTransactionError("x"), "outage"),
    (pg.InsufficientPrivilegeError("x"), "outage"),
    (pg.UndefinedTableError("x"), "outage"),
    (pg.UndefinedColumnError("x"), "outage"),
    (pg.InvalidCatalogNameError("x"), "outage"),
    (pg.InvalidPasswordError("x"), "outage"),
    (pg.InvalidCachedStatementError("x"), "outage"),
    (pg.DuplicateFileError("x"), "outage"),
    (pg.DataCorruptedError("x"), "outage"),
    (pg.PostgresError("no state: the answer was cut off"), "outage"),
    (pg.InterfaceError("connection is closed"), "outage"),
    (pg.InternalClientError("x"), "outage"),
    (pg.UntranslatableCharacterError("x"), "poison"),
    (pg.CharacterNotInRepertoireError("x"), "poison"),
    (pg.DatetimeFieldOverflowError("x"), "poison"),
    (pg.InvalidTextRepresentationError("x"), "poison"),
    (pg.StringDataRightTruncationError("x"), "poison"),
    (pg.UniqueViolationError("x"), "poison"),
    (pg.NotNullViolationError("x"), "poison"),
    (pg.CheckViolationError("x"), "poison"),
    (pg.ForeignKeyViolationError("x"), "poison"),
    (pg.ProgramLimitExceededError("x"), "poison"),
    (ClientDataError("invalid input for query argument $1"), "poison"),
    (pg.RaiseError("x"), "bug"),
    (pg.PostgresSyntaxError("x"), "bug"),
    (pg.DatatypeMismatchError("x"), "bug"),
    (pg.CardinalityViolationError("x"), "bug"),
    (pg.InternalServerError("x"), "bug"),
    (pg.InFailedSQLTransactionError("x"), "bug"),
    (pg.FeatureNotSupportedError("x"), "bug"),
    (_of_driver(pg.DiskFullError("x")), "outage"),
    (_of_driver(pg.UniqueViolationError("x")), "poison"),
    (_of_driver(pg.PostgresSyntaxError("x")), "bug"),
    (_of_driver(OSError("no route")), "outage"),
    (sqlalchemy.exc.TimeoutError("pool"), "outage"),
    (sqlalchemy.exc.ArgumentError("x"), "bug"),
    (psycopg.OperationalError("server closed the connection"), "outage"),
    (psycopg.errors.DiskFull("x"), "outage"),
    (psycopg.errors.UniqueViolation("x"), "poison"),
    (psycopg.errors.SyntaxError("x"), "bug"),
    (nats.errors.TimeoutError(), "outage"),
    (nats.errors.NoServersError(), "outage"),
    (nats.errors.ConnectionClosedError(), "outage"),
    (nats.js.errors.ServiceUnavailableError(), "outage"),
    (nats.js.errors.NoStreamResponseError(), "outage"),
    (nats.errors.MaxPayloadError(), "poison"),
    (nats.errors.BadSubjectError(), "bug"),
    (redis.exceptions.ConnectionError(), "outage"),
    (redis.exceptions.TimeoutError(), "outage"),
    (redis.exceptions.ReadOnlyError(), "outage"),
    (redis.exceptions.DataError(), "bug"),
    (ConnectionRefusedError(), "outage"),
    (BrokenPipeError(), "outage"),
    (TimeoutError(), "outage"),
    (asyncio.IncompleteReadError(b"", 4), "outage"),
    (MemoryError(), "outage"),
    (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), "poison"),
    (OverflowError(), "poison"),
    (RecursionError(), "poison"),
    (msgspec.ValidationError("x"), "poison"),
    (KeyError("x"), "bug"),
    (TypeError("x"), "bug"),
    (AttributeError("x"), "bug"),
    (ValueError("x"), "bug"),
    (AssertionError(), "bug"),
    (ZeroDivisionError(), "bug"),
    (ExceptionGroup("x", [KeyError("x"), OSError()]), "outage"),
    (ExceptionGroup("x", [KeyError("x"), OverflowError()]), "bug"),
    (ExceptionGroup("x", [OverflowError()]), "poison"),
]


@pytest.mark.parametrize(("error", "wanted"), CLASSES, ids=lambda value: getattr(type(value), "__name__", str(value)))
def test_classes(error: BaseException, wanted: str) -> None:
    assert classify(error) == wanted
    assert is_outage(error) is (wanted == "outage")


@pytest.mark.parametrize("state", SQLSTATES)
def test_every_state_of_the_table_counts(state: str) -> None:
    error: Any = pg.PostgresError("x")
    error.sqlstate = state.ljust(5, "9")
    assert classify(error) == SQLSTATES[state][0]
    assert SQLSTATES[state][1]


def test_a_reason_is_one_line() -> None:
    assert reason(pg.UntranslatableCharacterError("bad\nDETAIL: \\u0000")) == "SQLSTATE 22P05: bad"
    assert reason(_of_driver(pg.DiskFullError("full"))) == "SQLSTATE 53100: full"
    invalid = pg.InvalidTextRepresentationError('invalid input syntax for type uuid: "anna@example.test"')
    assert reason(invalid) == "SQLSTATE 22P02: invalid input syntax for type uuid"
    driver = ClientDataError("invalid input for query argument $1: 'anna' (expected int)")
    assert reason(driver) == "DataError: invalid input for query argument $1"
    assert reason(KeyError("at")) == "KeyError: 'at'"
    assert reason(TimeoutError()) == "TimeoutError"
