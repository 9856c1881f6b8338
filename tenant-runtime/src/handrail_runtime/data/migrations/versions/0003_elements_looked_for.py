"""Elements that the config names: on which pages they were found and missed, and what is most like them there"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_index(
        "ix_events_target_checks",
        "events",
        ["user_id", "session_id"],
        unique=False,
        postgresql_where=sa.text("event_type = 'target_check'"),
    )
    op.create_table(
        "target_pages",
        sa.Column("selector", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("last_found_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_missed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_missed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run", sa.Integer(), server_default="0", nullable=False),
        sa.Column("usual_run", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("selector", "page", name=op.f("pk_target_pages")),
    )
    op.create_table(
        "target_checks",
        sa.Column("selector", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("found", sa.Integer(), server_default="0", nullable=False),
        sa.Column("missed", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("selector", "page", "day", name=op.f("pk_target_checks")),
    )
    op.create_table(
        "target_candidates",
        sa.Column("selector", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("candidate", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("selector", "page", "candidate", name=op.f("pk_target_candidates")),
    )
