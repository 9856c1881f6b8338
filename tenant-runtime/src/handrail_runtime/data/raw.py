"""The driver under SQLAlchemy, for the few statements where its arrays and speed count."""

import contextlib
from collections.abc import AsyncIterator

import asyncpg
import asyncpg.exceptions as pg
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

DATABASE_ERRORS = (pg.PostgresError, pg.InterfaceError, pg.InternalClientError, SQLAlchemyError, OSError)
"""What the database, the way to it and the pool raise."""


@contextlib.asynccontextmanager
async def raw_connection(engine: AsyncEngine) -> AsyncIterator[asyncpg.Connection]:
    """A connection of asyncpg itself, outside any transaction: each statement stands for itself, in one round trip.

    Raises what asyncpg and SQLAlchemy's pool raise. A connection that failed otherwise than by a refused statement is
    not used again.
    """
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        if not isinstance(driver, asyncpg.Connection):
            raise TypeError("the engine must run on asyncpg")
        try:
            yield driver
        except pg.PostgresError:
            raise
        except BaseException:
            await connection.invalidate()
            raise


@contextlib.asynccontextmanager
async def raw_transaction(engine: AsyncEngine) -> AsyncIterator[asyncpg.Connection]:
    """One transaction: committed at the end, rolled back where an error leaves the block. Raises as above."""
    async with raw_connection(engine) as connection, connection.transaction():
        yield connection
