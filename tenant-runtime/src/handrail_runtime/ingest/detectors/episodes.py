"""What the detectors that count share: when is a number reached within a time, and where does an episode end."""

from collections.abc import Sequence
from dataclasses import dataclass

from handrail_runtime.session.seen import Seen

QUIET = 30_000_000
"""Microseconds without a further finding after which the next one is news. Longer windows stretch it."""


@dataclass(frozen=True)
class Burst:
    """An episode: its first complete window, and how long it went on."""

    window: tuple[Seen, ...]
    """The events that first made the number full."""
    until: int

    @property
    def weight(self) -> int:
        return sum(event.count for event in self.window)

    @property
    def span_ms(self) -> int:
        return (self.window[-1].at - self.window[0].at) // 1000

    @property
    def event_ids(self) -> list[str]:
        return [event.event_id for event in self.window[-20:]]


def gap_for(within: int) -> int:
    return max(QUIET, within)


def bursts(points: Sequence[Seen], count: int, within: int) -> list[Burst]:
    """Episodes in which `count` of `points` (in order of time, alike) fall within `within` microseconds."""
    found: list[Burst] = []
    gap = gap_for(within)
    start = weight = 0
    for at, point in enumerate(points):
        weight += point.count
        while point.at - points[start].at > within:
            weight -= points[start].count
            start += 1
        if weight < count:
            continue
        if found and point.at - found[-1].until <= gap:
            found[-1] = Burst(found[-1].window, point.at)
        else:
            found.append(Burst(tuple(points[start : at + 1]), point.at))
    return found
