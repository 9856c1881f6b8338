"""The standing pull over a server that restarts and a consumer that vanishes."""

import asyncio
import contextlib
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StreamConfig

from handrail_cli.embedded import binaries
from handrail_cli.embedded.ports import free_port
from handrail_contracts.nats_client import Client
from handrail_runtime.pull import Pull

pytestmark = pytest.mark.slow

STREAM = StreamConfig(name="EVENTS", subjects=["events.>"], retention=RetentionPolicy.WORK_QUEUE)
CONSUMER = ConsumerConfig(durable_name="ingest", ack_policy=AckPolicy.EXPLICIT, ack_wait=30, max_deliver=-1)


class Server:
    """A NATS server of its own, which this test may end."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port(set())
        self._folder = folder
        self._process: Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            binaries.nats_server(), "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self._folder),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

    async def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            await self._process.wait()
            self._process = None


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    running = Server(tmp_path / "nats")
    await running.start()
    yield running
    await running.stop()


async def _client(server: Server, until: Callable[..., Awaitable[Any]]) -> Client:
    client = Client()

    async def connected() -> bool:
        with contextlib.suppress(Exception):
            await client.connect(
                [f"nats://127.0.0.1:{server.port}"], max_reconnect_attempts=-1, reconnect_time_wait=1,
                allow_reconnect=True, error_cb=_quiet,
            )  # fmt: skip
        return client.is_connected

    await until(connected)
    return client


async def _quiet(_error: Exception) -> None:
    """What goes wrong is what these tests are about."""


async def test_the_queue_is_the_batch_and_survives_a_restart(
    server: Server, until: Callable[..., Awaitable[Any]]
) -> None:
    client = await _client(server, until)
    js = client.jetstream()
    await js.add_stream(STREAM)
    await js.add_consumer("EVENTS", CONSUMER)
    pull = Pull(client, "EVENTS", "ingest")
    try:
        await pull.start()
        for number in range(1200):
            await client.publish("events.batch", b"%d" % number)
        await client.flush()
        got: list[int] = []
        batches = 0
        while len(got) < 1200:
            async with asyncio.timeout(20):
                messages = await pull.take()
            batches += 1
            got += [int(message.data) for message in messages]
            await pull.done(messages)
        assert got == list(range(1200))
        assert batches < 600
        assert not pull.backlog

        await server.stop()

        async def away() -> bool:
            return not client.is_connected

        await until(away)
        waiting = asyncio.create_task(pull.take())
        await server.start()

        async def back() -> bool:
            return client.is_connected

        await until(back)
        await js.publish("events.batch", b"after")
        async with asyncio.timeout(5):
            messages = await waiting
        assert [message.data for message in messages] == [b"after"]
        await pull.stop()

        again = Pull(client, "EVENTS", "ingest")
        await again.start()
        async with asyncio.timeout(5):
            assert [message.data for message in await again.take()] == [b"after"]  # given back, so it comes at once
        await again.stop()
    finally:
        await client.close()


async def test_a_consumer_that_is_gone_is_waited_for_without_spinning(
    server: Server, until: Callable[..., Awaitable[Any]]
) -> None:
    client = await _client(server, until)
    js = client.jetstream()
    await js.add_stream(STREAM)
    pull = Pull(client, "EVENTS", "ingest")
    try:
        await pull.start()
        waiting = asyncio.create_task(pull.take())

        async def noticed() -> bool:
            return not pull.standing

        await until(noticed)
        before = client.stats["out_msgs"]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.shield(waiting)
        assert client.stats["out_msgs"] - before <= 4
        await js.add_consumer("EVENTS", CONSUMER)
        await js.publish("events.batch", b"late")
        async with asyncio.timeout(20):
            messages = await waiting
        assert [message.data for message in messages] == [b"late"]
        assert pull.standing
        await pull.stop()
    finally:
        await client.close()
