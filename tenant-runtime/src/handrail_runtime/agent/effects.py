"""What a run leads to, as values. They are carried out in one place, `perform.py`."""

from dataclasses import dataclass
from typing import Any

from handrail_contracts.nudges import NudgeKind, NudgeText


@dataclass(frozen=True)
class SendNudge:
    """Show this to the user."""

    kind: NudgeKind
    target: str | None
    text: NudgeText
    language: str


@dataclass(frozen=True)
class Escalate:
    """Alert a human. `tell` is what the user hears about it, where the user asked."""

    draft: dict[str, Any]
    tell: SendNudge | None = None


@dataclass(frozen=True)
class Nothing:
    """Leave the user alone; the decision is recorded all the same."""


Effect = SendNudge | Escalate | Nothing
