"""The tables of one tenant. The tenant is the database, so no column names it.

Whoever changes a table writes a migration in `migrations/versions/`; a test compares the two.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
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
    postgresql_with={"fillfactor": 80},
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
    # A session's are found through its user: a third of the cost of storing an event went into an index for them.
    Index(None, "timestamp"),  # the newest of all users
    # What a visit has told of its pages already; few events are of this type.
    Index("ix_events_target_checks", "user_id", "session_id", postgresql_where=text("event_type = 'target_check'")),
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
    # None on what each event changes, and room in each page: a row is then written anew in place.
    Index(None, "user_id", "start_time"),
    Index(None, "start_time"),
    Index("ix_sessions_active", "start_time", postgresql_where=text("is_active")),
    postgresql_with={"fillfactor": 70},
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
    # What a model was paid for this decision, also in vain; null where none was asked.
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cost_usd", Numeric(12, 6)),  # null, too, where the model's price is not known
    Column("llm_seconds", Double),
    Column("config_revision", Text, nullable=False),
    _time("created_at", now=True),
    Index(None, "user_id", "created_at"),
    Index(None, "created_at"),
    # The month's cost is asked for before each question to a model.
    Index(
        "ix_decisions_cost",
        "created_at",
        postgresql_include=["cost_usd"],
        postgresql_where=text("cost_usd IS NOT NULL"),
    ),
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

escalation_deliveries = Table(  # one for each channel of an escalation: the list of what is still to be delivered
    "escalation_deliveries",
    metadata,
    Column("escalation_id", Uuid, ForeignKey("escalations.escalation_id", ondelete="CASCADE"), primary_key=True),
    Column("channel", Text, primary_key=True),  # webhook:<name> | email
    Column("state", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _time("next_attempt_at", now=True),
    _time("delivered_at", null=True),
    Index("ix_escalation_deliveries_pending", "next_attempt_at", postgresql_where=text("state = 'pending'")),
    CheckConstraint("state IN ('pending','delivered','failed','cancelled')", name="state"),
)

escalation_attempts = Table(  # the ledger: never changed, never taken away
    "escalation_attempts",
    metadata,
    Column("escalation_id", Uuid, ForeignKey("escalations.escalation_id", ondelete="CASCADE"), primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("outcome", Text, nullable=False),  # delivered | failed | refused | waiting | unknown
    Column("status", Integer),  # of HTTP or SMTP, where there was an answer
    Column("error", Text, nullable=False, server_default=""),
    _time("began_at"),
    Column("seconds", Double, nullable=False),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("dead_letter_id", Uuid, primary_key=True),  # follows from what it holds
    Column("kind", Text, nullable=False),  # event | batch | message | signal: the smallest part that is to blame
    Column("class", Text, nullable=False),  # poison | bug
    Column("reason", Text, nullable=False),
    Column("event_id", Text),
    Column("user_id", Text),
    Column("event_type", Text),
    Column("payload", LargeBinary, nullable=False),  # as it stood on the stream, ready to be published again
    Column("stream_sequence", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="1"),
    Column("state", Text, nullable=False, server_default="open"),
    _time("first_failed_at", now=True),
    _time("last_failed_at", now=True),
    Index(None, "last_failed_at"),
    CheckConstraint("kind IN ('event','batch','message','signal')", name="kind"),
    CheckConstraint("class IN ('poison','bug')", name="class"),
    CheckConstraint("state IN ('open','retried')", name="state"),
)

failed_runs = Table(  # runs of the agent that were given up, until somebody resumes them
    "failed_runs",
    metadata,
    Column("run_id", Uuid, primary_key=True),  # the signal's id, and the checkpoint's thread
    Column("node", Text, nullable=False),  # where it failed, and where it is taken up again
    Column("error", Text, nullable=False),
    Column("signal", JSONB, nullable=False),
    Column("state", JSONB, nullable=False),  # what the run had found out before it failed
    Column("attempts", Integer, nullable=False),
    Column("status", Text, nullable=False, server_default="failed"),
    _time("failed_at", now=True),
    _time("resumed_at", null=True),
    Index(None, "failed_at"),
    CheckConstraint("status IN ('failed','resuming')", name="status"),
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

target_pages = Table(  # how each element that the config names stands on each page
    "target_pages",
    metadata,
    Column("selector", Text, primary_key=True),
    Column("page", Text, primary_key=True),  # the config's pattern, or a path with its numbers as *
    _time("last_found_at", null=True),
    _time("last_used_at", null=True),  # by a user
    _time("first_missed_at", null=True),  # of the present run
    _time("last_missed_at", null=True),
    Column("run", Integer, nullable=False, server_default="0"),  # misses without a sight of it between
    Column("usual_run", Double, nullable=False, server_default="0"),
)

target_checks = Table(  # no user in them, so that erasing one changes nothing here
    "target_checks",
    metadata,
    Column("selector", Text, primary_key=True),
    Column("page", Text, primary_key=True),
    Column("day", Date, primary_key=True),  # UTC
    Column("found", Integer, nullable=False, server_default="0"),
    Column("missed", Integer, nullable=False, server_default="0"),
)

target_candidates = Table(  # the few that browsers named most when an element was missing
    "target_candidates",
    metadata,
    Column("selector", Text, primary_key=True),
    Column("page", Text, primary_key=True),
    Column("candidate", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    _time("last_seen_at"),
)
