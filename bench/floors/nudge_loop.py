"""The floor of the way from event to nudge: four processes that do the least, one of each role, nothing decided.

`python nudge_loop.py FILE ROLE`. gateway: POST to the stream EVENTS (202 after its acknowledgement), sockets held.
ingest: what waits into a table and Redis, a signal for each event to the stream SIGNALS, acknowledgement. agent: what
waits into a table, a core NATS message for each. realtime: from there over one TCP connection to the gateway.
Every hop is durable where the real one is, and takes all that waits at once.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import sys
import uuid
from pathlib import Path
from typing import Any

import asyncpg
import httptools
import nkeys
import redis.asyncio
import uvloop
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import FetchTimeoutError

from handrail_contracts import names, subjects

TABLES = """
CREATE TABLE IF NOT EXISTS floor_loop_events (id uuid PRIMARY KEY, user_id text NOT NULL, body jsonb NOT NULL);
CREATE TABLE IF NOT EXISTS floor_loop_nudges (id uuid PRIMARY KEY, user_id text NOT NULL, body jsonb NOT NULL);
GRANT SELECT, INSERT ON floor_loop_events, floor_loop_nudges TO PUBLIC
"""
_INSERT = "INSERT INTO {} SELECT * FROM unnest($1::uuid[], $2::text[], $3::jsonb[]) ON CONFLICT DO NOTHING"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TAKE = 500
Given = dict[str, Any]


async def _client(given: Given, role: str) -> Client:
    client = Client()
    await client.connect([given["nats"]], user_credentials=str(Path(given["secrets"]) / names.creds_file(role)))
    return client


class _Door(asyncio.Protocol):
    """One connection: requests, or a socket once it was upgraded."""

    def __init__(self, gateway: "_Gateway") -> None:
        self._gateway = gateway
        self._parser = httptools.HttpRequestParser(self)
        self._url, self._body, self._socket = b"", b"", False
        self._headers: dict[bytes, bytes] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self._socket:
            return  # a pong
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            key = base64.b64encode(hashlib.sha1(self._headers[b"sec-websocket-key"] + _GUID).digest())
            self.transport.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + key + b"\r\n\r\n"
            )
            self._socket = True
            self._gateway.sockets[self._url.rsplit(b"/", 1)[1].decode()] = self

    def on_url(self, url: bytes) -> None:
        self._url, self._body, self._headers = url, b"", {}

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if b"sec-websocket-key" not in self._headers:
            self._gateway.tell(self, self._body)

    def frame(self, payload: bytes) -> None:
        head = b"\x81" + (bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big"))
        self.transport.write(head + payload)


class _Gateway:
    def __init__(self, client: Client) -> None:
        self.sockets: dict[str, _Door] = {}
        self._js = client.jetstream(timeout=10)
        self._waiting: list[tuple[_Door, bytes]] = []
        self._wake = asyncio.Event()

    def tell(self, door: _Door, body: bytes) -> None:
        self._waiting.append((door, body))
        self._wake.set()

    async def publish(self) -> None:
        """Group commit: what came meanwhile shares the next message."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            taken, self._waiting = self._waiting, []
            await self._js.publish(subjects.EVENTS, b"\n".join(body for _, body in taken))
            for door, _ in taken:
                door.transport.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")

    async def relay(self, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            user, _space, payload = line.rstrip().partition(b" ")
            if (door := self.sockets.get(user.decode())) is not None:
                door.frame(payload)


async def gateway(given: Given) -> None:
    client = Client()
    await client.connect(
        [given["nats"]],
        user_jwt_cb=lambda: given["jwt"].encode(),
        signature_cb=lambda nonce: base64.b64encode(nkeys.from_seed(given["seed"].encode()).sign(nonce.encode())),
    )
    found = _Gateway(client)
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: _Door(found), "127.0.0.1", given["port"], backlog=2048)
    await asyncio.start_server(found.relay, "127.0.0.1", given["link"])
    await found.publish()


async def _take(client: Client, stream: str, consumer: str) -> Any:
    pull = await client.jetstream(timeout=10).pull_subscribe_bind(consumer=consumer, stream=stream)

    async def take() -> list[Msg]:
        while True:
            with contextlib.suppress(FetchTimeoutError, TimeoutError):
                if found := list(await pull.fetch(TAKE, timeout=5)):
                    return found

    return take


async def ingest(given: Given) -> None:
    client = await _client(given, "ingest")
    database = await asyncpg.connect((Path(given["secrets"]) / names.DATABASE_URL_FILE).read_text().strip())
    store = redis.asyncio.Redis.from_url((Path(given["secrets"]) / names.REDIS_URL_FILE).read_text().strip())
    insert = await database.prepare(_INSERT.format("floor_loop_events"))
    js = client.jetstream(timeout=10)
    take = await _take(client, names.EVENTS_STREAM, names.INGEST_CONSUMER)
    while True:
        messages = await take()
        lines = [line for message in messages for line in message.data.split(b"\n")]
        events = [json.loads(line) for line in lines]
        users = [event["user_id"] for event in events]
        await insert.fetch([uuid.uuid4() for _ in events], users, [line.decode() for line in lines])
        await store.mset(
            {names.session_key(given["prefix"], user): line for user, line in zip(users, lines, strict=True)}
        )
        flights = [await js.publish_async(subjects.signal("rage_click"), line) for line in lines]
        await asyncio.gather(*flights)
        for message in messages:
            await message.ack()


async def agent(given: Given) -> None:
    client = await _client(given, "agent")
    database = await asyncpg.connect((Path(given["secrets"]) / names.DATABASE_URL_FILE).read_text().strip())
    insert = await database.prepare(_INSERT.format("floor_loop_nudges"))
    take = await _take(client, names.SIGNALS_STREAM, names.AGENT_CONSUMER)
    while True:
        messages = await take()
        users = [json.loads(message.data)["user_id"] for message in messages]
        await insert.fetch([uuid.uuid4() for _ in users], users, [message.data.decode() for message in messages])
        for user, message in zip(users, messages, strict=True):
            await client.publish(subjects.nudge(user), message.data)
            await message.ack()


async def realtime(given: Given) -> None:
    client = await _client(given, "realtime")
    _, writer = await asyncio.open_connection("127.0.0.1", given["link"])

    async def relay(message: Msg) -> None:
        writer.write(json.loads(message.data)["user_id"].encode() + b" " + message.data + b"\n")

    await client.subscribe(subjects.NUDGES_ALL, cb=relay)
    await asyncio.Event().wait()


ROLES = {"gateway": gateway, "ingest": ingest, "agent": agent, "realtime": realtime}

if __name__ == "__main__":
    uvloop.run(ROLES[sys.argv[2]](json.loads(Path(sys.argv[1]).read_text())))
