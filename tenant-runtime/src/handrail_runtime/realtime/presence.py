"""Who can be reached right now, told to the agent by a key in Redis. Redis away costs reachability, nothing else."""

import asyncio
import contextlib
import time

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from handrail_contracts import names
from handrail_runtime.realtime import metrics
from handrail_runtime.realtime.registry import Registry
from handrail_runtime.roles import heed_cancellation

log = structlog.get_logger()

TTL = 60
"""Seconds a presence outlives this process."""
RENEW_EVERY = 20.0
GRACE = 30
"""Seconds a presence outlives the user's last socket: a page that follows the next one opens it again."""
_CHUNK = 500
_TIMEOUT = 5.0
_RETRY_AFTER = 1.0


class Presence:
    """Keeps a key for each attached user. Its value is this instance's id."""

    def __init__(self, redis: Redis, prefix: str, instance: str, registry: Registry) -> None:
        self._redis = redis
        self._prefix = prefix
        self._instance = instance
        self._registry = registry
        self._changed: set[str] = set()
        self._wake = asyncio.Event()
        self._complained = False
        self.ok = False
        """Whether Redis answered the last time; False until the first."""

    def changed(self, user_id: str) -> None:
        """The user's first socket came or the last one went."""
        self._changed.add(user_id)
        self._wake.set()

    async def run(self) -> None:
        renew_at = 0.0
        while True:
            if time.monotonic() >= renew_at:
                self._changed.update(self._registry.users())
                renew_at = time.monotonic() + RENEW_EVERY
            changed, self._changed = self._changed, set()
            written = await self._write(list(changed))
            heed_cancellation()  # before the next long wait
            if not written:
                self._changed |= changed
                await asyncio.sleep(_RETRY_AFTER)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, renew_at - time.monotonic())):
                    await self._wake.wait()
            self._wake.clear()

    async def _write(self, users: list[str]) -> bool:
        """Whether Redis took it; asked also where there is nothing to write, so that `ok` is true to the facts."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                if not users:
                    await self._redis.ping()
                for at in range(0, len(users), _CHUNK):
                    await self._write_chunk(users[at : at + _CHUNK])
        except (RedisError, OSError, TimeoutError) as error:
            if not self._complained:
                log.warning("presence cannot be written; the agent may hold nudges back", error=type(error).__name__)
            metrics.FAILURES.labels("redis").inc()
            self.ok, self._complained = False, True
            return False
        if self._complained:
            log.info("presence is written again")
        self.ok, self._complained = True, False
        return True

    async def _write_chunk(self, users: list[str]) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            for user_id in users:
                key = names.presence_key(self._prefix, user_id)
                if user_id in self._registry:
                    pipe.set(key, self._instance, ex=TTL)
                else:
                    # Not removed: another instance may hold this user too, and would renew it in time.
                    pipe.expire(key, GRACE)
            await pipe.execute()
