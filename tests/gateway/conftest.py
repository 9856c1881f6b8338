"""A gateway as it runs in production, in this process, on a free port, before the worker's real servers."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from nats.aio.client import Client
from nats.errors import TimeoutError as NatsTimeoutError
from tests.event_ids import event_id
from websockets.asyncio.client import ClientConnection, connect

from handrail_contracts import api_keys, intake, names
from handrail_contracts.record import KeyRecord, TenantRecord, encode
from handrail_gateway.gateway import Gateway
from handrail_gateway.main import public_server
from handrail_gateway.settings import Settings

ORIGIN = "https://app.example.test"
CREATED_AT = "2026-01-01T00:00:00Z"


async def until(check: Callable[[], Any], seconds: float = 10.0) -> Any:
    """The first true value of `check` (awaited where it must be); fails after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        assert time.monotonic() < deadline, "not within the time allowed"
        await asyncio.sleep(0.01)


@dataclass
class Running:
    """A gateway that listens."""

    gateway: Gateway
    port: int
    client: httpx2.AsyncClient
    end: Callable[[], Awaitable[None]]
    chunked: bool = False
    """Bodies of events go in chunks, which takes them through ASGI and not past it."""
    until: Callable[..., Awaitable[Any]] = field(default=until)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def knows(self, tenant: Any) -> None:
        await until(lambda: self.gateway.directory.get(tenant.name) is not None)

    @staticmethod
    def secret(tenant: Any, **more: str) -> dict[str, str]:
        """The headers of the tenant's own server."""
        return {"X-API-Key": tenant.keys["secret"]} | more

    async def post_events(self, tenant: Any, body: Any, **headers: str) -> httpx2.Response:
        sent = {"X-API-Key": tenant.keys["publishable"], "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        content: Any = body if isinstance(body, bytes) else msgspec.json.encode(body)
        if self.chunked:
            content = _pieces(content)
        return await self.client.post("/api/v1/events", content=content, headers=sent)

    async def identify(self, tenant: Any, body: dict[str, Any], **headers: str) -> httpx2.Response:
        sent = {"X-API-Key": tenant.keys["publishable"]} | headers
        return await self.client.post("/api/v1/identify", json=body, headers=sent)

    async def token(self, tenant: Any, user_id: str) -> str:
        """A user token by the way everybody goes."""
        body = {"user_id": user_id}
        if not names.is_anonymous(user_id):
            body["identity_token"] = identity_token(tenant, user_id)
        answer = await self.identify(tenant, body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])

    def socket(
        self, path: str, *, key: str | None = None, token: str | None = None, origin: str | None = None, **more: Any
    ) -> connect:
        protocols = ["handrail.v1"]
        protocols += [f"key.{key}"] if key else []
        protocols += [f"tok.{token}"] if token else []
        return connect(
            f"ws://127.0.0.1:{self.port}{path}",
            subprotocols=protocols,  # type: ignore[arg-type]
            origin=origin,  # type: ignore[arg-type]
            compression=None,
            proxy=None,
            **more,
        )


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    half = len(body) // 2
    for piece in (body[:half], body[half:]):
        yield piece


def identity_token(tenant: Any, user_id: str, *, exp: Any = None, secret: str | None = None, **more: Any) -> str:
    claims = {"sub": user_id, "exp": int(time.time() + 300) if exp is None else exp} | more
    key = OctKey.import_key((tenant.identity_secret if secret is None else secret).encode())
    return jwt.encode({"alg": "HS256"}, {k: v for k, v in claims.items() if v is not None}, key, algorithms=["HS256"])


def anonymous() -> str:
    return f"anon-{uuid.uuid4()}"


def event(user_id: str, **more: Any) -> dict[str, Any]:
    return {
        "event_id": event_id(),
        "event_type": "page_view",
        "user_id": user_id,
        "session_id": "s-1",
        "timestamp": datetime.now(UTC).isoformat(),
        "url": "https://app.example.test/projects",
        "properties": {},
    } | more


def batch(user_id: str | None = None, count: int = 1, **more: Any) -> dict[str, Any]:
    user_id = user_id or anonymous()
    return {"sent_at": datetime.now(UTC).isoformat(), "events": [event(user_id) for _ in range(count)]} | more


def another_key(key: str) -> str:
    """Of the same form, and nobody's."""
    return key[:-1] + ("1" if key.endswith("0") else "0")


@dataclass(frozen=True)
class Make:
    """What tests build requests of."""

    event: Callable[..., dict[str, Any]] = event
    batch: Callable[..., dict[str, Any]] = batch
    anonymous: Callable[[], str] = anonymous
    identity_token: Callable[..., str] = identity_token
    another_key: Callable[[str], str] = another_key
    origin: str = ORIGIN


@pytest.fixture
def make() -> Make:
    return Make()


StartGateway = Callable[..., Awaitable[Running]]


@pytest.fixture
def chunked() -> bool:
    """A module that is about events overrides it with both."""
    return False


@pytest.fixture
async def start_gateway(servers: Any, chunked: bool) -> AsyncIterator[StartGateway]:
    """`await start_gateway(ping_every=0.1, ...)`: settings by name. Ended after the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**settings: Any) -> Running:
            defaults: dict[str, Any] = {
                "port": 0,
                "nats_url": servers.nats_url,
                "secrets": servers.gateway_secrets,
                "local": True,
                "graceful_timeout": 1,
            }
            wait = settings.pop("wait", True)
            lookup = {"resolve": settings.pop("resolve")} if "resolve" in settings else {}
            gateway = Gateway(Settings(**(defaults | settings)), **lookup)
            server = public_server(gateway)
            task = asyncio.create_task(server.serve())

            async def end() -> None:
                server.should_exit = True
                await task

            stack.push_async_callback(end)
            await until(lambda: server.started or task.done())
            assert not task.done()
            port = server.servers[0].sockets[0].getsockname()[1]
            client = httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30)
            stack.push_async_callback(client.aclose)
            if wait:
                await until(lambda: gateway.ready)
            return Running(gateway, port, client, end, chunked)

        yield start


@pytest.fixture
async def running(start_gateway: StartGateway) -> Running:
    return await start_gateway()


@pytest.fixture
async def tenant(make_tenant: Any, running: Running) -> Any:
    made = await make_tenant(migrate=False)
    await running.knows(made)
    return made


@pytest.fixture
async def stored(servers: Any) -> AsyncIterator[Callable[..., Awaitable[list[intake.FramedBatch]]]]:
    """`await stored(tenant, 3)`: the next 3 batches of the tenant's stream, taken as ingest takes them."""
    clients: list[Client] = []

    async def take(tenant: Any, count: int, seconds: float = 10.0) -> list[intake.FramedBatch]:
        client = Client()
        clients.append(client)
        creds = tenant.secrets / names.creds_file("ingest")
        await client.connect(servers.nats_url, user_credentials=str(creds), error_cb=_ignore)
        js = client.jetstream()
        puller = await js.pull_subscribe_bind(consumer=names.INGEST_CONSUMER, stream=names.EVENTS_STREAM)
        found: list[intake.FramedBatch] = []
        deadline = time.monotonic() + seconds
        while len(found) < count and time.monotonic() < deadline:
            with contextlib.suppress(NatsTimeoutError, TimeoutError):
                for message in await puller.fetch(100, timeout=0.3):
                    found += intake.split(message.data)
                    await message.ack()
        return found

    yield take
    for client in clients:
        await client.close()


async def _ignore(_: Exception) -> None:
    """Errors of the connection; calls that fail say so themselves."""


@pytest.fixture
def write_record(platform: Any) -> Callable[[TenantRecord], Awaitable[None]]:
    async def write(record: TenantRecord) -> None:
        bucket = await platform.account.jetstream().key_value(names.TENANTS_BUCKET)
        await bucket.put(record.name, encode(record))

    return write


@pytest.fixture
def new_key() -> Callable[..., tuple[str, KeyRecord]]:
    def make_key(kind: api_keys.KeyKind = "publishable") -> tuple[str, KeyRecord]:
        text = api_keys.generate(kind)
        parsed = api_keys.parse(text)
        assert parsed is not None
        return text, KeyRecord(parsed.key_id, kind, parsed.digest, CREATED_AT)

    return make_key


async def closing(connection: ClientConnection) -> int:
    """The code with which the other side ends the socket."""
    async with asyncio.timeout(10):
        await connection.wait_closed()
    return int(connection.close_code or 0)


@pytest.fixture
def close_code() -> Callable[[ClientConnection], Awaitable[int]]:
    return closing


@pytest.fixture
def sdk_folder(tmp_path: Path) -> Path:
    """Two built versions of a snippet."""
    for version in ("0.9.0", "0.10.0"):
        folder = tmp_path / "sdk" / version
        folder.mkdir(parents=True)
        script = f"/* {version} */".encode() + b" " * 1000
        (folder / "onboarding-agent-sdk.js").write_bytes(script)
        (folder / "ui-4f2a.js").write_bytes(b"export {}")
        (folder / "secret.txt").write_bytes(b"not in the manifest")
        files = {"onboarding-agent-sdk.js": f"sha384-{version}", "ui-4f2a.js": "sha384-ui"}
        (folder / "manifest.json").write_bytes(msgspec.json.encode({"version": version, "files": files}))
    return tmp_path / "sdk"
