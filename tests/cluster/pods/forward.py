"""A Service's address from outside of the pods: each connection goes to one of its pods as they are now, as by a
cluster's proxy. `/etc/hosts` cannot say that to a process which is no pod.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.cluster.pods.addresses import real
from tests.cluster.reading import Reader

_CHUNK = 65536


@asynccontextmanager
async def forwarded(reader: Reader, namespace: str, service: str, port: int) -> AsyncIterator[str]:
    """Its address. A connection that finds no pod ready is closed."""

    def ready() -> list[str]:
        slices = reader.get("endpointslices", "-n", namespace, "-l", f"kubernetes.io/service-name={service}") or []
        endpoints = [one for found in slices for one in found.get("endpoints") or []]
        return [real(one["addresses"][0]) for one in endpoints if one.get("conditions", {}).get("ready")]

    connections: set[asyncio.Task[None]] = set()

    def connected(reading: asyncio.StreamReader, writing: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_serve(ready, port, reading, writing))
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _serve(
    ready: Callable[[], list[str]], port: int, reading: asyncio.StreamReader, writing: asyncio.StreamWriter
) -> None:
    with contextlib.closing(writing), contextlib.suppress(OSError):
        addresses = await asyncio.to_thread(ready)
        if not addresses:
            return
        there, back = await asyncio.open_connection(random.choice(addresses), port)
        with contextlib.closing(back):
            await asyncio.gather(_pipe(reading, back), _pipe(there, writing))


async def _pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while chunk := await source.read(_CHUNK):
        target.write(chunk)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()
