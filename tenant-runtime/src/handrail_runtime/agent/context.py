"""What nodes are given to work with: the role's desk, and what belongs to one run alone."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from handrail_contracts.signals import Signal
from handrail_runtime.agent.case import Case
from handrail_runtime.agent.gather import gather
from handrail_runtime.agent.providers.choice import Providers
from handrail_runtime.config import Config


@dataclass(frozen=True)
class Desk:
    """The role's adapters, the same for all runs."""

    engine: AsyncEngine
    redis: Redis
    redis_prefix: str
    clock: Callable[[], datetime]
    tell: Callable[[Signal, int], Awaitable[None]]
    """Tells realtime, by its seq, of the nudge that a signal led to; never raises."""
    alert: Callable[[], None]
    """There may be an alert to deliver."""
    providers: Providers


@dataclass
class Run:
    """One invocation's context. The case is read once; a run that is resumed reads it anew."""

    desk: Desk
    config: Config
    _case: Case | None = field(default=None, repr=False)
    """Given where many were read together."""

    async def case(self, signal: Signal) -> Case:
        if self._case is None:
            desk = self.desk
            (self._case,) = await gather(
                desk.engine, desk.redis, desk.redis_prefix, [signal], self.config.spec, desk.clock()
            )
        return self._case
