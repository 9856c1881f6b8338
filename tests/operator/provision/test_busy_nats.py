"""A NATS server that was busy while somebody connected."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest
from tests.conftest import RunningServers

from handrail_operator.provision import nats_claims, nats_connection, nats_jwt

WITHIN = 30.0
"""Seconds."""


@asynccontextmanager
async def answering_late(url: str) -> AsyncIterator[str]:
    """The server there, which answers the first word of a connection after it has asked whether anybody is there: as
    it does when it was busy for two seconds."""
    place = urlsplit(url)
    held = 0
    served: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.current_task())  # type: ignore[arg-type]
        from_server, to_server = await asyncio.open_connection(place.hostname, place.port)
        asked = asyncio.Event()

        async def up() -> None:
            nonlocal held
            async for line in reader:
                if line == b"PING\r\n" and not asked.is_set():
                    held += 1
                    await asked.wait()
                to_server.write(line)
            to_server.close()

        async def down() -> None:
            async for line in from_server:
                writer.write(line)
                if line == b"PING\r\n":
                    await writer.drain()
                    asked.set()
            writer.close()

        with suppress(OSError):
            await asyncio.gather(up(), down())

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.gather(*served)
    assert held, "it answered in time"


@pytest.mark.slow
async def test_its_own_question_is_not_taken_for_its_answer(servers: RunningServers) -> None:
    access = servers.access
    async with (
        asyncio.timeout(WITHIN),
        answering_late(access.nats_url) as url,
        nats_connection.connected(url, access.secrets.platform_seed, nats_claims.administrator(), "late") as client,
    ):
        assert client.is_connected
        answer = await client.request("$SYS.REQ.USER.INFO", b"", timeout=5)
        assert b"server" in answer.data


async def test_one_that_gives_up_while_it_connects_leaves_nothing_open() -> None:
    gone = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server, asyncio.timeout(WITHIN):
        url = f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await nats_connection.connect(
                    url, nats_jwt.new_seed("account"), nats_claims.administrator(), "gives up"
                )
        await gone.wait()
