"""The floor of intake through ASGI: uvicorn, a bare application, one typed decode, group commit. No checks."""

import sys
from typing import Any

import msgspec
import uvicorn
from floors.group_commit import lanes, publishes

from handrail_contracts.events import Batch

_decoder = msgspec.json.Decoder(Batch)
PORT, LANES = lanes(sys.argv[1])


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/stats":
        await _answer(send, 200, publishes(LANES))
        return
    lane = LANES.get(next((value for name, value in scope["headers"] if name == b"x-api-key"), b""))
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if lane is None:
        await _answer(send, 401, b"{}")
        return
    try:
        count = len(_decoder.decode(body).events)
    except msgspec.MsgspecError:
        await _answer(send, 422, b"{}")
        return
    await lane.put(body)
    await _answer(send, 202, b'{"accepted":%d}' % count)


async def _answer(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


uvicorn.run(app, port=PORT, loop="uvloop", http="httptools", lifespan="off", log_config=None, access_log=False)
