"""A signal: something a detector saw. Its id is deterministic, so that the same finding is one signal."""

from typing import Any, Literal
from uuid import UUID, uuid5

import msgspec

SignalKind = Literal[
    "inactivity",
    "rage_click",
    "dead_click",
    "back_and_forth",
    "repeated_error",
    "off_baseline",
    "help_sought",
]
_SPACE = UUID("6f9f1f0e-6d0c-5d0a-9b62-7b5a0f7c3a11")


class Signal(msgspec.Struct, kw_only=True, frozen=True):
    """What a detector saw, where, and why it says so."""

    signal_id: str
    kind: SignalKind
    user_id: str
    session_id: str
    stuck_point: str
    """Where the user is stuck: `<baseline>/<step>` on a baseline, else `<path>#<selector>` or `<path>`."""
    occurred_at: int
    """Microseconds since 1970, of the event that completed the finding."""
    path: str = ""
    """Path of the page, query removed."""
    selector: str | None = None
    """CSS selector of the element concerned, where there is one."""
    baseline: str | None = None
    step: str | None = None
    """The baseline's next step the user has not reached."""
    simulated: bool = False
    fresh: bool = True
    """False for events older than an hour on arrival: kept, and no nudge."""
    evidence: dict[str, Any] = {}
    """The figures that made the detector speak, e.g. {"clicks": 5, "within_ms": 830, "event_ids": [...]}."""
    trace: dict[str, str] = {}
    """Of the batch that brought the last event: `request_id`, and `traceparent` where there is one."""


def signal_id(kind: SignalKind, session_id: str, anchor: str) -> str:
    """The id of a finding. `anchor` names it within its session, mostly the id of the event that began it."""
    return str(uuid5(_SPACE, f"{kind}\n{session_id}\n{anchor}"))


encode = msgspec.json.encode
_decoder = msgspec.json.Decoder(Signal)


def decode(data: bytes) -> Signal:
    """Raises msgspec.MsgspecError where `data` is no signal."""
    return _decoder.decode(data)
