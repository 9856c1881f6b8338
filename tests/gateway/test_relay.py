"""The tenant's API, relayed to realtime: who may ask, what goes along, what is never sent twice."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from handrail_contracts import names, principal
from handrail_gateway.relay import MOST_RELAYED


class Realtime:
    """An HTTP server that keeps what it was asked and answers the same to all."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answer = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: "e"\r\nX-Internal: no\r\n'
        self.body = b'{"items":[],"next":null}'
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        self.asked.append((head[0], {name.lower(): value for name, value in headers.items()}))
        length = f"Content-Length: {len(self.body)}\r\nConnection: close\r\n\r\n".encode()
        writer.write(self.answer + length + self.body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def realtime() -> AsyncIterator[Realtime]:
    made = Realtime()
    server = await asyncio.start_server(made.handle, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield made
    server.close()
    await server.wait_closed()


async def test_reads_are_relayed_with_a_principal(running: Any, make_tenant: Any, realtime: Realtime) -> None:
    dead = "http://127.0.0.1:1"
    tenant = await make_tenant(migrate=False, realtime=[dead, realtime.url])
    await running.knows(tenant)
    paths = [
        "/api/v1/events?user_id=a%2Fb&limit=5",
        "/api/v1/users",
        "/api/v1/users/a%2Fb%20%C3%A4%3F..%2E",
        "/api/v1/sessions",
        "/api/v1/nudges?since=2026-01-01T00%3A00%3A00Z",
        "/api/v1/decisions",
        "/api/v1/escalations",
        "/api/v1/targets?state=missing",
    ]
    for path in paths:
        answer = await running.client.get(path, headers=running.secret(tenant, **{"X-Request-ID": "r-1"}))
        assert (answer.status_code, answer.json()) == (200, {"items": [], "next": None}), path
        assert (answer.headers["etag"], answer.headers["x-request-id"]) == ('"e"', "r-1")
        assert "x-internal" not in answer.headers
    assert [line for line, _ in realtime.asked] == [f"GET {path} HTTP/1.1" for path in paths]
    sent = realtime.asked[0][1]
    assert "x-api-key" not in sent
    assert sent["x-request-id"] == "r-1"
    keys = KeySet.import_key_set(json.loads((tenant.secrets / names.PRINCIPAL_KEYS_FILE).read_text()))
    claims = jwt.decode(sent["x-handrail-principal"], keys, algorithms=[principal.ALGORITHM]).claims
    key_id = next(key.key_id for key in tenant.record.keys if key.kind == "secret")
    assert (claims["aud"], claims["sub"], claims["scope"]) == (tenant.name, key_id, "secret")
    assert claims["exp"] <= time.time() + principal.TTL


ITEM = "0198c0de-0000-7000-8000-000000000001"
CHANGES = (
    ("DELETE", "/api/v1/deadletters"),
    ("POST", "/api/v1/deadletters/retry"),
    ("DELETE", f"/api/v1/deadletters/{ITEM}"),
    ("POST", f"/api/v1/deadletters/{ITEM}/retry"),
    ("POST", f"/api/v1/runs/{ITEM}/resume"),
    ("POST", f"/api/v1/escalations/{ITEM}/close"),
)


async def test_changes_are_relayed_for_a_secret_key_alone(running: Any, make_tenant: Any, realtime: Realtime) -> None:
    tenant = await make_tenant(migrate=False, realtime=["http://127.0.0.1:1", realtime.url])
    await running.knows(tenant)
    publishable = {"X-API-Key": tenant.keys["publishable"]}
    for method, path in CHANGES:
        for headers, status in (
            ({}, 401),
            (publishable, 403),
            (running.secret(tenant, Origin="https://app.acme.test"), 403),
        ):
            assert (await running.client.request(method, path, headers=headers)).status_code == status, (method, path)
        answer = await running.client.request(method, path, headers=running.secret(tenant), content=b'{"ids": []}')
        assert (answer.status_code, answer.json()["errors"][0]["msg"]) == (422, "no body is taken here")
        answer = await running.client.request(method, path, headers=running.secret(tenant), content=b" " * 2000)
        assert answer.status_code == 413
        assert not realtime.asked
        answer = await running.client.request(method, path, headers=running.secret(tenant))
        assert (answer.status_code, answer.json()) == (200, {"items": [], "next": None})
        assert [line for line, _ in realtime.asked] == [f"{method} {path} HTTP/1.1"]
        realtime.asked.clear()
    for method, path in (
        ("DELETE", "/api/v1/deadletters/a%2Fretry"),
        ("POST", f"/api/v1/runs/..%2F{ITEM}/resume"),
        ("POST", f"/api/v1/escalations/{ITEM}%2F/close"),
    ):
        answer = await running.client.request(method, path, headers=running.secret(tenant))
        assert answer.status_code == 422, path
    assert not realtime.asked


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_change_is_never_sent_twice(running: Any, make_tenant: Any, when: str) -> None:
    """Two instances that both hang up: the second is not asked, for the first may have done it."""
    asked: list[bytes] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        if when == "after":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{")
            await writer.drain()
        writer.close()

    servers = [await asyncio.start_server(hang_up, "127.0.0.1", 0) for _ in range(2)]
    urls = [f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers]
    try:
        tenant = await make_tenant(migrate=False, realtime=urls)
        await running.knows(tenant)
        answer = await running.client.post("/api/v1/deadletters/retry", headers=running.secret(tenant))
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert len(asked) == 1
    finally:
        for server in servers:
            server.close()
            await server.wait_closed()


async def test_a_realtime_that_hangs_leaves_other_tenants_their_share(
    running: Any, make_tenant: Any, realtime: Realtime
) -> None:
    waiting: list[asyncio.StreamWriter] = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        waiting.append(writer)

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    stuck = await make_tenant(migrate=False, realtime=[url])
    other = await make_tenant(migrate=False, realtime=[realtime.url])
    await running.knows(stuck)
    await running.knows(other)
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(base_url=running.url, trust_env=False, timeout=60, limits=limits) as client:
        asked = [
            asyncio.create_task(client.get("/api/v1/users", headers=running.secret(stuck)))
            for _ in range(MOST_RELAYED // 2)
        ]
        await running.until(lambda: len(waiting) == len(asked), 30)
        refused = await client.get("/api/v1/users", headers=running.secret(stuck))
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert int(refused.headers["retry-after"]) >= 1
        assert (await client.get("/api/v1/users", headers=running.secret(other))).status_code == 200
        for writer in waiting:
            writer.close()
        assert {(await one).status_code for one in asked} == {503}
        # What has ended counts no more.
        again = asyncio.create_task(client.get("/api/v1/users", headers=running.secret(stuck)))
        await running.until(lambda: len(waiting) > len(asked))
        waiting[-1].close()
        assert (await again).status_code == 503
    server.close()
    await server.wait_closed()


async def test_what_realtime_says_comes_back(running: Any, make_tenant: Any, realtime: Realtime) -> None:
    tenant = await make_tenant(migrate=False, realtime=[realtime.url])
    await running.knows(tenant)
    realtime.answer = b"HTTP/1.1 422 Unprocessable\r\nContent-Type: application/problem+json\r\n"
    realtime.body = b'{"code":"invalid"}'
    answer = await running.client.get("/api/v1/events?limit=9999", headers=running.secret(tenant))
    assert (answer.status_code, answer.json()) == (422, {"code": "invalid"})
    realtime.answer = b"HTTP/1.1 401 No\r\nContent-Type: application/problem+json\r\n"
    answer = await running.client.get("/api/v1/events", headers=running.secret(tenant))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_reads_while_nobody_is_there(running: Any, make_tenant: Any, platform: Any, write_record: Any) -> None:
    tenant = await make_tenant(migrate=False, realtime=["http://127.0.0.1:1"])
    await running.knows(tenant)
    woken: list[str] = []

    async def note(message: Any) -> None:
        woken.append(message.subject)

    subscription = await platform.account.subscribe("wake.*", cb=note)
    await platform.account.flush()
    for phase, code in (("Ready", "unavailable"), ("Suspended", "suspended"), ("Sleeping", "asleep")):
        await write_record(msgspec.structs.replace(tenant.record, phase=phase))
        await running.until(lambda phase=phase: running.gateway.directory.get(tenant.name).record.phase == phase)
        answer = await running.client.get("/api/v1/users", headers=running.secret(tenant))
        assert (answer.status_code, answer.json()["code"]) == (503, code)
        assert answer.json()["detail"]
        assert int(answer.headers["retry-after"]) >= 1
        config = await running.client.get("/api/v1/config", headers=running.secret(tenant))
        assert config.status_code == 200
    await running.until(lambda: woken == [f"wake.{tenant.name}"])
    await subscription.unsubscribe()


async def test_who_may_read(running: Any, tenant: Any, make: Any) -> None:
    paths = ["/api/v1/events", "/api/v1/users", "/api/v1/users/a", "/api/v1/config", "/api/v1/keys"]
    for path in paths:
        cases: list[tuple[dict[str, str], int, str]] = [
            ({}, 401, "key_missing"),
            ({"X-API-Key": "x"}, 401, "key_unknown"),
            ({"X-API-Key": tenant.keys["publishable"]}, 403, "scope"),
            (running.secret(tenant, Origin=make.origin), 403, "origin"),
        ]
        for headers, status, code in cases:
            answer = await running.client.get(path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (status, code), (path, headers)
            assert answer.headers["content-type"] == "application/problem+json"
    for user_id in ("%2E", "%2E%2E", "%00", "%FF", "x" * 201):
        answer = await running.client.get(f"/api/v1/users/{user_id}", headers=running.secret(tenant))
        assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["user_id"]), user_id
