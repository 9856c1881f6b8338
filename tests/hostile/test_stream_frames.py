"""Messages on the streams that no gateway and no runtime of ours wrote: put aside or passed over, and worked on."""

import base64
import random
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import nkeys
import pytest
from nats.aio.client import Client
from tests.hostile.world import batch, event
from tests.runtime.processes import eventually, start_runtime

from handrail_contracts import intake, names, subjects, times

ROUGH = random.Random(7)
META = intake.BatchMeta(times.micros(datetime.now(UTC)))
SHALLOW = msgspec.json.encode(batch("a", properties={"here": 1}))
DEEP = SHALLOW.replace(b'{"here":1}', b'{"a":' * 5000 + b"1" + b"}" * 5000)
TWO = [event(user_id) for user_id in ("a", "b") for _ in range(2)]


def _good(user_id: str) -> bytes:
    return intake.frame(META, msgspec.json.encode(batch(user_id)))


def _framed(meta: bytes, body: bytes) -> bytes:
    return struct.pack(">II", len(meta), len(body)) + meta + body


EVENTS: dict[str, bytes] = {
    "rubbish": bytes(range(256)),
    "one byte": b"\0",
    "seven bytes": b"\0" * 7,
    "lengths of nothing": b"\0" * 8,
    "many lengths of nothing": b"\0" * 80_000,
    "says it is huge": b"\xff" * 8,
    "cut in the body": _good("a")[:-3],
    "cut in the meta": _good("a")[:12],
    "good, then cut": _good("first of a cut message") + _good("a")[:-3],
    "no meta": _framed(b"", msgspec.json.encode(batch("a"))),
    "meta of another type": _framed(msgspec.msgpack.encode({"received_at": 1}), b"{}"),
    "meta of wrong values": _framed(msgspec.msgpack.encode(["now", None, 7]), b"{}"),
    "received in no year": _framed(msgspec.msgpack.encode([2**62]), msgspec.json.encode(batch("a"))),
    "received before all": _framed(msgspec.msgpack.encode([-(2**62)]), msgspec.json.encode(batch("a"))),
    "skewed for ever": _framed(msgspec.msgpack.encode([META.received_at, 2**62]), msgspec.json.encode(batch("a"))),
    "deep meta": _framed(b"\x91" * 50_000, b"{}"),
    "not json": intake.frame(META, b"<html>"),
    "deep json": intake.frame(META, b"[" * 100_000),
    "deep properties": intake.frame(META, DEEP),
    "not utf-8": intake.frame(META, b'{"events": [{"user_id": "\xff"}]}'),
    "5,000 digits": intake.frame(META, b'{"events": ' + b"9" * 5000 + b"}"),
    "no events": intake.frame(META, b"{}"),
    "events of two users": intake.frame(META, msgspec.json.encode({"events": TWO})),
    "nul in the id": intake.frame(META, msgspec.json.encode(batch("a\0b"))),
    "nul in properties": intake.frame(META, msgspec.json.encode(batch("a", properties={"x": "\0"}))),
    "unknown type": intake.frame(META, msgspec.json.encode(batch("a", event_type="\u202e" * 100))),
    "not gzip": b"\x1f\x8b" + bytes(100),
    **{f"chance {n}": ROUGH.randbytes(ROUGH.randrange(1, 4000)) for n in range(20)},
}
READABLE = ("first of a cut message",)
"""Users whose events can be read in spite of what is beside them."""
SIGNALS: dict[str, bytes] = {
    "empty": b"",
    "rubbish": bytes(range(256)),
    "null": b"null",
    "list": b"[]",
    "no fields": b"{}",
    "deep": b"[" * 100_000,
    "deep object": b'{"a":' * 50_000,
    "wrong types": b'{"signal_id": 1, "user_id": [], "kind": {}}',
    "not utf-8": b'{"user_id": "\xff"}',
    **{f"chance {n}": ROUGH.randbytes(ROUGH.randrange(1, 4000)) for n in range(5)},
}


LAST = "the last one"
"""Whose event follows all of them."""


async def _publish(servers: Any, tenant: Any) -> None:
    """As the gateway and ingest may, and so as whoever steals their credentials may."""
    publish = tenant.record.publish
    gateway, ingest = Client(), Client()
    await gateway.connect(
        servers.nats_url,
        user_jwt_cb=lambda: publish.jwt.encode(),
        signature_cb=lambda nonce: base64.b64encode(nkeys.from_seed(publish.seed.encode()).sign(nonce.encode())),
    )
    try:
        await ingest.connect(servers.nats_url, user_credentials=str(tenant.secrets / names.creds_file("ingest")))
        for message in (*EVENTS.values(), _good(LAST)):
            await gateway.jetstream().publish(subjects.EVENTS, message)
        for message in SIGNALS.values():
            await ingest.jetstream().publish(subjects.signal("rage_click"), message)
        await gateway.flush()
    finally:
        await gateway.close()
        await ingest.close()


async def _left(servers: Any, tenant: Any, role: str, stream: str, consumer: str) -> int:
    """How many messages are not worked off."""
    client = Client()
    await client.connect(servers.nats_url, user_credentials=str(tenant.secrets / names.creds_file(role)))
    try:
        info = await client.jetstream().consumer_info(stream, consumer)
        return (info.num_pending or 0) + (info.num_ack_pending or 0)
    finally:
        await client.close()


@pytest.mark.slow
async def test_a_runtime_lives_with_whatever_stands_on_its_streams(
    servers: Any, make_tenant: Any, tmp_path: Path
) -> None:
    tenant = await make_tenant(spec={"identity": {"enforce": False}})
    database = await asyncpg.connect(tenant.text(names.DATABASE_URL_FILE).strip())
    runtime = await start_runtime(tenant, servers.nats_url, "ingest,agent", tmp_path / "log")
    try:
        await _publish(servers, tenant)

        async def worked_off() -> bool:
            assert runtime.runs(), runtime.log.read_text()[-3000:]
            return not (
                await _left(servers, tenant, "ingest", names.EVENTS_STREAM, names.INGEST_CONSUMER)
                or await _left(servers, tenant, "agent", names.SIGNALS_STREAM, names.AGENT_CONSUMER)
            )

        await eventually(worked_off)
        users = {row["user_id"] for row in await database.fetch("SELECT DISTINCT user_id FROM events")}
        assert {LAST, *READABLE} <= users
        assert not {user for user in users if "\0" in user}
        letters = await database.fetch("SELECT kind, reason, payload FROM dead_letters")
        assert all(letter["reason"] for letter in letters)
        kept = {bytes(letter["payload"]) for letter in letters}
        whole = ("rubbish", "one byte", "says it is huge", "cut in the body", "deep meta", "meta of wrong values")
        assert [name for name in whole if EVENTS[name] not in kept] == []
        assert await runtime.answers()
    finally:
        await database.close()
        code = await runtime.stop()
    assert code == 0
    assert "Traceback" not in runtime.log.read_text()
