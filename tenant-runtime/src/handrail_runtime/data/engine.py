"""Engines for the two ways into the database: the application's and the graph checkpointer's.

A tenant may hold few connections (two per role), so pools are small and wait rather than grow.
"""

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

POOL_SIZE = 2


def create_engine(url: str, *, name: str, kind: type[asyncpg.Connection] = asyncpg.Connection) -> AsyncEngine:
    """An engine on asyncpg for a plain `postgresql://` URL; `name` is what pg_stat_activity shows. Connections are of
    this `kind`."""
    return create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={"server_settings": {"application_name": name}, "connection_class": kind},
    )
