"""Which lists there are: table, order and filters of each; and the pure building of their queries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import Select, Table, Uuid, and_, case, func, literal, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import ColumnElement

from handrail_contracts.events import EVENT_TYPE_PATTERN, MAX_ID, PublicTime
from handrail_contracts.problems import Problem, ProblemItem
from handrail_runtime.data import tables
from handrail_runtime.realtime.api import cursors

MOST = 500
DEFAULT = 50


def _storable(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not hold a NUL character")
    return value


IdFilter = Annotated[str, Field(min_length=1, max_length=MAX_ID), AfterValidator(_storable)]


class PageQuery(BaseModel):
    """What every list takes. An unknown parameter is refused: a misspelled filter must not show everything."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(DEFAULT, ge=1, le=MOST, description="Items of one page.")
    cursor: str | None = Field(None, max_length=cursors.MAX_LENGTH, description="`next` of the page before.")
    user_id: IdFilter | None = Field(None, description="Only of this user.")
    since: PublicTime | None = Field(None, description="Only from this time on (RFC 3339).")
    until: PublicTime | None = Field(None, description="Only before this time (RFC 3339).")


class SessionQuery(PageQuery):
    """A list whose items belong to a session."""

    session_id: IdFilter | None = Field(None, description="Only of this session.")


class EventQuery(SessionQuery):
    """The list of events."""

    event_type: str | None = Field(
        None, pattern=EVENT_TYPE_PATTERN.replace(r"\Z", "$"), description="Only of this type."
    )


class DeadLetterQuery(PageQuery):
    """The list of dead letters."""

    state: Literal["open", "retried"] = Field("open", description="open, or put back and not worked off yet.")
    kind: Literal["event", "batch", "message", "signal"] | None = Field(None, description="Only of this kind.")


class RunQuery(PageQuery):
    """The list of failed runs."""

    status: Literal["failed", "resuming"] | None = Field(None, description="Only with this status.")


@dataclass(frozen=True)
class Listing:
    """One list: its table, the time it is ordered by, and the ids that make the order whole."""

    name: str
    table: Table
    time: str
    ids: tuple[str, ...]
    shown: tuple[ColumnElement[Any] | Table, ...] = ()
    """What is read where that is not the table as it is."""
    elsewhere: Mapping[str, ColumnElement[Any]] = field(default_factory=dict)
    """Filters that are no columns of the table."""


EVENTS = Listing("events", tables.events, "timestamp", ("event_id",))
USERS = Listing("users", tables.users, "signup_date", ("user_id",))
SESSIONS = Listing("sessions", tables.sessions, "start_time", ("session_id", "user_id"))
NUDGES = Listing("nudges", tables.nudges, "sent_at", ("nudge_id",))
DECISIONS = Listing("decisions", tables.decisions, "created_at", ("decision_id",))
DELIVERIES = literal_column(
    """(SELECT coalesce(jsonb_agg(jsonb_build_object(
        'channel', d.channel, 'state', d.state, 'attempts', d.attempts, 'next_attempt_at', d.next_attempt_at,
        'delivered_at', d.delivered_at, 'last_error', (
            SELECT a.error FROM escalation_attempts a
            WHERE a.escalation_id = d.escalation_id AND a.channel = d.channel ORDER BY a.number DESC LIMIT 1
        )) ORDER BY d.channel), '[]'::jsonb)
    FROM escalation_deliveries d WHERE d.escalation_id = escalations.escalation_id)""",
    JSONB,
).label("deliveries")
ESCALATIONS = Listing(
    "escalations", tables.escalations, "created_at", ("escalation_id",), (tables.escalations, DELIVERIES)
)
_letters, _runs = tables.dead_letters.c, tables.failed_runs.c
MOST_SHOWN = 65_536
"""Bytes of a payload that is looked into for a list."""
DEAD_LETTERS = Listing(
    "deadletters",
    tables.dead_letters,
    "last_failed_at",
    ("dead_letter_id",),
    (
        *(column for column in _letters if column.name != "payload"),
        func.length(_letters.payload).label("size"),
        case((and_(_letters.kind == "event", func.length(_letters.payload) <= MOST_SHOWN), _letters.payload)).label(
            "payload"
        ),
    ),
)
RUNS = Listing(
    "runs", tables.failed_runs, "failed_at", ("run_id",), elsewhere={"user_id": _runs.signal["user_id"].astext}
)


def page_query(listing: Listing, query: PageQuery) -> Select[Any]:
    """One row more than the page, which tells whether there is another. Raises Problem invalid for a bad cursor."""
    columns = listing.table.c
    time = columns[listing.time]
    order = [time, *(columns[name] for name in listing.ids)]
    found = (
        select(*(listing.shown or (listing.table,)))
        .order_by(*(column.desc() for column in order))
        .limit(query.limit + 1)
    )
    for name in ("user_id", "session_id", "event_type", "state", "kind", "status"):
        if (wanted := getattr(query, name, None)) is not None:
            found = found.where((listing.elsewhere[name] if name in listing.elsewhere else columns[name]) == wanted)
    if listing is EVENTS and query.user_id is None and (session_id := getattr(query, "session_id", None)) is not None:
        # Events have no index of their own on the session: an index on the user finds them, and `sessions` the user.
        of = tables.sessions.c
        found = found.where(columns.user_id.in_(select(of.user_id).where(of.session_id == session_id)))
    if query.since is not None:
        found = found.where(time >= query.since)
    if query.until is not None:
        found = found.where(time < query.until)
    if query.cursor is not None:
        # The time alone, too: that is what an index on it understands.
        at, ids = _place(listing, query.cursor)
        found = found.where(time <= at).where(tuple_(*order) < tuple_(*_typed(order, [at, *ids])))
    return found


def next_cursor(listing: Listing, last: dict[str, Any]) -> str:
    return cursors.write(listing.name, last[listing.time], [last[name] for name in listing.ids])


def _place(listing: Listing, cursor: str) -> tuple[datetime, list[str | UUID]]:
    try:
        at, ids = cursors.read(listing.name, cursor, len(listing.ids))
        typed: list[str | UUID] = [
            UUID(text) if isinstance(listing.table.c[name].type, Uuid) else _storable(text)
            for name, text in zip(listing.ids, ids, strict=True)
        ]
    except ValueError as error:
        problem = ProblemItem(loc=["cursor"], msg="not a cursor of this list")
        raise Problem("invalid", errors=[problem]) from error
    return at, typed


def _typed(order: list[Any], values: list[Any]) -> list[ColumnElement[Any]]:
    return [literal(value, column.type) for column, value in zip(order, values, strict=True)]
