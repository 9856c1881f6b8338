"""How long whoever answered 429 or 503 wants to be left alone. Pure."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 86400.0
"""Seconds; who asks for more is taken to mean this. Each caller has a bound of its own below it."""


def seconds(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, given as a number or as a date; None where it says nothing."""
    text = (header or "").strip()
    try:
        wait = float(text)
    except ValueError:
        try:
            at = parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError):
            return None
        wait = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
        wait = max(0.0, wait)
    return None if math.isnan(wait) or wait < 0 else min(wait, LONGEST)
