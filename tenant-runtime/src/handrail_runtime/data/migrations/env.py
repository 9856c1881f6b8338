"""Run by Alembic. The connection comes from `data/migrate.py`; there is no offline mode."""

from alembic import context

from handrail_runtime.data.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
