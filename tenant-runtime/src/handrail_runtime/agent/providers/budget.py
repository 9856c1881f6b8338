"""The month's budget for models, in US dollars.

What was spent is the sum over this calendar month's decisions (UTC), read every few seconds at most, and what this
process has spent since. A question is asked while that is below the budget, so the budget is passed by no more than
the questions under way at that moment in all of the tenant's agents. A question whose run died before its decision is
not in the sum; nor is one to a model without a known price.
"""

import asyncio
import time
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncEngine

from handrail_runtime.agent.providers.provider import Bill, ProviderUnavailable
from handrail_runtime.data.raw import raw_transaction

FRESH_FOR = 3.0
"""Seconds a sum holds."""

_SPENT = "SELECT coalesce(sum(cost_usd), 0) FROM decisions WHERE created_at >= $1 AND cost_usd IS NOT NULL"


class Budget:
    """One tenant's, as one process sees it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = asyncio.Lock()
        self._read_at = 0.0
        self._month: datetime | None = None
        self._stored = Decimal()
        self._since = Decimal()

    async def check(self, budget: Decimal, now: datetime) -> None:
        """Raises ProviderUnavailable where it is spent, and what the database raises."""
        month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        async with self._reading:
            if self._month != month or time.monotonic() - self._read_at > FRESH_FOR:
                self._since = Decimal()
                async with raw_transaction(self._engine) as connection:
                    self._stored = await connection.fetchval(_SPENT, month)
                self._read_at, self._month = time.monotonic(), month
        spent = self._stored + self._since
        if spent >= budget:
            raise ProviderUnavailable(
                f"{spent:.2f} of {budget:.2f} US dollars are spent this month; llm.monthlyBudget in the tenant file "
                "says how much may be",
                code="llm_budget_spent",
            )

    def spend(self, bill: Bill) -> None:
        """Counts what a question has cost until its decision stands in the database."""
        self._since += bill.cost_usd or Decimal()
