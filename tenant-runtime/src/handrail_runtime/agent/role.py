"""The role agent: its parts, put together."""

import asyncio
import contextlib
import functools
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
import structlog
from fastapi import APIRouter
from nats.errors import Error as NatsError

from handrail_contracts import names, subjects, times, traces
from handrail_contracts.nudges import NudgeNotice
from handrail_contracts.signals import Signal
from handrail_runtime.agent.consumer import Consumer
from handrail_runtime.agent.context import Desk
from handrail_runtime.agent.escalation.channels import Channels
from handrail_runtime.agent.escalation.deliveries import Deliveries
from handrail_runtime.agent.providers.choice import Providers
from handrail_runtime.agent.runs import Runs
from handrail_runtime.data import dead_letters
from handrail_runtime.data.raw import raw_transaction
from handrail_runtime.outbound import Guard
from handrail_runtime.roles import Resources

log = structlog.get_logger()


class AgentRole:
    """Signals in, decisions out: see roles.Role."""

    optional: frozenset[str] = frozenset()

    def __init__(self, resources: Resources) -> None:
        self._nats = resources.nats
        self._engine = resources.engine
        settings = resources.settings
        guard = Guard.parse(settings.outbound_allowed)
        self._providers = Providers(resources.engine, settings.secret_ref, guard)
        channels = Channels(guard, settings.secret_ref, settings.smtp_url, settings.mail_from)
        self._deliveries = Deliveries(
            resources.engine, channels, settings.tenant, lambda: resources.config.current.spec.escalation
        )
        desk = Desk(
            resources.engine,
            resources.redis,
            settings.redis_prefix,
            _now,
            self._tell,
            self._deliveries.wake,
            self._providers,
        )
        self._runs = Runs(desk, settings.secret(names.DATABASE_URL_FILE))
        self._consumer = Consumer(
            resources.nats,
            self._runs,
            lambda: resources.config.current,
            self._probe,
            functools.partial(dead_letters.set_aside, resources.engine),
        )

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._consumer.run(), name="agent-signals")
                group.create_task(self._consumer.watch(), name="agent-database")
                group.create_task(self._deliveries.run(), name="agent-deliveries")
        finally:
            await self._runs.aclose()
            await self._providers.aclose()

    def ready(self) -> Mapping[str, bool]:
        return {
            "agent-nats": self._nats.is_connected,
            "agent-stream": self._consumer.stream,
            "agent-database": self._consumer.database,
        }

    def router(self) -> APIRouter | None:
        return None

    async def _probe(self) -> None:
        async with raw_transaction(self._engine) as connection:
            await connection.execute("SELECT 1")

    async def _tell(self, signal: Signal, seq: int) -> None:
        """Costs time where it is lost, not the nudge: realtime looks into the table anyway."""
        notice = NudgeNotice(signal.user_id, seq, times.micros(_now()), signal.occurred_at)
        headers = traces.to_headers(signal.trace)
        with contextlib.suppress(NatsError):
            await self._nats.publish(subjects.nudge(signal.user_id), msgspec.json.encode(notice), headers=headers)


def _now() -> datetime:
    return datetime.now(UTC)
