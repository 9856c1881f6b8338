"""Where runs rest between nodes: LangGraph's tables in the tenant's database, over a pool of one connection.

The saver works one statement at a time anyway. The pool checks a connection that has rested before it gives it out (a
half-open one would hang for ever), and gives it up when idle.
"""

import contextlib
import time
import weakref
from collections.abc import AsyncIterator
from typing import Any

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

MAX_IDLE = 60.0
"""Seconds."""
CHECK_AFTER = 1.0
"""Seconds of rest."""
WAIT = 10.0
"""Seconds for a connection before PoolTimeout."""


class _Check:
    """A round trip before each of a run's ten statements would cost more than the statements."""

    def __init__(self) -> None:
        self._checked: weakref.WeakKeyDictionary[AsyncConnection[DictRow], float] = weakref.WeakKeyDictionary()

    async def __call__(self, connection: AsyncConnection[DictRow]) -> None:
        now = time.monotonic()
        if now - self._checked.get(connection, 0.0) > CHECK_AFTER:
            await AsyncConnectionPool.check_connection(connection)
        self._checked[connection] = now


@contextlib.asynccontextmanager
async def open_saver(url: str) -> AsyncIterator[AsyncPostgresSaver]:
    """`url`: plain postgresql://. Connects when first needed."""
    options: dict[str, Any] = {
        "autocommit": True,
        "prepare_threshold": 0,
        "row_factory": dict_row,
        "connect_timeout": 5,
        "application_name": "handrail-agent-runs",
    }
    pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
        url,
        kwargs=options,
        min_size=0,
        max_size=1,
        max_idle=MAX_IDLE,
        timeout=WAIT,
        check=_Check(),
        open=False,
        name="agent-runs",
    )
    async with pool:
        yield AsyncPostgresSaver(pool)
