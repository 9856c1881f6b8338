"""Nothing happens although the page is open."""

from handrail_contracts.times import STALE_AFTER
from handrail_runtime.session.seen import Finding

STALE = int(STALE_AFTER.total_seconds() * 1_000_000)
MARGIN = 60_000_000
"""Microseconds in which a very late `after` (an hour or more) is still told."""


def due_at(*, active_at: int, after: int, hidden: bool) -> int | None:
    """When a session counts as inactive (microseconds), or None: a hidden page is not waited for."""
    return None if hidden or not active_at else active_at + after


def find(
    *, active_id: str, active_at: int, hidden: bool, path: str, stale: bool, after: int, known_until: int
) -> Finding | None:
    """One finding for each stretch without activity of `after` microseconds, named by the last active event.

    `known_until` is the time up to which every event has been stored: silence is only known that far. A session
    silent for an hour (or longer than `after`, where that is more) raises none, for nobody sits there any more.
    """
    due = due_at(active_at=active_at, after=after, hidden=hidden)
    if due is None or due > known_until or known_until - active_at >= max(STALE, after + MARGIN):
        return None
    return Finding(
        kind="inactivity",
        key=active_id,
        anchor=active_id,
        began=active_at,
        at=due,
        until=due,
        gap=0,
        path=path,
        stale=stale,
        evidence={"idle_ms": after // 1000, "event_ids": [active_id]},
    )
