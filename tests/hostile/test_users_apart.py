"""Ids that look alike, contain each other or mean something to NATS, paths or headers: each user gets his own alone."""

import asyncio
import contextlib
import json
import re
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from tests.hostile.cases import user_path
from tests.hostile.world import World, batch, event, until
from websockets.asyncio.client import connect

from handrail_contracts import subjects

IDS = (
    "a", "A", "a.b", "a.*", "a.>", "*", ">", "a/b", "a%2Fb", "a%2fb", "../a", "..%2fa", "...", " a", "a ", "a b", "a+b",
    "😀", "\u202ea", "a\nb", "a\r\nX-Injected: 1", "a\tb", "a\x7f", "a\u2028", "\ufeffa", "\u00e9", "e\u0301", "null",
    "'; DROP TABLE users; --", "{{7*7}}", "$JS.API.>", "_INBOX.>", "user:{a}", "session:*", "\\", '"', "x" * 200,
    "x" * 199, "😀" * 200, "0", "?user_id=a", "#a", "a;b", "a,b", "%00", "%", "a&limit=1",
)  # fmt: skip


def _rage(user_id: str) -> dict[str, Any]:
    """Five clicks at once on what does not react."""
    target = {"selector": "#save", "tag": "button", "role": "button", "name": None}
    first = event(user_id, event_type="click", target_element=target, properties={"reacted": False})
    more = [
        event(user_id, **{name: first[name] for name in ("event_type", "target_element", "properties", "session_id")})
        for _ in range(4)
    ]
    return {"events": [first, *more]}


def test_each_id_has_a_subject_of_its_own() -> None:
    """One word that nobody else's wildcard or subject can meet."""
    found = {subjects.nudge(user_id) for user_id in IDS}
    assert len(found) == len(IDS)
    assert [subject for subject in found if not re.fullmatch(r"nudges\.[0-9a-f]{32}", subject)] == []


@pytest.mark.slow
async def test_each_id_has_its_own_rows_and_its_own_nudges(world: World) -> None:
    # The second half has a stuck point, the first only looks on.
    stuck = IDS[::2]
    async with contextlib.AsyncExitStack() as stack:
        sockets = {}
        for user_id in IDS:
            answer = world.send("POST", "/api/v1/identify", {"user_id": user_id}, key=world.key())
            assert answer.status == 200, user_id
            url = f"ws://127.0.0.1:{world.port}/ws/{quote(user_id, safe='')}"
            credentials = [f"key.{world.key()}", f"tok.{answer.json['token']}"]
            opened = connect(url, subprotocols=["handrail.v1", *credentials], proxy=None)  # type: ignore[list-item]
            sockets[user_id] = await stack.enter_async_context(opened)
        for socket in sockets.values():
            async with asyncio.timeout(60):
                assert json.loads(await socket.recv())["type"] == "hello"
        sent = {user_id: _rage(user_id) if user_id in stuck else batch(user_id) for user_id in IDS}
        for body in sent.values():
            assert world.send("POST", "/api/v1/events", body, key=world.key()).status == 202
        nudges: dict[str, str] = {}
        for user_id in stuck:
            async with asyncio.timeout(120):
                frame = json.loads(await sockets[user_id].recv())
            assert frame["type"] == "nudge"
            nudges[user_id] = frame["nudge"]["nudge_id"]
        assert len(set(nudges.values())) == len(stuck)
        # All nudges of all have come by now: nobody else was shown one.
        for user_id in IDS:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await sockets[user_id].recv()

    def listed(name: str, user_id: str) -> list[Any]:
        items: list[Any] = world.get(f"/api/v1/{name}?user_id={quote(user_id, safe='')}").json["items"]
        assert {item["user_id"] for item in items} <= {user_id}
        return items

    def stored(user_id: str, wanted: set[str]) -> bool:
        return {item["event_id"] for item in listed("events", user_id)} == wanted

    for user_id in IDS:
        wanted = {item["event_id"] for item in sent[user_id]["events"]}
        until(partial(stored, user_id, wanted), user_id)
        found = world.get(user_path(user_id))
        assert (found.status, found.json["user_id"]) == (200, user_id)
        assert "x-injected" not in found.headers
        assert [item["nudge_id"] for item in listed("nudges", user_id)] == [
            nudge for user, nudge in nudges.items() if user == user_id
        ]
    # None of it can be seen from the next tenant.
    assert world.get("/api/v1/users", "bystander").json["items"] == []
    assert world.get(user_path("a"), "bystander").status == 404
