"""What the agent thinks (Diagnosis) and what it says (Nudge)."""

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

NudgeKind = Literal["tooltip", "chat"]


class Diagnosis(BaseModel):
    """Whether and where a user is stuck, and how sure we are."""

    model_config = ConfigDict(extra="forbid")

    is_stuck: bool
    stuck_point: str = Field(min_length=1, max_length=500)
    confidence: float = Field(ge=0, le=1)
    reason: str = Field(min_length=1, max_length=1000, description="For a person: what was seen and why it means that.")
    target: str | None = Field(None, max_length=2048, description="CSS selector of the element that would help.")


def _check_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("only http and https addresses are allowed")
    return value


class Action(BaseModel):
    """A button of a nudge."""

    id: str = Field(min_length=1, max_length=64)
    label: str = Field(min_length=1, max_length=60)
    kind: Literal["dismiss", "link", "event"]
    url: Annotated[str, Field(max_length=2048), AfterValidator(_check_url)] | None = None


class NudgeText(BaseModel):
    """What the coach writes; the rest of a nudge is known without it."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=80)
    body: str = Field(min_length=1, max_length=600, description="Small Markdown.")
    actions: list[Action] = Field(default_factory=list, max_length=3)


class Nudge(BaseModel):
    """One nudge as the browser gets it."""

    nudge_id: str
    kind: NudgeKind
    stuck_point: str
    target: str | None = Field(description="CSS selector, or null for none.")
    title: str
    body: str = Field(description="Small Markdown: bold, code, lists, http(s) links.")
    actions: list[Action] = []
    language: str = Field(description="BCP 47.")
    expires_at: datetime


class NudgeNotice(msgspec.Struct):
    """Told by core NATS: look into the table for this user. Losing it costs time, not the nudge."""

    user_id: str
    seq: int
    told_at: int = 0
    """Microseconds since 1970."""
    occurred_at: int = 0
    """Microseconds since 1970, of the event that led to it; 0: not known."""
