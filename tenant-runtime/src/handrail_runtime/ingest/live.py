"""The live session of each user, and the due list, in Redis: fast to read, rebuildable, never the truth.

An error here costs speed and no facts, so none leaves this module; after one, Redis is left alone for a moment.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from handrail_contracts import names
from handrail_runtime.ingest.detectors import inactivity
from handrail_runtime.ingest.metrics import REDIS_ERRORS
from handrail_runtime.ingest.rules import Rules
from handrail_runtime.ingest.store import Visit
from handrail_runtime.session.state import SessionState

log = structlog.get_logger()

TTL = 3600
"""Seconds that a live session outlives its last event."""
PAUSE = 1.0
"""Seconds without an attempt after an error."""
LIMIT = 0.5
"""Seconds that anything here may take."""

Due = tuple[str, str]
"""User and session."""


def member(user_id: str, session_id: str) -> bytes:
    """An entry of the due list. Ids may hold any character, so they are not simply joined."""
    return msgspec.json.encode([user_id, session_id])


def from_member(data: object) -> Due | None:
    try:
        return msgspec.json.decode(data, type=tuple[str, str]) if isinstance(data, bytes) else None
    except msgspec.MsgspecError:
        return None


def due_of(state: SessionState, rules: Rules) -> int | None:
    """When a session is to be looked at (microseconds), None where it is not waited for."""
    if rules.inactive_after is None or state.idle_told == state.active_id:
        return None
    return inactivity.due_at(active_at=state.active_at, after=rules.inactive_after, hidden=state.hidden)


def live_session(visit: Visit, rules: Rules) -> dict[str, Any]:
    """What stands under `session:{user_id}`; times in microseconds since 1970."""
    state = visit.state
    awaited = state.standing.awaited(rules.baselines)
    return {
        "session_id": visit.session_id,
        "state": "hidden" if state.hidden else "active",
        "path": state.path,
        "last_event": {"event_id": state.last_id, "event_type": state.last_type, "at": state.last_at},
        "active_at": state.active_at,
        "events": visit.event_count,
        "awaits": awaited.stuck_point if awaited else None,
        "nudges": state.nudges,
        "simulated": state.simulated,
    }


class Live:
    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._quiet_until = 0.0
        self._down = False
        self.lost = True
        """Whether the due list may lack entries, so that it must be built again."""

    async def write(self, visits: Sequence[Visit], rules: Rules) -> None:
        """One round trip for a whole batch."""
        if time.monotonic() < self._quiet_until:
            return
        newest: dict[str, Visit] = {}
        for visit in visits:
            known = newest.get(visit.user_id)
            if known is None or known.state.last_at <= visit.state.last_at:
                newest[visit.user_id] = visit
        pipe = self._redis.pipeline(transaction=False)
        for user_id, visit in newest.items():
            value = msgspec.json.encode(live_session(visit, rules))
            # Not `set`, which spends half its time on looking for options that contradict each other.
            pipe.execute_command("SET", names.session_key(self._prefix, user_id), value, "EX", TTL)
        waited = {visit.key: due_of(visit.state, rules) for visit in visits}
        if dues := {member(*key): due for key, due in waited.items() if due is not None}:
            pipe.zadd(names.due_key(self._prefix), dues, gt=True)
        if gone := [member(*key) for key, due in waited.items() if due is None]:
            pipe.zrem(names.due_key(self._prefix), *gone)
        async with self._guarded():
            await pipe.execute()

    async def due(self, until: int, limit: int) -> list[Due]:
        """Sessions whose time has come by `until`, longest overdue first."""
        found: Sequence[object] = []
        async with self._guarded():
            found = await self._redis.zrange(
                names.due_key(self._prefix), "-inf", until, byscore=True, offset=0, num=limit
            )
        return [due for data in found if (due := from_member(data)) is not None]

    async def settle(self, looked_at: dict[Due, int | None]) -> None:
        """Puts each session to the time at which it is to be looked at next, or strikes it out."""
        if not looked_at:
            return
        pipe = self._redis.pipeline(transaction=False)
        key = names.due_key(self._prefix)
        if gone := [member(*due) for due, at in looked_at.items() if at is None]:
            pipe.zrem(key, *gone)
        if later := {member(*due): at for due, at in looked_at.items() if at is not None}:
            pipe.zadd(key, later)
        async with self._guarded():
            await pipe.execute()

    @contextlib.asynccontextmanager
    async def _guarded(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(LIMIT):
                yield
            if self._down:
                self._down = False
                log.info("redis answers again")
        except (RedisError, OSError) as error:
            self._quiet_until = time.monotonic() + PAUSE
            self.lost = True
            REDIS_ERRORS.inc()
            if not self._down:
                self._down = True
                log.warning("redis does not answer; what it held is rebuilt when it does", error=repr(error))
