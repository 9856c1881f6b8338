"""Whose turn it is: one worker a tenant, nothing forgotten, nobody tried too often."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from handrail_operator.errors import NamespaceTaken, ServerUnavailable
from handrail_operator.watching.queue import Queue

WITHIN = 10.0
"""Seconds that anything may take here."""


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def running(
    work: Callable[[str], Awaitable[float | None]],
    *,
    concurrency: int = 4,
    resync: float = 1000,
    first_retry: float = 1000,
    longest_retry: float = 1000,
    **more: object,
) -> AsyncIterator[Queue]:
    queue = Queue(
        work,
        concurrency=concurrency,
        resync=resync,
        first_retry=first_retry,
        longest_retry=longest_retry,
        **more,  # type: ignore[arg-type]
    )
    task = asyncio.create_task(queue.run())
    try:
        yield queue
    finally:
        task.cancel()
        await asyncio.wait({task})


class Worker:
    """Writes down what it was asked; a look lasts until it is let go, where it is held."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.at: list[float] = []
        self.ended: list[str] = []
        self.at_once = 0
        self.same_at_once = 0
        self.running: list[str] = []
        self.held = False
        self.let_go = asyncio.Semaphore(0)
        self.answers: list[float | Exception | None] = []

    async def __call__(self, name: str) -> float | None:
        self.begun.append(name)
        self.at.append(time.monotonic())
        self.running.append(name)
        self.at_once = max(self.at_once, len(self.running))
        self.same_at_once = max(self.same_at_once, self.running.count(name))
        try:
            if self.held:
                await self.let_go.acquire()
            answer = self.answers.pop(0) if self.answers else None
            if isinstance(answer, Exception):
                raise answer
            return answer
        finally:
            self.running.remove(name)
            self.ended.append(name)

    async def ends(self, count: int) -> None:
        """So many looks that are held, or come to be, are let go and have ended."""
        wanted = len(self.ended) + count
        for _ in range(count):
            self.let_go.release()
        await until(lambda: len(self.ended) == wanted)


async def test_touches_before_the_work_are_one_look():
    work = Worker()
    async with running(work) as queue:
        for _ in range(5):
            queue.touch("acme")
        await until(lambda: work.ended == ["acme"])
        queue.touch("globex")
        await until(lambda: "globex" in work.ended)
    assert work.begun == ["acme", "globex"]


async def test_touches_during_the_work_are_one_more_look_after_it():
    work = Worker()
    work.held = True
    async with running(work) as queue:
        queue.touch("acme")
        await until(lambda: work.begun == ["acme"])
        for _ in range(5):
            queue.touch("acme", urgent=True)
        work.let_go.release()
        await until(lambda: work.begun == ["acme", "acme"])
        work.let_go.release()
        await until(lambda: len(work.ended) == 2)
        queue.touch("globex")
        await until(lambda: "globex" in work.begun)
    assert work.begun == ["acme", "acme", "globex"]


async def test_one_tenant_is_never_worked_on_twice_at_once():
    work = Worker()
    work.held = True
    async with running(work) as queue:
        queue.touch("acme")
        await until(lambda: work.begun == ["acme"])
        queue.touch("acme", urgent=True)
        queue.touch("globex")
        # Were acme begun a second time, then before globex, which asked later.
        await until(lambda: "globex" in work.begun)
        assert work.begun == ["acme", "globex"]
        work.held = False
        work.let_go.release()
        work.let_go.release()
        await until(lambda: len(work.ended) == 3)
    assert work.same_at_once == 1


async def test_no_more_at_once_than_allowed_and_each_gets_its_turn():
    work = Worker()
    work.held = True
    async with running(work, concurrency=3) as queue:
        wanted = [f"t{number}" for number in range(12)]
        for name in wanted:
            queue.touch(name)
        for count in range(len(wanted)):
            await until(lambda least=count: len(work.begun) > least)  # type: ignore[misc]
            work.let_go.release()
        await until(lambda: len(work.ended) == len(wanted))
    assert work.at_once == 3
    assert work.begun == wanted


async def test_one_that_is_touched_again_and_again_goes_behind_those_that_wait():
    work = Worker()
    work.held = True
    async with running(work, concurrency=1) as queue:
        queue.touch("busy")
        await until(lambda: work.begun == ["busy"])
        for name in ("busy", "one", "two"):
            queue.touch(name, urgent=True)
        await work.ends(4)
    assert work.begun == ["busy", "one", "two", "busy"]


async def test_failures_are_tried_again_after_twice_the_time_each():
    work = Worker()
    work.answers = [ServerUnavailable("away"), RuntimeError("a fault"), ServerUnavailable("away"), None]
    async with running(work, first_retry=0.2) as queue:
        queue.touch("acme")
        await until(lambda: len(work.ended) == 4)
    pauses = [after - before for before, after in zip(work.at, work.at[1:], strict=False)]
    assert [pause >= least for pause, least in zip(pauses, (0.16, 0.32, 0.64), strict=True)] == [True] * 3


async def test_the_pause_has_an_end():
    work = Worker()
    work.answers = [ServerUnavailable("away")] * 12
    async with running(work, first_retry=0.01, longest_retry=0.05) as queue:
        queue.touch("acme")
        await until(lambda: len(work.ended) == 13)


async def test_what_cannot_get_better_by_itself_waits_longest():
    work = Worker()
    work.answers = [NamespaceTaken("somebody else's"), None]
    async with running(work, first_retry=0.01, longest_retry=0.5) as queue:
        queue.touch("acme")
        await until(lambda: len(work.ended) == 2)
    assert work.at[1] - work.at[0] >= 0.4


async def test_a_plain_touch_leaves_one_that_failed_its_pause_and_an_urgent_one_does_not():
    work = Worker()
    work.answers = [ServerUnavailable("away"), None]
    async with running(work) as queue:
        queue.touch("acme")
        await until(lambda: work.ended == ["acme"])
        queue.touch("acme")
        queue.touch("globex")
        await until(lambda: "globex" in work.ended)
        assert work.begun == ["acme", "globex"]
        queue.touch("acme", urgent=True)
        await until(lambda: work.begun[2:] == ["acme"])


async def test_however_much_happens_one_that_fails_is_not_tried_in_a_hot_loop():
    work = Worker()

    async def fails_and_is_touched_by_what_it_did(name: str) -> float | None:
        queue.touch(name, urgent=True)
        work.answers = [ServerUnavailable("away")]
        return await work(name)

    async with running(fails_and_is_touched_by_what_it_did, first_retry=0.5) as queue:
        queue.touch("acme")
        await until(lambda: len(work.ended) == 3)
    assert work.at[2] - work.at[0] >= 1.0


async def test_one_that_is_well_is_looked_at_again_after_the_time_it_named_or_the_usual_one():
    work = Worker()
    work.answers = [0.05, None, 0.05]
    async with running(work, resync=0.3) as queue:
        queue.touch("acme")
        await until(lambda: len(work.ended) == 4)
    pauses = [after - before for before, after in zip(work.at, work.at[1:], strict=False)]
    assert pauses[0] >= 0.05
    assert pauses[1] >= 0.24


async def test_one_that_is_forgotten_is_not_looked_at_again():
    work = Worker()
    work.held = True
    work.answers = [0.01, 0.01]
    async with running(work) as queue:
        queue.touch("acme")
        await until(lambda: work.begun == ["acme"])
        queue.touch("acme")
        queue.forget("acme")
        work.let_go.release()
        await until(lambda: work.ended == ["acme"])
        work.held = False
        queue.touch("globex")
        await until(lambda: work.ended.count("globex") == 2)
        assert work.begun.count("acme") == 1
        queue.touch("acme")
        await until(lambda: work.begun.count("acme") == 2)


async def test_it_tells_how_many_wait_and_how_long():
    work = Worker()
    work.held = True
    told: list[BaseException | None] = []
    async with running(work, concurrency=1, observe=lambda _, failed: told.append(failed)) as queue:
        for name in ("one", "two", "three"):
            queue.touch(name)
        await until(lambda: queue.state().running == 1 and queue.state().oldest > 0.05)
        assert queue.state().waiting == 2
        for _ in range(3):
            work.let_go.release()
        await until(lambda: queue.state() == (0, 0.0, 0))
    assert told == [None] * 3


async def test_the_end_ends_what_is_under_way():
    work = Worker()
    work.held = True
    async with running(work) as queue:
        queue.touch("acme")
        await until(lambda: work.begun == ["acme"])
    assert work.ended == ["acme"]


async def test_one_that_was_asked_for_waits_for_one_look_at_most_and_keeps_nobody_waiting():
    work = Worker()
    work.held = True
    async with running(work, concurrency=1) as queue:
        for number in range(6):
            queue.touch(f"t{number}")
        await until(lambda: work.begun == ["t0"])
        for name in ("t4", "new", "newer"):
            queue.touch(name, asked=True)
        await work.ends(8)
        assert work.begun == ["t0", "t4", "t1", "new", "t2", "newer", "t3", "t5"]
        # What comes of it goes before the others, too.
        queue.touch("busy")
        await until(lambda: work.begun[-1] == "busy")
        for name in ("t1", "t2", "t3", "newer"):
            queue.touch(name, urgent=True)
        await until(lambda: queue.state().waiting == 4)
        await work.ends(5)
    assert work.begun[8:] == ["busy", "newer", "t1", "t2", "t3"]


async def test_one_that_failed_is_tried_at_once_when_it_is_asked_for():
    work = Worker()
    work.answers = [ServerUnavailable("away"), None]
    async with running(work) as queue:
        queue.touch("acme")
        await until(lambda: work.ended == ["acme"])
        queue.touch("acme", asked=True)
        await until(lambda: work.ended == ["acme"] * 2)


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("touches", [1, 500])
async def test_the_order_does_not_grow_with_the_touches(touches, asked):
    work = Worker()
    async with running(work) as queue:
        for _ in range(touches):
            queue.touch("acme")
            queue.touch("acme", asked=asked)
        assert sum(map(len, queue._lanes)) == 1 + asked
