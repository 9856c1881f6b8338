"""Every revision of the config that was in force is kept, and every version of a baseline."""

import asyncio
from typing import Any

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from handrail_runtime.config import Config
from handrail_runtime.data.raw import DATABASE_ERRORS, raw_transaction

log = structlog.get_logger()

_ORDER = 0x52455649  # one writer at a time, or two would give the same version number
_REVISION = "INSERT INTO config_revisions (revision, spec) VALUES ($1, $2::text::jsonb) ON CONFLICT DO NOTHING"
_BASELINE = """
INSERT INTO baselines (baseline_id, version, event_sequence, config_revision)
SELECT $1, coalesce(max(version), 0) + 1, $2::text::jsonb, $3 FROM baselines WHERE baseline_id = $1
HAVING coalesce((SELECT event_sequence FROM baselines WHERE baseline_id = $1 ORDER BY version DESC LIMIT 1),
                'null'::jsonb) <> $2::text::jsonb
"""


class Revisions:
    """Writes down what `seen` was called with, until cancelled."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._queue: asyncio.Queue[Config] = asyncio.Queue()

    def seen(self, config: Config) -> None:
        self._queue.put_nowait(config)

    async def run(self) -> None:
        while True:
            config = await self._queue.get()
            if not await self._written(config):
                self.seen(config)
                await asyncio.sleep(1)

    async def _written(self, config: Config) -> bool:
        try:
            await self._write(config.revision, config.spec.dump())
        except DATABASE_ERRORS as error:
            log.debug("the revision is written later", error=repr(error))
            return False
        return True

    async def _write(self, revision: str, spec: dict[str, Any]) -> None:
        async with raw_transaction(self._engine) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _ORDER)
            await connection.execute(_REVISION, revision, msgspec.json.encode(spec).decode())
            for baseline in spec.get("baselines", []):
                sequence = msgspec.json.encode(baseline).decode()
                await connection.execute(_BASELINE, baseline["name"], sequence, revision)
