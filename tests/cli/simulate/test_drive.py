"""A run's end."""

import asyncio

from handrail_cli.simulate import drive


async def test_a_visit_that_loses_its_cancellation_ends_all_the_same(monkeypatch) -> None:
    monkeypatch.setattr(drive, "_ASKED_AGAIN_AFTER", 0.05)
    begun, lost = asyncio.Event(), asyncio.Event()

    async def visit() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(visit())
    await begun.wait()
    async with asyncio.timeout(30):
        await drive._end([task])
    assert (lost.is_set(), task.cancelled()) == (True, True)
