"""Looks each second for sessions that have gone silent. Redis says where to look, PostgreSQL what is true."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncEngine

from handrail_contracts import names, times
from handrail_contracts.signals import Signal
from handrail_runtime.data.raw import DATABASE_ERRORS, raw_transaction
from handrail_runtime.ingest import metrics, statements
from handrail_runtime.ingest.analysis import inactive
from handrail_runtime.ingest.live import Due, Live, due_of
from handrail_runtime.ingest.rules import Rules
from handrail_runtime.ingest.store import ACTIVE, save_signals
from handrail_runtime.ingest.watermark import Watermark
from handrail_runtime.roles import heed_cancellation
from handrail_runtime.session import state as session

log = structlog.get_logger()

EVERY = 1.0
REBUILD_EVERY = 60.0
"""Seconds. The list is compared with the sessions now and then, so that whatever it lost comes back."""
AT_ONCE = 500
MARGIN = timedelta(minutes=5)

_END_VISITS = "UPDATE sessions SET is_active = false WHERE is_active AND last_seen_time < now() - $1::interval"
_OPEN = """
SELECT user_id, session_id, state::text AS state FROM sessions
WHERE is_active AND last_seen_time > now() - $1::interval
"""
_KEEP_STATE = """
UPDATE sessions SET state = s.state::jsonb
FROM unnest($1::text[], $2::text[], $3::text[]) AS s(user_id, session_id, state)
WHERE sessions.user_id = s.user_id AND sessions.session_id = s.session_id
"""


@dataclass
class Silence:
    """Raises inactivity signals until cancelled."""

    live: Live
    engine: AsyncEngine
    js: JetStreamContext
    watermark: Watermark
    rules: Callable[[], Rules]
    on_signals: Callable[[Sequence[Signal]], None]
    rebuilt_at: float = float("-inf")
    rebuilt_for: str = ""

    async def run(self) -> None:
        while True:
            heed_cancellation()
            try:
                await self.look()
            except (*DATABASE_ERRORS, NatsError) as error:
                log.debug("cannot look for silent sessions right now", error=repr(error))
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        rules = self.rules()
        if rules.inactive_after is None:
            return
        lost = self.live.lost or rules.revision != self.rebuilt_for
        if lost or time.monotonic() - self.rebuilt_at > REBUILD_EVERY:
            await self._rebuild(rules)
        now = time.time_ns() // 1000
        if not await self.live.due(now - rules.flush_interval, 1):
            return
        until = await self._known_until(now) - rules.flush_interval
        while due := await self.live.due(until, AT_ONCE):
            await self._judge(due, rules, until)
            if len(due) < AT_ONCE:
                return

    async def _known_until(self, now: int) -> int:
        info = await self.js.consumer_info(names.EVENTS_STREAM, names.INGEST_CONSUMER)
        waiting = (info.num_pending or 0) + (info.num_ack_pending or 0)
        floor = info.ack_floor.stream_seq if info.ack_floor is not None else 0
        return self.watermark.known_until(now=now, floor=floor, waiting=waiting)

    async def _judge(self, due: Sequence[Due], rules: Rules, known_until: int) -> None:
        """Decides on sessions that may be silent, under the lock that storing their events takes, too."""
        next_look: dict[Due, int | None] = dict.fromkeys(due)
        users, sessions, states, found = [], [], [], []
        async with raw_transaction(self.engine) as connection:
            ordered = sorted(due)
            rows = await connection.fetch(statements.SESSIONS, [u for u, _ in ordered], [s for _, s in ordered])
            for row in rows:
                key = row["user_id"], row["session_id"]
                state = session.decode(row["state"])
                if (judged := inactive(*key, state, rules, known_until)) is not None:
                    state, signal = judged
                    found.append(signal)
                    users.append(key[0])
                    sessions.append(key[1])
                    states.append(session.encode(state))
                at = due_of(state, rules)
                next_look[key] = at if at is not None and at > known_until else None
            if found:
                await connection.execute(_KEEP_STATE, users, sessions, states)
            new = await save_signals(connection, found)
        await self.live.settle(next_look)
        for signal in new:
            metrics.SIGNALS.labels(signal.kind).inc()
        if new:
            self.on_signals(new)

    async def _rebuild(self, rules: Rules) -> None:
        self.live.lost = False
        async with raw_transaction(self.engine) as connection:
            after = timedelta(microseconds=rules.inactive_after or 0)
            await connection.execute(_END_VISITS, max(ACTIVE, after + MARGIN))
            rows = await connection.fetch(_OPEN, max(times.STALE_AFTER, after + MARGIN))
        waited: dict[Due, int | None] = {
            (row["user_id"], row["session_id"]): due_of(session.decode(row["state"]), rules) for row in rows
        }
        await self.live.settle({due: at for due, at in waited.items() if at is not None})
        # Where Redis did not take it, `lost` is set again, and the next look begins anew.
        self.rebuilt_at, self.rebuilt_for = time.monotonic(), rules.revision
