"""Counts what goes over the wire: a relay before a server, and every byte through it, either way, headers included."""

import asyncio
import contextlib
import threading

from handrail_cli.embedded.ports import free_port


class Relay:
    """In a thread of its own; `origin` stands for the server behind it."""

    def __init__(self, port: int) -> None:
        """`port`: of the server behind, on this machine."""
        self.port = free_port(set())
        self.passed = 0
        """Bytes so far."""
        self._behind = port
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        self._ready.set()
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there, here = await asyncio.open_connection("127.0.0.1", self._behind)
            await asyncio.gather(self._pump(reader, here), self._pump(there, writer))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                self.passed += len(data)
                sink.write(data)
                await sink.drain()
        sink.close()
