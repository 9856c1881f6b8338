"""How each server says which epoch it is in, and what it must have before the first tenant."""

import asyncio
import json
from typing import Any

from nats.js.errors import NotFoundError
from redis.asyncio import Redis

from handrail_contracts import names
from handrail_operator.provision import database, nats_streams
from handrail_operator.provision.nats_standing import Standing
from handrail_operator.provision.postgres import Administrator


async def nothing() -> None:
    """To be prepared."""


class NatsLook:
    """The server's id changes with a restart, the time its buckets were made when its disk was emptied."""

    def __init__(self, system: Standing, account: Standing) -> None:
        self._system = system
        self._account = account

    async def epoch(self) -> str:
        _, client = await asyncio.gather(self._system.required(), self._account.required())
        answer = await client.request("$SYS.REQ.USER.INFO", b"", timeout=4.5)
        server = json.loads(answer.data)["server"]["id"]
        js = client.jetstream(timeout=4.5)
        try:
            made = (await js.stream_info(f"KV_{names.TENANTS_BUCKET}")).created
        except NotFoundError:
            await nats_streams.ensure_platform(js)
            made = (await js.stream_info(f"KV_{names.TENANTS_BUCKET}")).created
        return f"{server} {made}"

    async def prepare(self) -> None:
        await nats_streams.ensure_platform((await self._account.required()).jetstream())


class PostgresLook:
    """On a connection of its own: a server that is busy with others' work is not away."""

    def __init__(self, admin: Administrator) -> None:
        self._admin = admin
        self._connection: Any = None

    async def epoch(self) -> str:
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._admin.connect()
            found: str = await self._connection.fetchval(
                "SELECT system_identifier || ' ' || pg_postmaster_start_time() FROM pg_control_system()"
            )
        except BaseException:
            await self.close()
            raise
        return found

    async def prepare(self) -> None:
        await database.ensure_platform(self._admin)

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def redis_epoch(redis: Redis) -> str:
    """Changes with every start of the server."""
    return str((await redis.info("server"))["run_id"])
