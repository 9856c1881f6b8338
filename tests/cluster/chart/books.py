"""A crowd on the tenant of a platform, and whether its API tells of what they did and saw: all of it, once."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from tests.chaos import histories
from tests.chaos.crowd import Crowd, Ledger


@asynccontextmanager
async def traffic(gateway: str, key: str) -> AsyncIterator[Ledger]:
    """Users come and go until the block ends; then all of them get rid of what they have."""
    ledger, stop = Ledger(), asyncio.Event()
    async with httpx2.AsyncClient(trust_env=False) as http:
        crowd = Crowd(gateway, key, ledger, http, histories.numbered, pace=0.5, every=1.0)
        async with asyncio.TaskGroup() as group:
            group.create_task(crowd.run(stop))
            try:
                yield ledger
            finally:
                stop.set()
        await crowd.close()


async def moved_on(ledger: Ledger, patience: float, batches: int = 5) -> None:
    """Waits until some more batches were taken."""
    before = len(ledger.delays)
    async with asyncio.timeout(patience):
        while len(ledger.delays) < before + batches:  # noqa: ASYNC110 - the crowd tells nobody
            await asyncio.sleep(0.2)


async def balanced(gateway: str, secret_key: str, ledger: Ledger, patience: float) -> str:
    """Everything that was answered 202 is stored, once, and every nudge was seen once. Returns how much it was."""
    assert ledger.wrong == []
    headers = {"X-API-Key": secret_key}
    deadline = time.monotonic() + patience
    async with httpx2.AsyncClient(base_url=gateway, headers=headers, trust_env=False) as http:
        while True:
            stored = [event["event_id"] for event in await everything(http, "/api/v1/events")]
            if ledger.accepted.keys() <= set(stored):
                break
            assert time.monotonic() < deadline, f"{len(ledger.accepted.keys() - set(stored))} events are lost"
            await asyncio.sleep(1)
    ours = [one for one in stored if one in ledger.accepted]
    assert len(ours) == len(set(ours)) == len(ledger.accepted)
    shown = [frame.nudge_id for frame in ledger.frames]
    assert len(shown) > 0
    assert len(shown) == len(set(shown))
    return f"{len(ours)} events taken and stored once each, {len(shown)} nudges seen once each: {dict(ledger.answers)}"


async def everything(http: httpx2.AsyncClient, path: str) -> list[dict[str, str]]:
    """All pages of a list."""
    found: list[dict[str, str]] = []
    cursor: str | None = None
    while True:
        answer = await http.get(path, params={"limit": "500"} | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found
