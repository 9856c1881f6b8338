"""What events say of things other than the session: nudges seen or used, and who a user is. Pure but for `apply`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from handrail_contracts import names
from handrail_runtime.ingest import statements
from handrail_runtime.ingest.decoding import Arrived

MAX_TRAITS = 64 * 1024
"""Characters of a user's traits as JSON; what would go beyond is not merged."""

# in the order of a nudge's life
NUDGE_EVENTS = {
    "nudge_target_missing": ("acknowledged_at", "target_missing"),
    "nudge_shown": ("shown_at", "shown"),
    "nudge_dismissed": ("dismissed_at", "dismissed"),
    "nudge_clicked": ("clicked_at", "clicked"),
    "nudge_completed": ("completed_at", "completed"),
}


TYPES = frozenset({*NUDGE_EVENTS, "identify"})
"""Of the events that `gather` reads."""


class Feedback(msgspec.Struct):
    """Of one batch's new events, in order of time."""

    nudges: dict[str, list[tuple[UUID, str, datetime]]] = {}
    """(nudge, user, time) by type of event."""
    traits: dict[str, dict[str, Any]] = {}
    aliases: dict[str, tuple[str, datetime]] = {}

    def __bool__(self) -> bool:
        return bool(self.nudges or self.traits or self.aliases)


def gather(arrived: Sequence[Arrived]) -> Feedback:
    """`arrived` in order of time."""
    feedback = Feedback()
    for one in arrived:
        event = one.event
        if event.event_type in NUDGE_EVENTS:
            if (nudge_id := _uuid(one.properties().get("nudge_id"))) is not None:
                feedback.nudges.setdefault(event.event_type, []).append((nudge_id, event.user_id, one.at))
        elif event.event_type == "identify":
            _identified(feedback, one)
    return feedback


def _identified(feedback: Feedback, one: Arrived) -> None:
    properties = one.properties()
    anonymous = properties.pop("anonymous_id", None)
    given = properties.pop("traits", None)
    traits = given if isinstance(given, dict) else properties
    user_id = one.event.user_id
    if traits:
        feedback.traits.setdefault(user_id, {}).update(traits)
    if isinstance(anonymous, str) and names.is_anonymous(anonymous) and not names.is_anonymous(user_id):
        feedback.aliases.setdefault(anonymous, (user_id, one.at))


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


async def apply(connection: asyncpg.Connection, feedback: Feedback) -> dict[str, dict[str, int]]:
    """Writes it; gives for each user with news of nudges the nudges sent, by stuck point."""
    for user_id, traits in sorted(feedback.traits.items()):
        await connection.execute(statements.TRAITS, user_id, msgspec.json.encode(traits).decode(), MAX_TRAITS)
    if feedback.aliases:
        rows = sorted((anonymous, user_id, at) for anonymous, (user_id, at) in feedback.aliases.items())
        await connection.execute(statements.ALIASES, *map(list, zip(*rows, strict=True)))
    if not feedback.nudges:
        return {}
    users: set[str] = set()
    for event_type, (column, status) in NUDGE_EVENTS.items():
        if told := feedback.nudges.get(event_type):
            told = sorted(told)
            users.update(user_id for _, user_id, _ in told)
            await connection.execute(statements.nudge_update(column, status), *map(list, zip(*told, strict=True)))
    counts: dict[str, dict[str, int]] = {user_id: {} for user_id in users}
    for row in await connection.fetch(statements.NUDGE_COUNTS, sorted(users)):
        counts[row["user_id"]][row["stuck_point"]] = row["sent"]
    return counts
