"""How many calls a second are made at most."""

import asyncio
import time


class Bucket:
    """Tokens that come back at `rate` a second, up to `burst`. Whoever asks first goes first."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._left = float(burst)
        self._counted = time.monotonic()
        self._turn = asyncio.Lock()

    async def take(self) -> None:
        """Returns once a call may be made."""
        async with self._turn:
            self._refill()
            if self._left < 1:
                await asyncio.sleep((1 - self._left) / self._rate)
                self._refill()
            self._left -= 1

    def _refill(self) -> None:
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._counted) * self._rate)
        self._counted = now
