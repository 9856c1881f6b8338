"""The floor of sockets: uvicorn's websockets-sansio, a bare ASGI application, core NATS to socket. No checks."""

import asyncio
import json
import resource
import sys
from pathlib import Path
from typing import Any

import uvicorn
from nats.aio.client import Client, RawCredentials
from nats.aio.msg import Msg

GIVEN = json.loads(Path(sys.argv[1]).read_text())
OPEN: dict[str, Any] = {}


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "websocket":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})
        return
    user = scope["path"].removeprefix("/ws/")
    await receive()
    await send({"type": "websocket.accept"})
    OPEN[user] = send
    try:
        while (await receive())["type"] != "websocket.disconnect":
            pass
    finally:
        OPEN.pop(user, None)


async def relay(message: Msg) -> None:
    """The subject's last part is the user."""
    send = OPEN.get(message.subject.rpartition(".")[2])
    if send is not None:
        await send({"type": "websocket.send", "text": message.data.decode()})


async def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    client = Client()
    await client.connect(servers=[GIVEN["nats"]], user_credentials=RawCredentials(GIVEN["credentials"]))
    await client.subscribe("nudges.*", cb=relay)
    config = uvicorn.Config(
        app,
        port=GIVEN["port"],
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
