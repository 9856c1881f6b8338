"""An escalation as it is told to people and programs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5


@dataclass(frozen=True)
class Alert:
    """One escalation, read from the database for one channel. `draft` is what `alerts.draft` made."""

    tenant: str
    escalation_id: UUID
    channel: str
    user_id: str
    session_id: str
    stuck_point: str
    created_at: datetime
    draft: dict[str, Any]

    @property
    def message_id(self) -> UUID:
        """The same at every attempt, so that whoever receives it twice can tell."""
        return uuid5(self.escalation_id, self.channel)

    @property
    def subject(self) -> str:
        """On one line, whatever the user's id holds."""
        return " ".join(str(self.draft.get("subject", "Somebody is stuck")).split())

    @property
    def text(self) -> str:
        return str(self.draft.get("text", ""))
