"""A real realtime process, and a test's side of it: a gateway's link, the agent's table and notices, a principal."""

import asyncio
import contextlib
import json
import signal
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import httpx2
import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey
from nats.aio.client import Client
from redis.asyncio import Redis
from tests.runtime.processes import RuntimeProcess, eventually, start_runtime
from websockets.asyncio.client import ClientConnection, connect

from handrail_cli.embedded.ports import free_port
from handrail_contracts import link, names, principal, subjects
from handrail_contracts.frames import SERVER_FRAME
from handrail_contracts.nudges import Nudge, NudgeNotice

T = TypeVar("T")
DEADLINE = 15.0


@dataclass
class Received:
    sid: int
    seq: int
    frame: dict[str, Any]
    config: str


class LinkClient:
    """The gateway's end of a link."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._waiting: list[Received] = []

    async def send(self, *frames: link.ToRealtime) -> None:
        await self.connection.send(link.encode(list(frames)))

    async def say(self, sid: int, **frame: Any) -> None:
        await self.send(link.FromBrowser(sid, json.dumps(frame)))

    async def receive(self) -> Received:
        """The next frame; each must be one of the public contract."""
        while not self._waiting:
            data = await asyncio.wait_for(self.connection.recv(), DEADLINE)
            assert isinstance(data, bytes)
            for frame in link.decode_for_gateway(data):
                assert isinstance(frame, link.ToBrowser)
                SERVER_FRAME.validate_json(frame.text)
                self._waiting.append(Received(frame.sid, frame.seq, json.loads(frame.text), frame.config))
        return self._waiting.pop(0)

    async def nothing_until(self, sid: int, user_id: str) -> None:
        """Attaches another socket, whose hello is the next thing to come: nothing else was on its way."""
        await self.send(link.Attach(sid, user_id))
        received = await self.receive()
        assert (received.sid, received.frame["type"]) == (sid, "hello"), received


@dataclass
class Realtime:
    """One process and what surrounds it."""

    tenant: Any
    signing_key: OKPKey
    database: asyncpg.Connection
    redis: Redis
    agent: Client
    port: int
    nats_url: str
    log: Path
    process: RuntimeProcess | None = None
    _open: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, *, ready: bool = True) -> None:
        self.process = process = await start_runtime(self.tenant, self.nats_url, "realtime", self.log, port=self.port)
        await eventually(lambda: process.answers(200 if ready else 503))

    async def kill(self) -> None:
        assert self.process is not None
        await self.process.stop(signal.SIGKILL)

    async def close(self) -> None:
        await self._open.aclose()
        if self.process is not None and self.process.runs():
            try:
                assert await self.process.stop() == 0
            except TimeoutError:
                await self.kill()
                raise

    def principal(self, scope: str = "secret", key: OKPKey | None = None, **claims: Any) -> dict[str, str]:
        """The header of a request, signed as the gateway does it; `claims` replace the right ones."""
        body = {
            "iss": principal.ISSUER,
            "aud": self.tenant.name,
            "sub": "test",
            "scope": scope,
            "exp": int(time.time()) + principal.TTL,
        } | claims
        given = {name: value for name, value in body.items() if value is not None}
        token = jwt.encode(
            {"alg": principal.ALGORITHM}, given, key or self.signing_key, algorithms=[principal.ALGORITHM]
        )
        return {names.HEADER_PRINCIPAL: token}

    async def link(self) -> LinkClient:
        connection = await self._open.enter_async_context(
            connect(
                f"ws://127.0.0.1:{self.port}{link.PATH}",
                additional_headers=self.principal("link"),
                compression=None,
                proxy=None,
            )
        )
        return LinkClient(connection)

    async def nudge(
        self, user_id: str, seq: int, *, expires_in: float = 600, status: str = "pending", notice: bool = True
    ) -> str:
        """What the agent does: a row, the user's last seq, and then the notice."""
        nudge_id = str(uuid.uuid4())
        expires_at = datetime.now(UTC) + timedelta(seconds=expires_in)
        content = Nudge(
            nudge_id=nudge_id, kind="tooltip", stuck_point="first-project/save", target="#save",
            title=f"No. {seq}", body="Press **Save** \u2028 \U0001f642", language="en", expires_at=expires_at,
        )  # fmt: skip
        async with self.database.transaction():
            await self.database.execute(
                "INSERT INTO users (user_id, signup_date, last_seen_time, last_seq) VALUES ($1, now(), now(), $2) "
                "ON CONFLICT (user_id) DO UPDATE SET last_seq = greatest(users.last_seq, $2)",
                user_id, seq,
            )  # fmt: skip
            await self.database.execute(
                "INSERT INTO nudges (nudge_id, user_id, session_id, signal_id, stuck_point, nudge_type, content, seq,"
                " sent_at, expires_at, status, config_revision)"
                " VALUES ($1, $2, 's', gen_random_uuid(), 'first-project/save', 'tooltip', $3, $4, now(), $5, $6, 'r')",
                nudge_id, user_id, content.model_dump_json(), seq, expires_at, status,
            )  # fmt: skip
        if notice:
            await self.notice(user_id, seq)
        return nudge_id

    async def notice(self, user_id: str, seq: int) -> None:
        told_at = int(time.time() * 1e6)
        payload = msgspec.json.encode(NudgeNotice(user_id, seq, told_at))
        await self.agent.publish(subjects.nudge(user_id), payload)
        await self.agent.flush()

    async def status_of(self, nudge_id: str) -> str:
        return str(await self.database.fetchval("SELECT status FROM nudges WHERE nudge_id = $1", nudge_id))

    async def until_status(self, nudge_id: str, wanted: str) -> None:
        async def is_wanted() -> bool:
            return await self.status_of(nudge_id) == wanted

        await eventually(is_wanted)

    async def until(self, check: Callable[[], Awaitable[object]]) -> None:
        await eventually(check)

    async def presence_ttl(self, user_id: str, low: int, high: int) -> bool:
        return low <= int(await self.redis.ttl(names.presence_key(self.tenant.redis_prefix, user_id))) <= high

    async def counts(self, line: str) -> bool:
        """Whether this line stands in the metrics."""
        return line in (await self.get("/metrics")).text.splitlines()

    async def get(self, path: str, headers: dict[str, str] | None = None) -> httpx2.Response:
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            url = httpx2.URL(self.url).copy_with(raw_path=path.encode("ascii"))
            return await client.get(url, headers=self.principal() if headers is None else headers)


@pytest.fixture
async def make_realtime(servers, make_tenant, tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Realtime]]]:
    """`await make_realtime()`: a fresh tenant with a running realtime."""
    keys = KeySet.import_key_set(json.loads((servers.gateway_secrets / names.PRINCIPAL_SIGNING_KEYS_FILE).read_text()))
    signing_key = keys.keys[0]
    assert isinstance(signing_key, OKPKey)
    async with contextlib.AsyncExitStack() as stack:

        async def make(**tenant_options: Any) -> Realtime:
            tenant = await make_tenant(**tenant_options)
            database = await asyncpg.connect(tenant.text(names.DATABASE_URL_FILE))
            stack.push_async_callback(database.close)
            redis = Redis.from_url(tenant.text(names.REDIS_URL_FILE))
            stack.push_async_callback(redis.aclose)
            agent = Client()
            await agent.connect(
                servers.nats_url, user_credentials=str(tenant.secrets / names.creds_file("agent")), connect_timeout=5
            )
            stack.push_async_callback(agent.close)
            log = tmp_path / f"realtime-{tenant.name}.log"
            made = Realtime(tenant, signing_key, database, redis, agent, free_port(set()), servers.nats_url, log)
            stack.push_async_callback(made.close)
            await made.start()
            return made

        yield make


@pytest.fixture
async def realtime(make_realtime: Callable[[], Awaitable[Realtime]]) -> Realtime:
    return await make_realtime()
