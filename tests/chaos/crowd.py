"""Browsers' stand-ins: each sends its history until it has been taken, and listens on a socket for what it is told.

A batch is kept until it was answered 2xx and sent again under the same ids, as the snippet does. Everything that a
test may want to know afterwards is written down.
"""

import asyncio
import contextlib
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from handrail_contracts import frames, names
from handrail_contracts.event_ids import uuid7

CALL_LIMIT = 15.0
"""Seconds for one request. Above what the gateway takes before it says that it cannot."""
LONGEST_PAUSE = 1.0

Batch = list[dict[str, Any]]
"""Events of one request, their `timestamp` relative to its first sending (seconds, zero or below)."""
History = Callable[[int], Sequence[Batch]]
"""What the n-th user does."""


@dataclass(frozen=True)
class Frame:
    """A nudge on a socket."""

    user_id: str
    nudge_id: str
    at: datetime


@dataclass
class Ledger:
    """What one tenant's users did and saw."""

    accepted: dict[str, str] = field(default_factory=dict)
    """Event id -> user id, of everything that was answered 202."""
    offered: set[str] = field(default_factory=set)
    """Event ids of all that was ever sent."""
    answers: Counter[str] = field(default_factory=Counter)
    """Status, or the error's name -> how often."""
    wrong: list[str] = field(default_factory=list)
    """Answers that no fault excuses."""
    refused: str = ""
    """The last answer that asks for the same again later."""
    frames: list[Frame] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    """Seconds from a batch's first sending to its 202."""
    users: dict[str, int] = field(default_factory=dict)
    """User id -> its number."""


@dataclass
class Crowd:
    """One tenant's users. They come one after another, and stay for as long as `patience` after their last batch."""

    gateway: str
    key: str
    ledger: Ledger
    http: httpx2.AsyncClient
    history: History
    pace: float
    """Seconds between two batches of a user."""
    every: float
    """Seconds between two users."""
    patience: float = 3600.0
    reacts: bool = False
    """Whether a nudge is answered by the events that the snippet would send."""
    _listening: set[asyncio.Task[None]] = field(default_factory=set)
    _reacting: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self, stop: asyncio.Event) -> None:
        """New users until `stop`; returns when all have got rid of their batches. Sockets stay open until `close`."""
        number = 0
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                group.create_task(self._user(number))
                number += 1
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self.every)

    async def close(self) -> None:
        """Raises TimeoutError where sockets stay open."""
        tasks = [*self._listening, *self._reacting]
        for task in tasks:
            task.cancel()
        if not tasks:
            return
        done, left = await asyncio.wait(tasks, timeout=CALL_LIMIT)
        await asyncio.gather(*done, return_exceptions=True)
        if left:
            raise TimeoutError(f"{len(left)} users did not leave, such as {left.pop()!r}")

    async def _user(self, number: int) -> None:
        user_id = f"anon-{_uuid4()}"
        self.ledger.users[user_id] = number
        left = asyncio.Event()
        listener = asyncio.create_task(self._listen(user_id, left), name="listen")
        self._listening.add(listener)
        listener.add_done_callback(self._listening.discard)
        for batch in self.history(number):
            await self._send(user_id, batch)
            await asyncio.sleep(self.pace)
        asyncio.get_running_loop().call_later(self.patience, left.set)

    async def _send(self, user_id: str, batch: Batch) -> None:
        began, now = time.monotonic(), datetime.now(UTC)
        events = []
        for planned in batch:
            at = now + timedelta(seconds=planned["timestamp"])
            events.append(
                {"event_id": uuid7(at, secrets.token_bytes(10)), "user_id": user_id, "session_id": f"s-{user_id}"}
                | planned
                | {"timestamp": at.isoformat()}
            )
        ids = [event["event_id"] for event in events]
        self.ledger.offered.update(ids)
        pause = 0.1
        while not await self._taken(events):
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
        self.ledger.accepted.update(dict.fromkeys(ids, user_id))
        self.ledger.delays.append(time.monotonic() - began)

    async def _taken(self, events: list[dict[str, Any]]) -> bool:
        body = msgspec.json.encode({"sent_at": datetime.now(UTC).isoformat(), "events": events})
        answer = await self._post("/api/v1/events", body)
        if answer is None:
            return False
        if answer.status_code == 202 and answer.json() != {"accepted": len(events)}:
            self.ledger.wrong.append(f"202 {answer.text}")
        return answer.status_code == 202

    async def _post(self, path: str, body: bytes) -> httpx2.Response | None:
        """The answer where it is final; None where it is to be tried again."""
        headers = {names.HEADER_API_KEY: self.key, "Content-Type": "application/json"}
        try:
            answer = await self.http.post(self.gateway + path, content=body, headers=headers, timeout=CALL_LIMIT)
        except httpx2.HTTPError as error:
            self.ledger.answers[type(error).__name__] += 1
            return None
        self.ledger.answers[str(answer.status_code)] += 1
        if answer.is_success:
            return answer
        if answer.status_code not in (429, 503):
            self.ledger.wrong.append(f"{path} {answer.status_code} {answer.text[:300]}")
        else:
            self.ledger.refused = f"{path} {answer.status_code} {answer.text[:300]}"
        return None

    # --- the socket ----------------------------------------------------------------------------------------------

    async def _listen(self, user_id: str, left: asyncio.Event) -> None:
        token, token_from = "", 0.0
        address = f"{self.gateway.replace('http', 'ws', 1)}/ws/{quote(user_id, safe='')}"
        while not left.is_set():
            if not token or time.monotonic() - token_from > 8 * 60:
                answer = await self._post("/api/v1/identify", msgspec.json.encode({"user_id": user_id}))
                if answer is None:
                    await asyncio.sleep(0.5)
                    continue
                token, token_from = answer.json()["token"], time.monotonic()
            protocols = [frames.SUBPROTOCOL, frames.KEY_PROTOCOL + self.key, frames.TOKEN_PROTOCOL + token]
            with contextlib.suppress(ConnectionClosed, InvalidHandshake, OSError, TimeoutError):
                async with connect(
                    address, subprotocols=[Subprotocol(one) for one in protocols],
                    open_timeout=20, close_timeout=1, compression=None, proxy=None,
                ) as socket:  # fmt: skip
                    async with asyncio.timeout(None) as limit:
                        leaving = asyncio.create_task(_at(left, limit))
                        try:
                            await self._read(user_id, socket)
                        finally:
                            leaving.cancel()
            await asyncio.sleep(0.3)

    async def _read(self, user_id: str, socket: Any) -> None:
        async for text in socket:
            frame = msgspec.json.decode(text)
            if frame["type"] == "nudge":
                nudge = frame["nudge"]["nudge_id"]
                known = any(one.nudge_id == nudge for one in self.ledger.frames) if self.reacts else True
                self.ledger.frames.append(Frame(user_id, nudge, datetime.now(UTC)))
                if not known:
                    task = asyncio.create_task(self._send(user_id, _reaction(nudge)))
                    self._reacting.add(task)
                    task.add_done_callback(self._reacting.discard)
            if frame["type"] in ("nudge", "message"):
                await socket.send(msgspec.json.encode({"type": "ack", "seq": frame["seq"]}).decode())


def _reaction(nudge_id: str) -> Batch:
    return [
        {"event_type": kind, "timestamp": 0.0, "url": "https://app.test/", "properties": {"nudge_id": nudge_id}}
        for kind in ("nudge_shown", "nudge_dismissed")
    ]


async def _at(left: asyncio.Event, limit: asyncio.Timeout) -> None:
    await left.wait()
    limit.reschedule(asyncio.get_running_loop().time())


def _uuid4() -> str:
    value = secrets.token_hex(16)
    return f"{value[:8]}-{value[8:12]}-4{value[13:16]}-8{value[17:20]}-{value[20:]}"


def client() -> httpx2.AsyncClient:
    """One for all tenants of a run."""
    return httpx2.AsyncClient(trust_env=False, limits=httpx2.Limits(max_connections=200, max_keepalive_connections=50))
