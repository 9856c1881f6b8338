"""Where ingest puts its dead letters. What is in here is committed before its message is acknowledged."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from handrail_runtime.data import dead_letters
from handrail_runtime.data.dead_letters import Letter
from handrail_runtime.data.raw import raw_transaction
from handrail_runtime.ingest import metrics
from handrail_runtime.trouble import is_outage

LIMIT = 60.0
"""Seconds for one count."""
COUNT_EVERY = 15.0


class LetterBox:
    """`keep` waits while the database is away; `run` counts what is open, until cancelled."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._look = asyncio.Event()

    async def keep(self, letters: Sequence[Letter], worked_off: Sequence[UUID] = ()) -> bool:
        """See dead_letters.set_aside."""
        if not await dead_letters.set_aside(self._engine, letters, worked_off):
            return False
        for letter in letters:
            metrics.DEAD_LETTERS.labels(letter.trouble).inc()
        self._look.set()
        return True

    async def run(self) -> None:
        while True:
            self._look.clear()
            try:
                async with asyncio.timeout(LIMIT), raw_transaction(self._engine) as connection:
                    found = await dead_letters.count_open(connection)
            except Exception as error:
                if not is_outage(error):
                    raise
            else:
                for trouble in ("poison", "bug"):
                    metrics.OPEN_DEAD_LETTERS.labels(trouble).set(found.get(trouble, 0))
            try:
                async with asyncio.timeout(COUNT_EVERY):
                    await self._look.wait()
            except TimeoutError:
                continue
