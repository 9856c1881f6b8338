"""When an attempt is followed by another. Pure: what came of it in, seconds or the end out."""

from dataclasses import dataclass
from typing import Literal

BACK_OFF = (5.0, 30.0, 120.0, 600.0, 3600.0, 21600.0)
"""Seconds after the first failure, the second and so on; one more and it is given up: after about seven hours."""
JITTER = 0.2
"""Share of the wait, either way."""
LONGEST_RETRY_AFTER = 21600.0
WAITING = (30.0, 60.0, 300.0, 900.0, 3600.0)
"""Seconds while something must be set up first, such as a Secret; the last one again and again."""
WAIT_AT_MOST = 3 * 86400.0
"""Seconds from the escalation on."""

Outcome = Literal["delivered", "failed", "refused", "waiting"]


@dataclass(frozen=True)
class Result:
    """What came of one attempt. `failed` may go well later, `refused` will not, `waiting` was not tried at all."""

    outcome: Outcome
    status: int | None = None
    error: str = ""
    retry_after: float | None = None
    """Seconds, as the other side wants it."""


def next_attempt(result: Result, *, failures: int, waits: int, age: float, jitter: float) -> float | None:
    """Seconds until the next attempt, None where there is none. `failures` and `waits` count this attempt, too; `age`
    is the escalation's in seconds; `jitter` is from -1 to 1."""
    if result.outcome == "waiting":
        return WAITING[min(waits, len(WAITING)) - 1] if age < WAIT_AT_MOST else None
    if result.outcome != "failed" or failures > len(BACK_OFF):
        return None
    wait = BACK_OFF[failures - 1] * (1 + JITTER * jitter)
    if result.retry_after is None:
        return wait
    return min(LONGEST_RETRY_AFTER, max(wait if failures > 1 else 1.0, result.retry_after))


def of_status(status: int, retry_after: float | None = None, said: str = "") -> Result:
    """What an answer of HTTP means."""
    error = f"answered {status}{f' ({said})' if said else ''}"
    if 200 <= status < 300:
        return Result("delivered", status)
    if 300 <= status < 400:
        return Result("refused", status, f"{error}: redirects are not followed, so give the final address")
    if status in (408, 425, 429) or status >= 500:
        return Result("failed", status, error, retry_after)
    return Result("refused", status, error)
