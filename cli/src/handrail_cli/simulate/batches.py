"""From a plan to what goes over the wire: ids, times and bodies of event batches. Pure; clock and chance come in.

A walk of minutes is sent in a moment: its times lie in the past, the last one about now, with the true distances
between them. Everything up to the page the user ends on goes in the first batch: no stored state of the user ever
looks idle while the rest is still on its way, and help is given for the place where the user is. The tail follows
in the snippet's own small batches.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from handrail_cli.simulate.plan import PlannedUser
from handrail_cli.simulate.walk import PlannedEvent
from handrail_contracts import events as wire
from handrail_contracts.event_ids import uuid7

SDK_VERSION = "simulate"
SMALL = 10
"""Events that the snippet sends at once."""


@dataclass(frozen=True)
class Visitor:
    """A planned user of this run: fresh ids, and the time at which the walk began."""

    plan: PlannedUser
    user_id: str
    session_id: str
    began: datetime


def begin(plan: PlannedUser, user_id: str, session_id: str, now: datetime) -> Visitor:
    """The walk laid out so that it ends at `now`."""
    return Visitor(plan, user_id, session_id, now - timedelta(seconds=plan.seconds))


def chunks(plan: PlannedUser) -> list[tuple[PlannedEvent, ...]]:
    """The history in one piece (or more, if it is huge), then the tail in small ones."""
    events = plan.events
    cut = 1 + max(at for at, event in enumerate(events) if event.trigger or event.event_type == "page_view")
    history = [events[at : min(at + wire.MAX_EVENTS, cut)] for at in range(0, cut, wire.MAX_EVENTS)]
    return history + [events[at : at + SMALL] for at in range(cut, len(events), SMALL)]


def event(
    visitor: Visitor,
    at: datetime,
    event_type: str,
    *,
    path: str,
    chance: Callable[[int], bytes],
    selector: str | None = None,
    tag: str | None = None,
    properties: dict[str, Any] | None = None,
) -> wire.Event:
    """One event of this visitor."""
    return wire.Event(
        event_id=uuid7(at, chance(10)),
        event_type=event_type,
        user_id=visitor.user_id,
        session_id=visitor.session_id,
        timestamp=at,
        url=f"{visitor.plan.origin}{path}",
        target_element=wire.Target(selector=selector, tag=tag) if selector else None,
        properties=properties or {},
    )


def planned(visitor: Visitor, part: Iterable[PlannedEvent], chance: Callable[[int], bytes]) -> list[wire.Event]:
    """Planned events as they are sent."""
    return [
        event(
            visitor,
            visitor.began + timedelta(seconds=each.at),
            each.event_type,
            path=each.path,
            chance=chance,
            selector=each.selector,
            tag=each.tag,
            properties=each.properties,
        )
        for each in part
    ]


def body(visitor: Visitor, events: list[wire.Event], token: str | None, sent_at: datetime) -> bytes:
    """The batch as JSON, marked as simulated."""
    context = wire.Context(time_zone=visitor.plan.time_zone, locale=visitor.plan.locale, simulated=True)
    return wire.encode(
        wire.Batch(events=events, sent_at=sent_at, sdk_version=SDK_VERSION, token=token, context=context)
    )
