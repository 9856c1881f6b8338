"""What went wrong, and what became of it: deliveries of escalations, dead letters, failed runs; what models cost"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.drop_index(op.f("ix_events_session_id_timestamp"), table_name="events")
    op.drop_index(op.f("ix_sessions_user_id_last_seen_time"), table_name="sessions")
    op.drop_index("ix_sessions_active", table_name="sessions")
    op.create_index(op.f("ix_sessions_user_id_start_time"), "sessions", ["user_id", "start_time"], unique=False)
    op.create_index(
        "ix_sessions_active", "sessions", ["start_time"], unique=False, postgresql_where=sa.text("is_active")
    )
    op.execute("ALTER TABLE sessions SET (fillfactor = 70)")
    op.execute("ALTER TABLE users SET (fillfactor = 80)")
    op.create_table(
        "escalation_deliveries",
        sa.Column("escalation_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending','delivered','failed','cancelled')", name=op.f("ck_escalation_deliveries_state")
        ),
        sa.ForeignKeyConstraint(["escalation_id"], ["escalations.escalation_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("escalation_id", "channel", name=op.f("pk_escalation_deliveries")),
    )
    op.create_index(
        "ix_escalation_deliveries_pending",
        "escalation_deliveries",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "escalation_attempts",
        sa.Column("escalation_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["escalation_id"], ["escalations.escalation_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("escalation_id", "channel", "number", name=op.f("pk_escalation_attempts")),
    )
    op.create_table(
        "dead_letters",
        sa.Column("dead_letter_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("event_type", sa.Text(), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("stream_sequence", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="1", nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("first_failed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_failed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('event','batch','message','signal')", name=op.f("ck_dead_letters_kind")),
        sa.CheckConstraint("class IN ('poison','bug')", name=op.f("ck_dead_letters_class")),
        sa.CheckConstraint("state IN ('open','retried')", name=op.f("ck_dead_letters_state")),
        sa.PrimaryKeyConstraint("dead_letter_id", name=op.f("pk_dead_letters")),
    )
    op.create_index(op.f("ix_dead_letters_last_failed_at"), "dead_letters", ["last_failed_at"], unique=False)
    op.create_table(
        "failed_runs",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("signal", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), server_default="failed", nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('failed','resuming')", name=op.f("ck_failed_runs_status")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_failed_runs")),
    )
    op.create_index(op.f("ix_failed_runs_failed_at"), "failed_runs", ["failed_at"], unique=False)
    op.add_column("decisions", sa.Column("input_tokens", sa.Integer(), nullable=True))
    op.add_column("decisions", sa.Column("output_tokens", sa.Integer(), nullable=True))
    op.add_column("decisions", sa.Column("cost_usd", sa.Numeric(precision=12, scale=6), nullable=True))
    op.add_column("decisions", sa.Column("llm_seconds", sa.Double(), nullable=True))
    op.create_index(
        "ix_decisions_cost",
        "decisions",
        ["created_at"],
        unique=False,
        postgresql_include=["cost_usd"],
        postgresql_where=sa.text("cost_usd IS NOT NULL"),
    )
