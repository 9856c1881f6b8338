"""Whole runs against the real platform."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from handrail_cli.simulate.api import Api, ApiFailed
from handrail_cli.simulate.drive import Progress, run
from handrail_cli.simulate.plan import make_plan
from handrail_cli.simulate.report import summarise

pytestmark = pytest.mark.slow


async def _run(running: Any, *, users: int, seed: int, stop: asyncio.Event | None = None) -> dict[str, Any]:
    told: list[Progress] = []
    async with Api(running.gateway, secret=running.secret, publishable=running.publishable) as api:
        spec, ahead = await api.spec()
        assert abs(ahead) < timedelta(seconds=5)
        plan = make_plan(spec, seed=seed, users=users)
        outcome = await run(api, plan, rate=500, ahead=ahead, stop=stop or asyncio.Event(), tell=told.append)
    assert told
    return summarise("t", outcome)


async def test_two_runs_of_a_seed_end_alike_with_everything_stored(running: Any) -> None:
    first = await _run(running, users=12, seed=1)
    assert first["ok"], first
    assert first["events"]["sent"] == first["events"]["stored"] > first["events"]["planned"]
    assert first["signals"]["missing"] == 0
    assert first["nudges"]["sent"] == first["nudges"]["received"] == first["nudges"]["shown"] > 0
    assert first["nudges"]["clicked"] > 0
    assert first["latency_ms"]["p50"] > 0

    second = await _run(running, users=12, seed=1)
    assert second["plan"] == first["plan"]
    assert second["signals"] == first["signals"]
    for before, after in zip(first["visits"], second["visits"], strict=True):
        assert before["user_id"] != after["user_id"]
        assert before["signals"] == after["signals"]


async def test_an_interrupted_run_reports_what_was_done_and_a_wrong_key_is_a_sentence(running: Any) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(1.0, stop.set)
    report = await _run(running, users=400, seed=2, stop=stop)
    assert report["interrupted"]
    assert not report["ok"]
    assert report["users"]["done"] < 400

    async with Api(running.gateway, secret="sk_wrong", publishable="pk_wrong") as api:
        with pytest.raises(ApiFailed, match="401 key_unknown"):
            await api.spec()
