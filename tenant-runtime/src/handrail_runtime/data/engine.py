"""Engines for the two ways into the database: the application's and the graph checkpointer's.

A tenant may hold few connections (two per role), so pools are small and wait rather than grow.
"""

import time
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

POOL_SIZE = 2
CHECK_AFTER = 1.0
"""Seconds of rest after which a connection is asked whether it is still there. SQLAlchemy's own check asks before
every use, in three round trips: as many as a short transaction has itself."""


def create_engine(url: str, *, name: str, kind: type[asyncpg.Connection] = asyncpg.Connection) -> AsyncEngine:
    """An engine on asyncpg for a plain `postgresql://` URL; `name` is what pg_stat_activity shows. Connections are of
    this `kind`."""
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=POOL_SIZE,
        max_overflow=0,
        connect_args={"server_settings": {"application_name": name}, "connection_class": kind},
    )
    _check_rested(engine)
    return engine


def _check_rested(engine: AsyncEngine) -> None:
    dialect = engine.sync_engine.dialect

    def used(_: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    def check(connection: Any, record: Any, _: Any) -> None:
        if connection.driver_connection.is_closed():
            raise DisconnectionError("the connection is closed")
        if time.monotonic() - record.info.get("used", 0.0) > CHECK_AFTER:
            try:
                dialect.do_ping(connection)
            except (dialect.loaded_dbapi.Error, OSError) as error:
                raise DisconnectionError("the connection is gone") from error

    event.listen(engine.sync_engine, "connect", used)
    event.listen(engine.sync_engine, "checkin", used)
    event.listen(engine.sync_engine, "checkout", check)
