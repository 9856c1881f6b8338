"""The role ingest: its parts, put together."""

import asyncio
from collections.abc import Mapping

from fastapi import APIRouter

from handrail_contracts import names
from handrail_runtime.config import Config
from handrail_runtime.ingest.consumer import Consumer
from handrail_runtime.ingest.fresh import Fresh
from handrail_runtime.ingest.letter_box import LetterBox
from handrail_runtime.ingest.live import Live
from handrail_runtime.ingest.outbox import Outbox
from handrail_runtime.ingest.revisions import Revisions
from handrail_runtime.ingest.rules import Rules
from handrail_runtime.ingest.silence import Silence
from handrail_runtime.pull import Pull
from handrail_runtime.roles import Resources


class IngestRole:
    """Events in, rows and signals out."""

    optional: frozenset[str] = frozenset()

    def __init__(self, resources: Resources) -> None:
        self._nats = resources.nats
        self._config = resources.config
        self._rules = _rules(resources.config.current)
        self._pull = Pull(resources.nats, names.EVENTS_STREAM, names.INGEST_CONSUMER)
        self._outbox = Outbox(resources.nats, resources.engine)
        self._revisions = Revisions(resources.engine)
        live = Live(resources.redis, resources.settings.redis_prefix)
        self._letters = LetterBox(resources.engine)
        self._consumer = Consumer(
            self._pull, resources.engine, self._letters, live, lambda: self._rules, self._outbox.tell
        )
        self._fresh = Fresh(resources.nats, self._consumer)
        self._silence = Silence(
            live,
            resources.engine,
            resources.nats.jetstream(timeout=2),
            self._consumer.watermark,
            lambda: self._rules,
            self._outbox.tell,
        )

    async def run(self) -> None:
        """Works until cancelled; the batch in hand is finished first."""
        self._config.on_change(self._changed)
        self._changed(self._config.current)
        async with asyncio.TaskGroup() as group:
            for part in (self._consumer, self._letters, self._outbox, self._fresh, self._silence, self._revisions):
                group.create_task(part.run(), name=f"ingest-{type(part).__name__.lower()}")

    def ready(self) -> Mapping[str, bool]:
        return {
            "ingest-nats": self._nats.is_connected,
            "ingest-stream": self._pull.standing,
            "ingest-database": self._consumer.database and self._outbox.database,
        }

    def router(self) -> APIRouter | None:
        return None

    def _changed(self, config: Config) -> None:
        self._rules = _rules(config)
        self._revisions.seen(config)


def _rules(config: Config) -> Rules:
    return Rules.of(config.revision, config.spec)
