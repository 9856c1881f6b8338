"""Many connections that do nothing good: the normal client beside them is served."""

import asyncio
import contextlib
import json
import os
import socket
import struct
import uuid
from collections import Counter
from typing import Any

import pytest
from tests.hostile.world import World
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

HEAD = b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\n"
SLOW = 300
SOCKETS = 1000
AT_ONCE = 50
PER_USER = 10
HEAD_SECONDS, BODY_SECONDS = 20, 60
"""What the gateway gives a request by default."""


def _slow(world: World, number: int) -> tuple[socket.socket, bytes]:
    """A connection with the beginning of a request, and the piece of which more is sent from time to time."""
    connection = socket.create_connection(("127.0.0.1", world.port), 30)
    key = f"X-API-Key: {world.key()}\r\nContent-Type: application/json\r\n".encode()
    kinds = (
        (HEAD + b"X-", b"a"),
        (HEAD + key + b"Content-Length: 60000\r\n\r\n[", b" "),
        (HEAD + key + b"Content-Length: 500000\r\n\r\n[", b" "),
        (HEAD + key + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (b"GET /ws/a HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-", b"a"),
        (b"", b"P"),
    )
    first, more = kinds[number % len(kinds)]
    connection.sendall(first)
    return connection, more


def _drip(slow: list[tuple[socket.socket, bytes]]) -> None:
    for connection, piece in slow:
        with contextlib.suppress(OSError):
            connection.sendall(piece)


@pytest.mark.slow
def test_slow_senders_leave_others_their_service(world: World) -> None:
    with contextlib.ExitStack() as stack:
        slow = [_slow(world, number) for number in range(SLOW)]
        for connection, _ in slow:
            stack.enter_context(connection)
        for _ in range(5):
            _drip(slow)
            world.serves()
        # Gone without a word.
        for connection, _ in slow[::2]:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        world.serves()
    world.serves()


@pytest.mark.soak
async def test_slow_senders_are_let_go(world: World) -> None:
    """However steadily they send."""
    slow = [_slow(world, number) for number in range(SLOW)]
    loop = asyncio.get_running_loop()
    ends = loop.time() + HEAD_SECONDS + BODY_SECONDS + 30
    left = dict(enumerate(slow))
    while left:
        assert loop.time() < ends, f"{len(left)} are still there"
        for number, (connection, piece) in list(left.items()):
            connection.setblocking(False)
            try:
                connection.sendall(piece)
                gone = connection.recv(65536) == b""
            except BlockingIOError:
                continue
            except OSError:
                gone = True
            if gone:
                connection.close()
                del left[number]
        await asyncio.sleep(1)  # the pace of what is sent
    await asyncio.to_thread(world.serves)


@pytest.mark.slow
async def test_a_thousand_sockets_of_one_user(world: World) -> None:
    user, other = f"anon-{uuid.uuid4()}", f"anon-{uuid.uuid4()}"
    count = int(os.environ.get("HANDRAIL_HOSTILE_SOCKETS", SOCKETS))
    answer = world.send("POST", "/api/v1/identify", {"user_id": user}, key=world.key())
    mine = ["handrail.v1", f"key.{world.key()}", f"tok.{answer.json['token']}"]
    answer = world.send("POST", "/api/v1/identify", {"user_id": other}, key=world.key())
    theirs = ["handrail.v1", f"key.{world.key()}", f"tok.{answer.json['token']}"]

    def opening(who: str, protocols: list[str]) -> Any:
        url = f"ws://127.0.0.1:{world.port}/ws/{who}"
        return connect(url, subprotocols=protocols, proxy=None, compression=None, close_timeout=5)  # type: ignore[arg-type]

    async def first_word(opened: Any) -> str:
        """`hello`, or the code with which it was closed."""
        try:
            async with asyncio.timeout(60):
                return str(json.loads(await opened.recv())["type"])
        except ConnectionClosed as closed:
            return str(closed.rcvd.code if closed.rcvd else None)

    said: Counter[str] = Counter()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(count // AT_ONCE):
            some = await asyncio.gather(*(stack.enter_async_context(opening(user, mine)) for _ in range(AT_ONCE)))
            said.update(await asyncio.gather(*(first_word(one) for one in some)))
        assert said == {"hello": PER_USER, "4409": count - PER_USER}
        async with opening(other, theirs) as another:
            assert await first_word(another) == "hello"
    async with opening(user, mine) as again:
        # Their room is free once the gateway has seen them leave.
        assert await first_word(again) in ("hello", "4409")
    await asyncio.to_thread(world.serves)
