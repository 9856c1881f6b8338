"""Times on the wire: RFC 3339 in, microseconds since 1970 inside; the correction of a browser's clock."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

Rfc3339 = Annotated[datetime, msgspec.Meta(tz=True)]
"""One parser for all: the msgspec types use it directly, the Pydantic ones through `parse`."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
STALE_AFTER = timedelta(hours=1)
"""An event older than this on arrival is kept, and causes no nudge."""
SAME_CLOCK = timedelta(seconds=2)
"""Clocks this far apart are taken for one: a slow network takes as long."""
_US = timedelta(microseconds=1)
_SAME_CLOCK_US = SAME_CLOCK // _US


def parse(text: str) -> datetime:
    """An RFC 3339 time with its offset. Raises ValueError."""
    try:
        return msgspec.convert(text, type=Rfc3339)
    except msgspec.ValidationError as error:
        raise ValueError("an RFC 3339 time with an offset is wanted, e.g. 2026-01-31T12:00:00Z") from error


def in_range(value: datetime) -> bool:
    return EPOCH <= value < LATEST


def micros(value: datetime) -> int:
    return (value - EPOCH) // _US


def from_micros(value: int) -> datetime:
    return EPOCH + value * _US


def skew(sent_at: datetime | None, received_at: datetime) -> timedelta:
    """What to add to the browser's times: its clock's distance from ours when it sent.

    The way of a request takes time as well, and cannot be told from a clock that is slow; what is within
    `SAME_CLOCK` counts as the way, so that the times of a browser with a good clock stay as they are.
    """
    if sent_at is None or abs(received_at - sent_at) <= SAME_CLOCK:
        return timedelta(0)
    return received_at - sent_at


def skew_micros(sent_at: datetime | None, received_at: int) -> int:
    """The same in microseconds: `received_at` (since 1970) and the answer."""
    if sent_at is None:
        return 0
    distance = received_at - (sent_at - EPOCH) // _US
    return 0 if -_SAME_CLOCK_US <= distance <= _SAME_CLOCK_US else distance


def corrected(timestamp: datetime, offset: timedelta, received_at: datetime) -> datetime:
    """An event's time by our clock: skew added, never in the future, never before 1970."""
    return max(EPOCH, min(timestamp + offset, received_at))


def corrected_micros(timestamp: datetime, offset: int, received_at: int) -> int:
    """The same in microseconds, which costs a third."""
    return max(0, min((timestamp - EPOCH) // _US + offset, received_at))
