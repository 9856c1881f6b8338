"""The tables of one tenant. The tenant is the database, so no column names it.

Whoever changes a table writes a migration in `migrations/versions/`; a test compares the two.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_NOW = text("now()")
_EMPTY = text("'{}'::jsonb")


def _time(name: str, *, null: bool = False, now: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=null, server_default=_NOW if now else None)


users = Table(
    "users",
    metadata,
    Column("user_id", Text, primary_key=True),
    _time("signup_date"),  # time of the first event
    _time("last_seen_time"),
    Column("metadata", JSONB, nullable=False, server_default=_EMPTY),  # traits
    Column("last_seq", BigInteger, nullable=False, server_default="0"),  # of the socket, per user
    Column("simulated", Boolean, nullable=False, server_default="false"),
    Index(None, "signup_date"),
)

user_aliases = Table(
    "user_aliases",
    metadata,
    Column("anonymous_id", Text, primary_key=True),  # the first joining wins
    Column("user_id", Text, nullable=False, index=True),
    _time("joined_at"),
)

events = Table(
    "events",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("target_element", JSONB),
    _time("timestamp"),  # corrected: by the platform's clock
    Column("url", Text, nullable=False, server_default=""),
    Column("properties", JSONB, nullable=False, server_default=_EMPTY),
    _time("received_at"),
    Column("verified", Boolean, nullable=False, server_default="false"),
    Column("simulated", Boolean, nullable=False, server_default="false"),
    Index(None, "user_id", "timestamp"),
    Index(None, "session_id", "timestamp"),
    Index(None, "timestamp"),  # the newest of all users
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),  # an id made by a browser is unique only within its user
    _time("start_time"),
    _time("last_seen_time"),
    Column("is_active", Boolean, nullable=False, server_default="true"),
    Column("event_count", BigInteger, nullable=False, server_default="0"),
    Column("state", JSONB, nullable=False, server_default=_EMPTY),  # path, baseline progress, ...
    Index(None, "user_id", "last_seen_time"),
    Index(None, "start_time"),
    Index("ix_sessions_active", "last_seen_time", postgresql_where=text("is_active")),
)

signals = Table(  # the outbox: published_at is null until JetStream has acknowledged
    "signals",
    metadata,
    Column("signal_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("stuck_point", Text, nullable=False),
    _time("occurred_at"),
    Column("payload", JSONB, nullable=False),
    _time("created_at", now=True),
    _time("published_at", null=True),
    Index("ix_signals_unpublished", "created_at", postgresql_where=text("published_at IS NULL")),
    Index(None, "user_id", "occurred_at"),
)

nudges = Table(
    "nudges",
    metadata,
    Column("nudge_id", Uuid, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("signal_id", Uuid, nullable=False, unique=True),  # one signal, one nudge at most
    Column("stuck_point", Text, nullable=False),
    Column("nudge_type", Text, nullable=False),
    Column("content", JSONB, nullable=False),  # contracts Nudge
    Column("seq", BigInteger, nullable=False),
    _time("sent_at"),
    _time("expires_at"),
    # pending -> acknowledged | target_missing | expired; shown, clicked, dismissed, completed by the user's events
    Column("status", Text, nullable=False, server_default="pending"),
    _time("acknowledged_at", null=True),
    _time("shown_at", null=True),
    _time("clicked_at", null=True),
    _time("dismissed_at", null=True),
    _time("completed_at", null=True),
    Column("config_revision", Text, nullable=False),
    Column("simulated", Boolean, nullable=False, server_default="false"),
    UniqueConstraint("user_id", "seq"),
    Index(None, "user_id", "stuck_point"),
    Index(None, "user_id", "sent_at"),
    Index(None, "sent_at"),
    Index("ix_nudges_pending", "user_id", postgresql_where=text("status = 'pending'")),
    CheckConstraint(
        "status IN ('pending','acknowledged','shown','clicked','dismissed','completed','target_missing','expired')",
        name="status",
    ),
)

decisions = Table(  # one for every signal, also for those that led to nothing
    "decisions",
    metadata,
    Column("decision_id", Uuid, primary_key=True),
    Column("signal_id", Uuid, nullable=False, unique=True),
    Column("signal_kind", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("stuck_point", Text, nullable=False),
    Column("outcome", Text, nullable=False),  # nudged | escalated | none
    Column("reason", Text, nullable=False),  # the gate that ended it, or what was done
    Column("gates", JSONB, nullable=False),  # [{gate, passed, reason, message, values}], in order
    Column("diagnosis", JSONB),
    Column("confidence", Double),
    Column("nudge_id", Uuid),
    Column("escalation_id", Uuid),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False, server_default=""),
    Column("prompt_version", Text, nullable=False, server_default=""),
    Column("config_revision", Text, nullable=False),
    _time("created_at", now=True),
    Index(None, "user_id", "created_at"),
    Index(None, "created_at"),
)

escalations = Table(
    "escalations",
    metadata,
    Column("escalation_id", Uuid, primary_key=True),
    Column("signal_id", Uuid, nullable=False, unique=True),
    Column("user_id", Text, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("stuck_point", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="open"),  # open | closed
    Column("draft", JSONB, nullable=False),  # {subject, text, diagnosis, history, nudges}
    _time("created_at", now=True),
    _time("closed_at", null=True),
    # once while one is open
    Index("uq_escalations_open", "user_id", "stuck_point", unique=True, postgresql_where=text("status = 'open'")),
    Index(None, "created_at"),
)

baselines = Table(
    "baselines",
    metadata,
    Column("baseline_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("event_sequence", JSONB, nullable=False),
    Column("config_revision", Text, nullable=False),
    _time("created_at", now=True),
)

config_revisions = Table(
    "config_revisions",
    metadata,
    Column("revision", Text, primary_key=True),
    Column("spec", JSONB, nullable=False),
    _time("applied_at", now=True),
)
