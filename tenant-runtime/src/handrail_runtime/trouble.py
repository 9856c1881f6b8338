"""What an error means for the work in hand, decided in this one place.

`outage`: something that we depend on is away or not ready; waiting may cure it, so it is waited for and never counted
against the work. `poison`: these values will never be taken. `bug`: we are wrong ourselves; the work is put aside and
somebody is called. Errors of PostgreSQL are told apart by their SQLSTATE, the others by their type.
"""

from typing import Final, Literal

import asyncpg.exceptions as pg
import msgspec
import nats.errors
import redis.exceptions
import sqlalchemy.exc
from asyncpg.exceptions._base import DataError as ClientDataError

Trouble = Literal["outage", "poison", "bug"]

SQLSTATES: Final[dict[str, tuple[Trouble, str]]] = {
    "08": ("outage", "the connection is gone"),
    "21": ("bug", "a statement that affects a row twice"),
    "22": ("poison", "the values cannot be held"),
    "23": ("poison", "the values break a rule of the table"),
    "25006": ("outage", "the server is a read-only standby for now"),
    "26000": ("outage", "a prepared statement went with its connection"),
    "28": ("outage", "the role is not let in (yet)"),
    "3D": ("outage", "the database is not there (yet)"),
    "3F": ("outage", "the schema is not there (yet)"),
    "40": ("outage", "a deadlock or a conflict of transactions; the next try may win"),
    "42501": ("outage", "rights are missing: the deployment is not ready"),
    "42703": ("outage", "a column is missing: the migration has not run yet"),
    "42704": ("outage", "an object is missing: the migration has not run yet"),
    "42883": ("outage", "a function is missing: the migration has not run yet"),
    "42P01": ("outage", "a table is missing: the migration has not run yet"),
    "53": ("outage", "disk, memory or connections are used up"),
    "54": ("poison", "larger than PostgreSQL's own limits, such as those of an index"),
    "55": ("outage", "something is locked or not in the wanted state"),
    "57": ("outage", "cancelled, or the server is going down or coming up"),
    "58": ("outage", "the server's disk or system fails"),
    "F0": ("outage", "the server's own files are not right"),
    "XX001": ("outage", "the server's data is damaged: nobody is served by giving events up"),
    "XX002": ("outage", "an index is damaged"),
}
"""By whole SQLSTATE or by its class (the first two characters); the whole one counts first. All else is a bug."""

TYPES: Final[tuple[tuple[type[BaseException], Trouble, str], ...]] = (
    (pg.OutdatedSchemaCacheError, "outage", "types from before a migration"),
    # asyncpg refuses values before they are sent; the error is an InterfaceError and a ValueError at once.
    (ClientDataError, "poison", "values that the driver cannot write"),
    (pg.InterfaceError, "outage", "the connection is closed or in no state to be used"),
    (pg.InternalClientError, "outage", "the connection said what the driver did not understand"),
    (sqlalchemy.exc.TimeoutError, "outage", "no connection of the pool became free"),
    (nats.errors.MaxPayloadError, "poison", "larger than NATS takes"),
    (nats.errors.BadSubjectError, "bug", "a subject that is none"),
    (nats.errors.Error, "outage", "NATS is away or does not answer"),
    (redis.exceptions.DataError, "bug", "a command that is none"),
    (redis.exceptions.RedisError, "outage", "Redis is away, full or not ready"),
    (OSError, "outage", "network, disk or a time limit"),
    (EOFError, "outage", "a connection that ended in the middle"),
    (MemoryError, "outage", "no memory right now"),
    (UnicodeError, "poison", "text that is no Unicode"),
    (OverflowError, "poison", "a number or a time that is out of range"),
    (RecursionError, "poison", "nested too deep"),
    (msgspec.MsgspecError, "poison", "cannot be read"),
)
"""By type, the first that fits. All else is a bug: KeyError, TypeError, AttributeError and their like."""

_MOST_UNWRAPPED = 8


def classify(error: BaseException) -> Trouble:
    """What kind of trouble this error is."""
    if isinstance(error, BaseExceptionGroup):
        # Waiting comes first: what else is in there will show again once all answer.
        kinds = {classify(one) for one in error.exceptions}
        return "outage" if "outage" in kinds else "bug" if "bug" in kinds else "poison"
    error = _cause(error)
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str) and state and not isinstance(error, pg.InvalidCachedStatementError):
        return (SQLSTATES.get(state) or SQLSTATES.get(state[:2]) or ("bug", ""))[0]
    if isinstance(error, pg.PostgresError):
        # A plan from before a migration, or no whole answer.
        return "outage"
    for kind, trouble, _ in TYPES:
        if isinstance(error, kind):
            return trouble
    if isinstance(error, sqlalchemy.exc.DBAPIError) or any(map(_is_away, type(error).__mro__)):
        return "outage"
    return "bug"


def is_outage(error: BaseException) -> bool:
    """Whether waiting may help."""
    return classify(error) == "outage"


def reason(error: BaseException) -> str:
    """One line that says what happened, without the values that messages of database and driver end with."""
    error = _cause(error)
    state = getattr(error, "sqlstate", None)
    text = str(error).split("\n", 1)[0].split(': "', 1)[0][:300]
    if isinstance(error, ClientDataError):
        text = text.split(":", 1)[0]
    name = f"SQLSTATE {state}" if state else type(error).__name__
    return f"{name}: {text}" if text else name


def _cause(error: BaseException) -> BaseException:
    """The driver's own error under SQLAlchemy's."""
    for _ in range(_MOST_UNWRAPPED):
        if isinstance(error, sqlalchemy.exc.DBAPIError) and isinstance(error.orig, BaseException):
            error = error.orig
        elif type(error).__module__.startswith("sqlalchemy.dialects") and error.__cause__ is not None:
            error = error.__cause__
        else:
            break
    return error


def _is_away(kind: type) -> bool:
    """By name, for psycopg is imported with the agent's graph, not before."""
    return kind.__module__.startswith("psycopg") and kind.__name__ in ("OperationalError", "PoolTimeout", "PoolClosed")
