"""The floor of intake: asyncio.Protocol on httptools, one typed decode, the key looked up, group commit. No checks."""

import asyncio
import sys

import httptools
import msgspec
import uvloop
from floors.group_commit import Lane, lanes, publishes

from handrail_contracts.events import Batch

_decoder = msgspec.json.Decoder(Batch)


class RawIntake(asyncio.Protocol):
    """One connection."""

    lanes: dict[bytes, Lane]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._key = b""
        self._body = b""
        self._url = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"x-api-key":
            self._key = value

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._url == b"/stats":
            self._answer(200, publishes(self.lanes))
            return
        lane = self.lanes.get(self._key)
        if lane is None:
            self._answer(401, b"{}")
            return
        try:
            count = len(_decoder.decode(self._body).events)
        except msgspec.MsgspecError:
            self._answer(422, b"{}")
            return
        lane.put(self._body).add_done_callback(lambda _: self._answer(202, b'{"accepted":%d}' % count))

    def _answer(self, status: int, body: bytes) -> None:
        head = b"HTTP/1.1 %d Accepted\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self._transport.write(head % (status, len(body)) + body)


async def main(file: str) -> None:
    port, RawIntake.lanes = lanes(file)
    server = await asyncio.get_running_loop().create_server(RawIntake, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


uvloop.run(main(sys.argv[1]))
