"""What anybody may send without a key is bounded in size and time, and answered in the one form."""

import asyncio
import json
import logging
from typing import Any

import pytest


async def exchange(port: int, *parts: bytes, seconds: float = 10.0) -> bytes:
    """Everything the gateway says until it closes, to `parts` sent one after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(seconds):
            for part in parts:
                writer.write(part)
                try:
                    await writer.drain()
                except ConnectionError:
                    break
            return await reader.read()
    finally:
        writer.close()


def read(answer: bytes) -> tuple[int, dict[str, str], Any]:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, json.loads(body)


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"FOO /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /api/v1/events HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/v1/events HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 40\r\n\r\nabcd",
        b"GET /api/v1/users/\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
async def test_what_is_no_http_gets_the_one_error_body(running: Any, request_: bytes) -> None:
    status, headers, body = read(await exchange(running.port, request_))
    assert (status, headers["content-type"], body["code"]) == (400, "application/problem+json", "bad_request")
    assert headers["x-request-id"] == body["request_id"] != ""
    assert headers["access-control-allow-origin"] == "*"


async def test_a_head_has_its_bound(running: Any) -> None:
    piece = b"a" * 16_000
    for parts in (
        # In pieces, each on its own, and all at once.
        [b"GET /healthz HTTP/1.1\r\nX: ", *[piece] * 5],
        [b"GET /healthz?", *[piece] * 5],
        [b"GET /healthz HTTP/1.1\r\n", *[b"X: " + piece + b"\r\n"] * 5],
        [b"GET /healthz HTTP/1.1\r\nX: " + piece * 5 + b"\r\n\r\n"],
    ):
        status, headers, body = read(await exchange(running.port, *parts))
        assert (status, body["code"], headers["content-type"]) == (413, "too_large", "application/problem+json")
    whole = b"GET /healthz HTTP/1.1\r\nX: " + piece * 3 + b"\r\nConnection: close\r\n\r\n"
    assert read(await exchange(running.port, whole))[0] == 200
    # A long body is no part of it, nor is a request that follows one.
    body = b"[" + b" " * 300_000 + b"]"
    post = b"POST /api/v1/events HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert (await exchange(running.port, post + body + whole)).count(b"HTTP/1.1 ") == 2


async def test_what_never_ends_is_ended(start_gateway: Any) -> None:
    running = await start_gateway(head_timeout=0.2, body_timeout=0.4)
    length = b"POST /api/v1/identify HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n{"
    healthz = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    assert await exchange(running.port) == b""
    assert await exchange(running.port, b"GET /heal") == b""
    assert await exchange(running.port, length) == b""
    # Answered before the body has come, and not held for the rest of it.
    large = length.replace(b"100", b"1000000")
    assert b" 413 " in await exchange(running.port, large)
    # The second request of a connection, too.
    assert (await exchange(running.port, healthz, b"GET /he")).count(b" 200 OK") == 1


async def test_an_idle_connection_and_an_open_socket_stay(start_gateway: Any, make_tenant: Any, make: Any) -> None:
    running = await start_gateway(head_timeout=0.05, body_timeout=0.05)
    tenant = await make_tenant(migrate=False)
    await running.knows(tenant)
    user = make.anonymous()
    token = await running.token(tenant, user)
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    healthz = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    writer.write(healthz)
    assert b" 200 " in await reader.readuntil(b"}")
    async with running.socket(f"/ws/{user}", key=tenant.keys["publishable"], token=token) as socket:
        loop = asyncio.get_running_loop()
        late = loop.create_future()
        loop.call_later(0.3, late.set_result, None)
        await late
        await (await socket.ping())
        writer.write(healthz)
        assert b" 200 " in await reader.readuntil(b"}")
    writer.close()


async def test_a_refused_handshake_is_no_error_of_ours(running: Any, caplog: pytest.LogCaptureFixture) -> None:
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    request = (
        b"GET /elsewhere HTTP/1.1\r\nHost: x\r\n" + upgrade + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with caplog.at_level(logging.WARNING):
        status, _, body = read(await exchange(running.port, request))
    assert (status, body["code"]) == (404, "not_found")
    assert not caplog.records
