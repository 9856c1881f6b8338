"""Ends asyncio tasks for sure: a library in between may swallow one cancellation, so it is asked again."""

import asyncio
from typing import Any

AGAIN_EVERY = 0.3
"""Seconds."""


async def cancel(*tasks: "asyncio.Task[Any]", seconds: float = 3.0) -> None:
    """Returns when all are done, or after `seconds`; what they raised is dropped."""
    deadline = asyncio.get_running_loop().time() + seconds
    left = {task for task in tasks if not task.done()}
    while left and asyncio.get_running_loop().time() < deadline:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_EVERY)
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()  # seen
