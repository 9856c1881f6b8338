"""What one simulated user did and got: written by the visit, read by the report. Plain data."""

from dataclasses import dataclass, field
from typing import Literal

from handrail_cli.simulate.plan import PlannedUser

Stage = Literal["waiting", "walking", "watching", "left", "failed"]


@dataclass
class VisitLog:
    """One user of this run."""

    plan: PlannedUser
    user_id: str
    session_id: str
    stage: Stage = "waiting"
    deaf: bool = False
    """Without a socket: nudges do not reach this user."""
    sent: set[str] = field(default_factory=set)
    """Ids of events that the platform accepted."""
    walked: int = 0
    """How many of them were planned; the others are reactions and the leaving."""
    stuck_at: float | None = None
    """Monotonic seconds: the batch with the first trigger was handed over."""
    received: list[str] = field(default_factory=list)
    """Ids of nudges, in order."""
    latencies: list[float] = field(default_factory=list)
    """Seconds from `stuck_at` to the first nudge."""
    reacted: int = 0
    """Nudges whose reaction was sent, in order."""

    @property
    def at_rest(self) -> bool:
        """Nothing more will come of this user by itself."""
        return self.stage == "failed" or (self.stage == "left" and self.reacted == len(self.received))
