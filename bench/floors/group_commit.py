"""Group commit as short as it can be: what the floors of the intake benchmark share."""

import asyncio
import json
from pathlib import Path

from nats.aio.client import Client, RawCredentials
from nats.js.client import JetStreamContext

SUBJECT = "events.batch"
_CREDENTIALS = """-----BEGIN NATS USER JWT-----
{jwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
{seed}
------END USER NKEY SEED------
"""


class Lane:
    """One stream: one publish in flight, what comes meanwhile joins the next."""

    def __init__(self, url: str, jwt: str, seed: str) -> None:
        self._url = url
        self._credentials = _CREDENTIALS.format(jwt=jwt, seed=seed)
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._running: asyncio.Task[None] | None = None
        self._stream: JetStreamContext | None = None
        self.publishes = 0

    async def stream(self) -> JetStreamContext:
        if self._stream is None:
            client = Client()
            await client.connect(servers=[self._url], user_credentials=RawCredentials(self._credentials))
            self._stream = client.jetstream()
        return self._stream

    def put(self, body: bytes) -> asyncio.Future[None]:
        """Done when the body is on disk."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((body, done))
        if self._running is None:
            self._running = asyncio.create_task(self._work())
        return done

    async def _work(self) -> None:
        stream = await self.stream()
        while self._waiting:
            group, self._waiting = self._waiting[:256], self._waiting[256:]
            await stream.publish(SUBJECT, b"\n".join([body for body, _ in group]))
            self.publishes += 1
            for _, done in group:
                if not done.done():
                    done.set_result(None)
        self._running = None


def lanes(file: str) -> tuple[int, dict[bytes, Lane]]:
    """Port and lanes by API key, from the file that the benchmark writes."""
    given = json.loads(Path(file).read_text())
    return given["port"], {
        tenant["key"].encode(): Lane(given["nats"], tenant["jwt"], tenant["seed"]) for tenant in given["tenants"]
    }


def publishes(lanes: dict[bytes, Lane]) -> bytes:
    return json.dumps({"publishes": sum(lane.publishes for lane in lanes.values())}).encode()
