"""Brings a tenant's database to this version's tables: ours by Alembic, the graph checkpointer's by its own set-up.

Runs with the owner role, for the application's role has no DDL. Errors are MigrationError; its text never holds the
password.
"""

import time

import psycopg
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row
from sqlalchemy import Connection, create_engine, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

log = structlog.get_logger()

LOCK = 0x48414E44  # one advisory lock for all migrations of a database
WAIT = 120.0
"""Seconds to wait for another migration to end."""

_SHARE_WITH_APP = """
DO $$
DECLARE app oid;
BEGIN
  FOR app IN
    SELECT DISTINCT entry.grantee FROM pg_default_acl, aclexplode(defaclacl) AS entry
    WHERE defaclrole = (SELECT oid FROM pg_roles WHERE rolname = current_user)
      AND defaclobjtype = 'r' AND entry.grantee NOT IN (0, defaclrole)
  LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO %%I', pg_get_userbyid(app));
  END LOOP;
END $$
"""


class MigrationError(Exception):
    """The database could not be brought to this version. The text says what to do."""


def config() -> Config:
    """Alembic's configuration without a file: the scripts lie in this package."""
    built = Config()
    built.set_main_option("script_location", "handrail_runtime.data:migrations")
    built.set_main_option("path_separator", "os")
    return built


def migrate(url: str) -> None:
    """Brings the database at `url` (plain `postgresql://`, owner role) to the newest version. Raises MigrationError.

    Several at once are safe: one works, the others wait and find nothing to do.
    """
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            _lock(connection)
            _migrate(connection)
    except (SQLAlchemyError, psycopg.Error) as error:
        cause = getattr(error, "orig", None) or error
        raise MigrationError(f"the database could not be migrated: {cause}") from error
    finally:
        engine.dispose()


def _lock(connection: Connection) -> None:
    """Takes the lock of this session; it ends with the connection.

    Tried again and again rather than waited for: a waiting statement would hold a snapshot, and the checkpointer's
    CREATE INDEX CONCURRENTLY waits for every snapshot to go, which would be a deadlock.
    """
    deadline = time.monotonic() + WAIT
    while True:
        taken = connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({LOCK})").scalar()
        connection.commit()
        if taken:
            return
        if time.monotonic() > deadline:
            raise MigrationError(f"another migration of this database has not ended within {WAIT:.0f} s")
        time.sleep(0.1)


def _migrate(connection: Connection) -> None:
    settings = config()
    scripts = ScriptDirectory.from_config(settings)
    before = MigrationContext.configure(connection).get_current_heads()
    known = {script.revision for script in scripts.walk_revisions()}
    if unknown := set(before) - known:
        raise MigrationError(
            f"the database is of a newer version ({', '.join(sorted(unknown))}) than this program"
            f" ({scripts.get_current_head()}): install the newer version, or restore an older backup"
        )
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")
    connection.commit()
    _set_up_checkpoints(connection)
    # Default privileges set by the provisioning cover new tables; this covers those made before they were set.
    connection.exec_driver_sql(_SHARE_WITH_APP)
    connection.commit()
    log.info("database migrated", before=",".join(before) or None, now=scripts.get_current_head())


def _set_up_checkpoints(connection: Connection) -> None:
    raw = connection.connection.driver_connection
    if not isinstance(raw, psycopg.Connection):
        raise TypeError("migrations run on psycopg")
    # Concurrent index builds cannot run within a transaction.
    raw.autocommit = True
    raw.row_factory = dict_row
    PostgresSaver(raw).setup()
    raw.row_factory = psycopg.rows.tuple_row
    raw.autocommit = False
