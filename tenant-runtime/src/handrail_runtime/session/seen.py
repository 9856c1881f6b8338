"""What detectors look at (Seen) and what they say (Finding)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from handrail_contracts.signals import SignalKind
from handrail_runtime.session.matching import path_of

MAX_MERGED = 1000
"""A browser may merge clicks into one event; what it says beyond this is not believed."""

ACTIVITY = frozenset(
    {
        "page_view", "click", "change", "focus", "submit", "custom", "user_message", "visibility",
        "nudge_dismissed", "nudge_clicked", "nudge_completed",
    }
)  # fmt: skip
"""Events that a person makes. A nudge being shown or a script failing says nothing about whether anyone is there."""


class Seen(msgspec.Struct, frozen=True, gc=False):
    """One stored event, as far as a detector cares."""

    at: int
    """Microseconds since 1970, corrected."""
    event_id: str
    event_type: str
    path: str = ""
    selector: str | None = None
    tag: str | None = None
    count: int = 1
    """How many the browser merged into this one."""
    reacted: bool | None = None
    kind: str = ""
    """Of an error: js, http, form."""
    valid: bool | None = None
    visible: bool | None = None
    """Of a visibility event."""
    stale: bool = False
    """Older than an hour when it came."""

    @property
    def active(self) -> bool:
        return self.event_type in ACTIVITY and self.visible is not False


TELLING = frozenset({"click", "error", "submit", "visibility"})
"""Types of events whose properties tell detectors something."""


class Told(msgspec.Struct, gc=False):
    """The few of an event's properties that matter to detectors. Their types are looked at later."""

    count: Any = None
    reacted: Any = None
    kind: Any = None
    valid: Any = None
    state: Any = None


def seen(
    at: int,
    event_id: str,
    event_type: str,
    url: str,
    selector: str | None,
    tag: str | None,
    told: Told,
    stale: bool,
) -> Seen:
    """What is told and not of the promised type counts as not given."""
    count, reacted, kind, valid, state = told.count, told.reacted, told.kind, told.valid, told.state
    return Seen(
        at,
        event_id,
        event_type,
        path_of(url),
        selector,
        tag,
        1 if count is None else min(count, MAX_MERGED) if type(count) is int and count > 0 else 1,
        reacted if isinstance(reacted, bool) else None,
        kind[:64] if isinstance(kind, str) else "",
        valid if isinstance(valid, bool) else None,
        None if event_type != "visibility" or not isinstance(state, str) else state != "hidden",
        stale,
    )


def in_order(events: Sequence[Seen]) -> list[Seen]:
    """By time, each event once."""
    return sorted({event.event_id: event for event in events}.values(), key=_order)


def _order(event: Seen) -> tuple[int, str]:
    return event.at, event.event_id


@dataclass(frozen=True)
class Finding:
    """An episode in which a user looked stuck. Later events of the same episode give the same one."""

    kind: SignalKind
    key: str
    """What the episode is about within its session; the same for all its events."""
    anchor: str
    """Id of the event that began it."""
    began: int
    at: int
    """When it was first complete."""
    until: int
    """Last event of it so far."""
    gap: int
    """Quiet time after which another episode begins, microseconds."""
    path: str
    selector: str | None = None
    stale: bool = False
    evidence: dict[str, Any] = field(default_factory=dict)
