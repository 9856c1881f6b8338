"""What the read API answers. Field names are those of the tables."""

from datetime import date, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field

from handrail_runtime.targets.standing import State

Item = TypeVar("Item")


class EventItem(BaseModel):
    """One stored event."""

    event_id: UUID
    user_id: str
    session_id: str
    event_type: str
    target_element: dict[str, Any] | None
    timestamp: datetime = Field(description="By the platform's clock.")
    url: str
    properties: dict[str, Any]
    received_at: datetime
    verified: bool = Field(description="Whether a user token for this user came with it.")
    simulated: bool


class UserItem(BaseModel):
    """One user."""

    user_id: str
    signup_date: datetime = Field(description="Time of the first event.")
    last_seen_time: datetime
    metadata: dict[str, Any] = Field(description="Traits.")
    simulated: bool


class UserDetail(UserItem):
    """One user with what is known beyond the list."""

    anonymous_ids: list[str] = Field(description="Anonymous ids that turned out to be this user, the first 100.")


class SessionItem(BaseModel):
    """One visit."""

    session_id: str
    user_id: str
    start_time: datetime
    last_seen_time: datetime
    is_active: bool
    event_count: int


class NudgeItem(BaseModel):
    """One nudge and what became of it."""

    nudge_id: UUID
    user_id: str
    session_id: str
    signal_id: UUID
    stuck_point: str
    nudge_type: str
    content: dict[str, Any] = Field(description="The nudge as the browser gets it.")
    seq: int
    sent_at: datetime
    expires_at: datetime
    status: str = Field(
        description="pending, acknowledged, shown, clicked, dismissed, completed, target_missing or expired."
    )
    acknowledged_at: datetime | None
    shown_at: datetime | None
    clicked_at: datetime | None
    dismissed_at: datetime | None
    completed_at: datetime | None
    config_revision: str
    simulated: bool


class DecisionItem(BaseModel):
    """Why a signal led to a nudge, an escalation or nothing."""

    decision_id: UUID
    signal_id: UUID
    signal_kind: str
    user_id: str
    session_id: str
    stuck_point: str
    outcome: str = Field(description="nudged, escalated or none.")
    reason: str = Field(description="The gate that ended it, or what was done.")
    gates: list[dict[str, Any]] = Field(description="Each gate passed or failed, in order, with the user's values.")
    diagnosis: dict[str, Any] | None = Field(description="What the agent thought.")
    confidence: float | None
    nudge_id: UUID | None
    escalation_id: UUID | None
    provider: str
    model: str
    prompt_version: str
    input_tokens: int | None = Field(description="That a model was given; null where none was asked.")
    output_tokens: int | None
    cost_usd: float | None = Field(description="Null, too, where the model's price is not known.")
    llm_seconds: float | None = Field(description="Spent waiting for the model.")
    config_revision: str
    created_at: datetime


class DeliveryItem(BaseModel):
    """One channel of an escalation."""

    channel: str = Field(description="webhook:<name> or email.")
    state: str = Field(description="pending, delivered, failed, or cancelled: the escalation was closed first.")
    attempts: int
    next_attempt_at: datetime
    delivered_at: datetime | None
    last_error: str | None = Field(description="Of the last attempt; empty where it succeeded.")


class EscalationItem(BaseModel):
    """One call for a human."""

    escalation_id: UUID
    signal_id: UUID
    user_id: str
    session_id: str
    stuck_point: str
    status: str = Field(description="open or closed.")
    draft: dict[str, Any] = Field(description="Subject, text, diagnosis, history and nudges for whoever takes over.")
    created_at: datetime
    closed_at: datetime | None
    deliveries: list[DeliveryItem]


class DeadLetterItem(BaseModel):
    """Something that could not be read or stored, kept until it is put back or dropped."""

    dead_letter_id: UUID
    kind: str = Field(description="event, batch, message or signal: the smallest part that is to blame.")
    class_: str = Field(alias="class", description="poison: these values; bug: a fault of the platform.")
    reason: str
    event_id: str | None
    user_id: str | None
    event_type: str | None
    attempts: int
    state: str = Field(description="open, or retried: put back and not worked off yet.")
    first_failed_at: datetime
    last_failed_at: datetime
    size: int = Field(description="Bytes.")
    event: Any = Field(description="The event as it was sent, where it can be read; else null.")


class Retried(BaseModel):
    """What putting back all open dead letters did."""

    retried: int
    more: bool = Field(description="There was no time for all: ask again.")


class Dropped(BaseModel):
    """What dropping all open dead letters did."""

    dropped: int


class RunItem(BaseModel):
    """A run of the agent that was given up, at the step that failed."""

    run_id: UUID
    user_id: str
    session_id: str
    signal_kind: str
    stuck_point: str
    node: str = Field(description="The step that failed, and where the run is taken up again.")
    error: str
    attempts: int
    status: str = Field(description="failed or resuming.")
    failed_at: datetime
    resumed_at: datetime | None
    state: dict[str, Any] = Field(description="What the run had found out before it failed.")


class RunResumed(BaseModel):
    """A run that is on its way again."""

    run_id: UUID
    status: str


class TargetUse(BaseModel):
    """Where the config names an element."""

    baseline: str
    step: str | None = Field(description="null: what ends the baseline well.")
    event: str
    path: str = Field(description="Empty: any page.")
    stuck_point: str | None


class TargetNudges(BaseModel):
    """What became of the nudges that point at an element, in the time asked for."""

    sent: int
    shown: int
    target_missing: int = Field(description="Given up because it was not in the page.")
    last_sent_at: datetime | None
    last_missing_at: datetime | None
    stuck_points: list[str]


class NearTarget(BaseModel):
    """An element that stands where the missing one should be, or is named much like it."""

    selector: str
    count: int = Field(description="How often browsers named it.")
    last_seen_at: datetime


class TargetDay(BaseModel):
    """One day, UTC."""

    day: date
    found: int
    missed: int


class TargetPage(BaseModel):
    """An element on one page."""

    path: str = Field(description="As the config has it; else a page where it was seen, numbers as *.")
    state: State
    found: int = Field(description="Visits in which a browser looked and found it, in the time asked for.")
    missed: int = Field(description="Visits in which it did not, although the page stayed long enough.")
    found_share: float | None
    missed_in_a_row: int = Field(description="Since it was last seen.")
    last_found_at: datetime | None
    last_used_at: datetime | None = Field(description="By a user; to some minutes.")
    first_missed_at: datetime | None = Field(description="Since it was last seen.")
    last_missed_at: datetime | None
    nearest: list[NearTarget]
    days: list[TargetDay] = Field(description="Newest first, those without a look left out.")


class TargetItem(BaseModel):
    """One element that the config, or a nudge of late, counts on."""

    selector: str
    state: State = Field(
        description="missing: more often in a row than ever before, and where it should be; unknown: never seen yet."
    )
    looked_for: bool = Field(description="Whether browsers look for it; the first 50 of the config are.")
    uses: list[TargetUse]
    nudges: TargetNudges
    found: int
    missed: int
    found_share: float | None
    last_seen_at: datetime | None
    first_missed_at: datetime | None
    nearest: list[NearTarget] = Field(description="Most often named first.")
    pages: list[TargetPage]


class _Page(BaseModel, Generic[Item]):
    items: list[Item]
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


class EventPage(_Page[EventItem]): ...


class UserPage(_Page[UserItem]): ...


class SessionPage(_Page[SessionItem]): ...


class NudgePage(_Page[NudgeItem]): ...


class DecisionPage(_Page[DecisionItem]): ...


class EscalationPage(_Page[EscalationItem]): ...


class DeadLetterPage(_Page[DeadLetterItem]): ...


class RunPage(_Page[RunItem]): ...


class TargetItems(_Page[TargetItem]): ...
