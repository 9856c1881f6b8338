"""Reads back what the platform made of a run, through the tenant's own read API."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from handrail_cli.simulate.api import Api
from handrail_cli.simulate.report import Reading
from handrail_cli.simulate.visit_log import VisitLog


class Readback:
    """Looks again and again; what was once seen stored is not asked for twice."""

    def __init__(self, api: Api, events_since: datetime, rows_since: datetime) -> None:
        self._api = api
        self._events_since = events_since
        self._rows_since = rows_since
        self._stored: set[str] = set()

    async def look(self, logs: Sequence[VisitLog]) -> Reading:
        """The platform's present view of these users. Raises ApiFailed."""
        users = {log.user_id for log in logs}
        await self._look_for_events({event for log in logs for event in log.sent})
        return Reading(
            stored=len(self._stored),
            decisions=await self._rows("decisions", users),
            nudges=await self._rows("nudges", users),
            escalations=await self._rows("escalations", users),
        )

    async def _look_for_events(self, sent: set[str]) -> None:
        """Pages back until all that was sent is seen; the newest, which are still missing, come first."""
        missing = sent - self._stored
        cursor: str | None = None
        while missing:
            items, cursor = await self._api.page("events", self._events_since, cursor)
            found = missing.intersection(str(item["event_id"]) for item in items)
            self._stored |= found
            missing -= found
            if cursor is None:
                return

    async def _rows(self, what: str, users: set[str]) -> tuple[dict[str, Any], ...]:
        rows: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            items, cursor = await self._api.page(what, self._rows_since, cursor)
            rows += [item for item in items if item["user_id"] in users]
            if cursor is None:
                return tuple(rows)
