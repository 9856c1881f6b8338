"""Ends tasks for sure: nats-py and redis-py may swallow one cancellation, so it is asked again."""

import asyncio
from typing import Any

_AGAIN = 0.2
"""Seconds."""


async def end(*tasks: "asyncio.Future[Any]", seconds: float = 3.0) -> None:
    """Returns when all are done, or after `seconds`; what they raised is dropped."""
    until = asyncio.get_running_loop().time() + seconds
    left = {task for task in tasks if not task.done()}
    while left and asyncio.get_running_loop().time() < until:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN)
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()
