"""Bytes that are HTTP or WebSocket only nearly: one answer at most for each, and nothing smuggled past the door."""

import contextlib
import os
import socket
import struct
import uuid
from typing import Any

import pytest
from tests.hostile.wire import read
from tests.hostile.world import World

H = b"Host: x\r\n"
SMUGGLED = b"GET /api/v1/config HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /api/v1/events HTTP/1.1\r\n" + H + b"Content-Type: application/json\r\n"

CLOSE = b"Connection: close\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"

SHAPES: dict[str, tuple[bytes, set[int]]] = {
    "both lengths": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, {400}),
    "two lengths": (POST + b"Content-Length: 2\r\nContent-Length: 60\r\n\r\n{}" + SMUGGLED, {400}),
    "two equal lengths": (POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", {400, 401}),
    "length list": (POST + b"Content-Length: 2, 2\r\n\r\n{}", {400}),
    "negative length": (POST + b"Content-Length: -1\r\n\r\n{}", {400}),
    "signed length": (POST + b"Content-Length: +2\r\n\r\n{}", {400}),
    "hex length": (POST + b"Content-Length: 0x2\r\n\r\n{}", {400}),
    "huge length": (POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n{}", {400, 413}),
    "te twice": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", {400}),
    "te xchunked": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", {400}),
    "te with tab": (POST + b"Transfer-Encoding:\tchunked, x\r\n\r\n0\r\n\r\n", {400}),
    "te space before colon": (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", {400}),
    "bad chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", {400, 401}),
    "huge chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n", {400, 401}),
    "chunk extension": (POST + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n0;" + b"x" * 9000 + b"\r\n\r\n", {400, 401}),
    "bare lf": (b"GET /healthz HTTP/1.1\nHost: x\nConnection: close\n\n", {200, 400}),
    "obs-fold": (b"GET /healthz HTTP/1.1\r\n" + H + b"X: a\r\n b\r\nConnection: close\r\n\r\n", {200, 400}),
    "nul in header": (b"GET /healthz HTTP/1.1\r\n" + H + b"X: a\0b\r\n\r\n", {400}),
    "cr in header": (b"GET /healthz HTTP/1.1\r\n" + H + b"X: a\rb\r\n\r\n", {400}),
    "header without colon": (b"GET /healthz HTTP/1.1\r\n" + H + b"nothing\r\n\r\n", {400}),
    "header without name": (b"GET /healthz HTTP/1.1\r\n" + H + b": x\r\n\r\n", {400}),
    "http/0.9": (b"GET /healthz\r\n\r\n", {400, 200}),
    "http/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400}),
    "http/9.9": (b"GET /healthz HTTP/9.9\r\n\r\n", {400}),
    "connect": (b"CONNECT evil.test:443 HTTP/1.1\r\n" + H + b"Connection: close\r\n\r\n", {400, 404, 405}),
    "options star": (b"OPTIONS * HTTP/1.1\r\n" + H + b"Connection: close\r\n\r\n", {400, 404, 405}),
    "authority form": (b"GET evil.test:443 HTTP/1.1\r\n" + H + b"\r\n", {400}),
    "fragment": (b"GET /healthz#x HTTP/1.1\r\n" + H + b"Connection: close\r\n\r\n", {200, 400}),
    "space in target": (b"GET /a b HTTP/1.1\r\n" + H + b"\r\n", {400}),
    "long target": (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", {413}),
    "no end of headers": (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 12_000, {413}),
    "upgrade to h2c": (b"GET /healthz HTTP/1.1\r\n" + H + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", {200, 400}),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", {400}),
    "rubbish": (bytes(range(256)), {400}),
    "ssh": (b"SSH-2.0-OpenSSH_9.9\r\n", {400}),
    "socket without key": (b"GET /ws/a HTTP/1.1\r\n" + H + UPGRADE + b"\r\n", {400, 426}),
    "post as socket": (POST + UPGRADE + b"Content-Length: 2\r\n\r\n{}", {400, 401, 405}),
}  # fmt: skip


def _talk(port: int, sent: bytes) -> bytes:
    """What comes back to bytes after which nothing more is sent."""
    found = bytearray()
    with socket.create_connection(("127.0.0.1", port), 30) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(65536):
            found += part
    return bytes(found)


@pytest.mark.slow
def test_nearly_http(world: World) -> None:
    wrong: list[Any] = []
    for name, (sent, expect) in SHAPES.items():
        raw = _talk(world.port, sent)
        if raw.count(b"HTTP/1.1 ") > 1:
            wrong.append((name, "two answers", raw[:300]))
        elif not raw or read(raw).status not in expect:
            wrong.append((name, raw[:300]))
        elif read(raw).status in (400, 413) and b"websocket" not in sent and b"problem+json" not in raw:
            wrong.append((name, "no problem body", raw[:300]))
    assert not wrong, "\n".join(map(str, wrong))
    world.serves()


def _frame(opcode: int, payload: bytes, *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    head = bytes([fin << 7 | rsv << 4 | opcode])
    bit = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
    mask = os.urandom(4) if masked else b""
    return head + mask + (bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)) if masked else payload)


FRAMES: dict[str, tuple[bytes, set[int]]] = {
    "unmasked": (_frame(1, b"{}", masked=False), {1002}),
    "reserved bits": (_frame(1, b"{}", rsv=4), {1002}),
    "compressed": (_frame(1, b"\xaaV*J-.\xcd)\x01\x00", rsv=4), {1002}),
    "unknown opcode": (_frame(3, b""), {1002}),
    "unknown control opcode": (_frame(11, b""), {1002}),
    "continuation of nothing": (_frame(0, b"x"), {1002}),
    "text within text": (_frame(1, b"a", fin=False) + _frame(1, b"b"), {1002}),
    "long ping": (_frame(9, b"x" * 126), {1002}),
    "cut ping": (_frame(9, b"x", fin=False), {1002}),
    "no utf-8": (_frame(1, b"\xff\xfe"), {1007}),
    "binary": (_frame(2, b"x"), {1003}),
    "fragments too large": (_frame(1, b"x" * 3000, fin=False) + _frame(0, b"x" * 3000), {4413}),
    "fragments without end": (_frame(1, b"x", fin=False) + _frame(0, b"", fin=False) * 3000, {4429}),
    "says it is huge": (b"\x81\xff" + struct.pack(">Q", 2**62) + b"mask", {4413, 1002}),
    "bad length": (b"\x81\xff" + struct.pack(">Q", 2**63 + 1) + b"mask", {1002, 4413}),
    "too fast": (_frame(1, b'{"type":"resume","last_seq":0}') * 500, {4429}),
    "ping flood": (_frame(9, b"x") * 20_000, {4429}),
    "pong flood": (_frame(10, b"x") * 20_000, {4429}),
    "bad close code": (_frame(8, struct.pack(">H", 1005)), {1002}),
    "close of one byte": (_frame(8, b"x"), {1002}),
    "deep": (_frame(1, b"[" * 4000), {1007}),
    "surrogate": (_frame(1, b'{"type":"\\ud800"}'), {1007}),
    "large number": (_frame(1, b'{"type":"ack","seq":' + b"9" * 4000 + b"}"), {1007}),
}


def _close_code(raw: bytes) -> int | None:
    """The code of the close frame among the server's frames, or None."""
    at = 0
    while at + 2 <= len(raw):
        opcode, size = raw[at] & 15, raw[at + 1] & 127
        at += 2
        if size == 126:
            size, at = int.from_bytes(raw[at : at + 2]), at + 2
        elif size == 127:
            size, at = int.from_bytes(raw[at : at + 8]), at + 8
        if opcode == 8:
            return int.from_bytes(raw[at : at + 2])
        at += size
    return None


def _opened(world: World, user: str, token: str) -> socket.socket:
    """A browser's socket, its handshake done, nothing of it in the way of what is sent next."""
    connection = socket.create_connection(("127.0.0.1", world.port), 60)
    head = (
        f"GET /ws/{user}?key={world.key()}&token={token} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    connection.sendall(head.encode())
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(1)
    assert got.startswith(b"HTTP/1.1 101 ")
    return connection


def _token(world: World, user: str) -> str:
    answer = world.send("POST", "/api/v1/identify", {"user_id": user}, key=world.key())
    return str(answer.json["token"])


@pytest.mark.slow
def test_nearly_websocket(world: World) -> None:
    user = f"anon-{uuid.uuid4()}"
    token = _token(world, user)

    def closed(frames: bytes) -> int | None:
        with _opened(world, user, token) as connection, contextlib.suppress(ConnectionError):
            got = b""
            with contextlib.suppress(ConnectionError):
                connection.sendall(frames)
            while (code := _close_code(got)) is None and (part := connection.recv(65536)):
                got += part
            return code
        return None

    codes = {name: closed(frames) for name, (frames, _) in FRAMES.items()}
    assert {name: code for name, code in codes.items() if code not in FRAMES[name][1]} == {}
    world.serves()
    assert world.complaints() == []


@pytest.mark.slow
def test_who_does_not_answer_a_close_is_let_go(world: World) -> None:
    user = f"anon-{uuid.uuid4()}"
    with _opened(world, user, _token(world, user)) as connection:
        connection.sendall(_frame(2, b"x"))
        with contextlib.suppress(ConnectionError):
            while connection.recv(65536):
                pass
    world.serves()
