"""Finds what cannot be stored among what can: by halves, so that one bad event among n costs about 2 log2(n) tries."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


async def sift(
    items: Sequence[T], store: Callable[[Sequence[T]], Awaitable[Exception | None]]
) -> list[tuple[int, Exception]]:
    """Stores all that can be stored, in order, and gives the places of the rest with the error of each.

    `store` takes a part and gives the error for which it refused all of it, or None where it took all of it.
    """
    refused: list[tuple[int, Exception]] = []
    waiting = [(0, len(items))]
    while waiting:
        start, end = waiting.pop()
        if start == end:
            continue
        error = await store(items[start:end])
        if error is None:
            continue
        if end - start == 1:
            refused.append((start, error))
            continue
        middle = (start + end) // 2
        # The earlier half first: what a user did first is stored first.
        waiting += [(middle, end), (start, middle)]
    return refused
