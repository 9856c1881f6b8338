"""Runs the read API's statements: one connection, read only, each with a deadline."""

import asyncio
from typing import Any

import structlog
from sqlalchemy import Select, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from handrail_contracts.problems import Problem
from handrail_runtime.data.raw import DATABASE_ERRORS
from handrail_runtime.data.tables import user_aliases, users
from handrail_runtime.realtime import metrics
from handrail_runtime.realtime.api import lists

log = structlog.get_logger()

STATEMENT_TIMEOUT_MS = 5000
WAIT = 10.0
"""Seconds a read waits for its turn and its answer together."""
MOST_WAITING = 100
RETRY_AFTER = 2.0
_QUERY_CANCELED = "57014"
_LIMIT = text(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")


class Reader:
    """Reads of the tenant's own programs. They take one connection of the role's two; nudges have the other."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(postgresql_readonly=True)
        self.turn = asyncio.Semaphore(1)
        self._waiting = 0

    async def page(self, listing: lists.Listing, query: lists.PageQuery) -> dict[str, Any]:
        """One page: its `items`, and in `next` the cursor of the next one. Raises Problem."""
        rows = await self.rows(listing.name, lists.page_query(listing, query))
        items = rows[: query.limit]
        return {"items": items, "next": lists.next_cursor(listing, items[-1]) if len(rows) > query.limit else None}

    async def user(self, user_id: str) -> dict[str, Any]:
        """One user with its anonymous ids. Raises Problem not_found."""
        rows = await self.rows("user", select(users).where(users.c.user_id == user_id))
        if not rows:
            raise Problem("not_found", "There is no such user.")
        aliases = (
            select(user_aliases.c.anonymous_id)
            .where(user_aliases.c.user_id == user_id)
            .order_by(user_aliases.c.joined_at)
            .limit(100)
        )
        return rows[0] | {"anonymous_ids": [row["anonymous_id"] for row in await self.rows("user", aliases)]}

    async def rows(self, name: str, statement: Select[Any]) -> list[dict[str, Any]]:
        """What one statement gives; `name` is its label in the figures. Raises Problem."""
        if self._waiting >= MOST_WAITING:
            raise Problem("unavailable", "Too many reads at once.", retry_after=RETRY_AFTER)
        self._waiting += 1
        try:
            with metrics.API_SECONDS.labels(name).time():
                async with asyncio.timeout(WAIT), self.turn, self._engine.connect() as connection:
                    await connection.execute(_LIMIT)
                    return [dict(row) for row in (await connection.execute(statement)).mappings()]
        except DATABASE_ERRORS as error:
            raise _problem(error) from error
        finally:
            self._waiting -= 1


def _problem(error: BaseException) -> Problem:
    if isinstance(error, TimeoutError) or (
        isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _QUERY_CANCELED
    ):
        return Problem("unavailable", "The read took too long: ask for less at once.", retry_after=RETRY_AFTER)
    log.warning("a read failed", error=type(error).__name__)
    metrics.FAILURES.labels("postgres").inc()
    return Problem("unavailable", retry_after=RETRY_AFTER)
