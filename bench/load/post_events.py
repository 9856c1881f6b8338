"""A cheap sender of event batches: keep-alive, one request in flight a connection; JSON of what it saw on stdout.

Takes a JSON file: port, connections, seconds, keys, events (a batch's), warm_up (seconds not counted).
"""

import asyncio
import json
import sys
import time
import uuid
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

_SELECTOR = "main > section:nth-of-type(2) form#project button.primary"


def body(user: int, count: int) -> bytes:
    """A batch of about 300 bytes an event, as the snippet sends it."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    user_id = f"anon-{uuid.UUID(int=(user << 8) | 4 << 76 | 8 << 60)}"
    session = str(uuid.UUID(int=user))
    events = [
        {
            "event_id": f"019abcde-{at:04x}-7{user % 4096:03x}-8000-{user:012x}",
            "event_type": "click",
            "user_id": user_id,
            "session_id": session,
            "timestamp": now,
            "url": "https://app.example.test/projects/new",
            "target_element": {"selector": _SELECTOR[:40], "tag": "button"},
            "properties": {"reacted": True},
        }
        for at in range(count)
    ]
    return json.dumps({"sent_at": now, "sdk_version": "0.1.0", "events": events}, separators=(",", ":")).encode()


def request(port: int, key: str, content: bytes) -> bytes:
    head = (
        f"POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: https://app.example.test\r\n"
        f"X-API-Key: {key}\r\nContent-Type: application/json\r\nAccept: */*\r\n"
        f"User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


class Sender(asyncio.Protocol):
    """One connection."""

    def __init__(self, requests: list[bytes], seen: "Seen") -> None:
        self._requests = requests
        self._seen = seen
        self._at = 0
        self._sent_at = 0.0
        self._answer = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._requests[self._at])
        self._at = (self._at + 1) % len(self._requests)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        # Every arm answers with one JSON object.
        if not self._answer.endswith(b"}"):
            return
        now = time.perf_counter()
        if now >= self._seen.from_:
            self._seen.latencies.append(now - self._sent_at)
            if not self._answer.startswith(b"HTTP/1.1 202"):
                self._seen.refused[self._answer[:300].decode()] = 1
        self._answer = b""
        if now < self._seen.until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._seen.open -= 1
        if time.perf_counter() < self._seen.until:
            self._seen.refused[f"a connection was closed: {exc!r}"] = 1
        if not self._seen.open:
            self._seen.ended.set()


class Seen:
    def __init__(self, connections: int, warm_up: float, seconds: float) -> None:
        self.open = connections
        self.from_ = time.perf_counter() + warm_up
        self.until = self.from_ + seconds
        self.latencies: list[float] = []
        self.refused: dict[str, int] = {}
        self.ended = asyncio.Event()


async def main(given: dict[str, Any]) -> None:
    keys, connections, port = given["keys"], given["connections"], given["port"]
    # Every tenant in turn on every connection, each connection beginning elsewhere.
    users = max(256, 2 * len(keys))
    requests = [request(port, keys[at % len(keys)], body(at, given["events"])) for at in range(users)]
    seen = Seen(connections, given["warm_up"], given["seconds"])
    loop = asyncio.get_running_loop()
    for number in range(connections):
        start = number * users // connections
        await loop.create_connection(partial(Sender, requests[start:] + requests[:start], seen), "127.0.0.1", port)
    # The one who measures CPU looks at the clock at the same moments.
    await asyncio.sleep(max(0, seen.from_ - time.perf_counter()))
    print("begin", flush=True)
    await asyncio.sleep(max(0, seen.until - time.perf_counter()))
    print("end", flush=True)
    async with asyncio.timeout(60):
        await seen.ended.wait()
    ordered = sorted(seen.latencies)
    found = {
        "requests": len(ordered),
        "p50_ms": 1000 * ordered[len(ordered) // 2] if ordered else 0,
        "p99_ms": 1000 * ordered[int(len(ordered) * 0.99)] if ordered else 0,
        "refused": list(seen.refused)[:5],
    }
    print(json.dumps(found), flush=True)


uvloop.run(main(json.loads(Path(sys.argv[1]).read_text())))
