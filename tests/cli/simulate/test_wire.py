"""What goes over the wire is what the gateway takes, and tells the time as it was."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handrail_cli.simulate import batches
from handrail_cli.simulate.personas import PERSONAS, Reaction
from handrail_cli.simulate.plan import make_plan
from handrail_cli.simulate.reactions import leave, react
from handrail_contracts import events as wire
from handrail_contracts.nudges import Nudge
from handrail_contracts.tenant_spec import TenantSpec

NOW = datetime(2026, 7, 1, 12, 0, 0, 123000, UTC)
ANON = "anon-0f0e0d0c-0b0a-4908-8706-050403020100"
SPEC = TenantSpec.model_validate({"displayName": "Acme", "origins": ["https://app.acme.test"]})


@pytest.mark.parametrize("persona", sorted(PERSONAS))
def test_batches_hold_each_event_once_in_order_and_end_now(persona: str) -> None:
    plan = make_plan(SPEC, seed=5, users=1, persona=persona).users[0]
    visitor = batches.begin(plan, ANON, "s1", NOW)
    parts = batches.chunks(plan)
    assert [event for part in parts for event in part] == list(plan.events)

    chance = random.Random(1).randbytes
    sent = [batches.body(visitor, batches.planned(visitor, part, chance), "t", NOW) for part in parts]
    read = [event for body in sent for event in wire.decode(body).events]
    assert [event.event_type for event in read] == [event.event_type for event in plan.events]
    assert len({event.event_id for event in read}) == len(read)
    assert abs(read[-1].timestamp - NOW) < timedelta(milliseconds=1)
    assert max(event.timestamp for event in read) <= NOW + timedelta(milliseconds=1)


@pytest.mark.parametrize("persona", sorted(PERSONAS))
def test_the_first_batch_reaches_to_where_nobody_calls_the_user_idle(persona: str) -> None:
    plan = make_plan(SPEC, seed=9, users=1, persona=persona).users[0]
    first = batches.chunks(plan)[0]
    assert plan.seconds - first[-1].at < SPEC.detectors.inactivity.after.total_seconds() / 2
    assert first[-1].path == plan.events[-1].path


def test_a_batch_as_a_document() -> None:
    plan = make_plan(SPEC, seed=5, users=1, persona="smooth").users[0]
    visitor = batches.Visitor(plan, ANON, "s1", NOW)
    one = batches.planned(visitor, [leave("/a")], lambda count: b"\0" * count)
    assert json.loads(batches.body(visitor, one, None, NOW)) == {
        "sent_at": "2026-07-01T12:00:00.123000Z",
        "sdk_version": "simulate",
        "token": None,
        "api_key": None,
        "context": {"time_zone": plan.time_zone, "locale": plan.locale, "simulated": True, "dropped": 0},
        "events": [
            {
                "event_id": "019f1d8c-e27b-7000-8000-000000000000",
                "event_type": "visibility",
                "user_id": ANON,
                "session_id": "s1",
                "timestamp": "2026-07-01T12:00:00.123000Z",
                "url": "https://app.acme.test/a",
                "target_element": None,
                "properties": {"state": "hidden"},
            }
        ],
    }


def _nudge(**fields: Any) -> Nudge:
    return Nudge.model_validate(
        {
            "nudge_id": "n1",
            "kind": "tooltip",
            "stuck_point": "b/s",
            "target": "#new",
            "title": "T",
            "body": "B",
            "actions": [
                {"id": "no", "label": "No", "kind": "dismiss"},
                {"id": "show", "label": "Show me", "kind": "event"},
            ],
            "language": "en",
            "expires_at": NOW,
        }
        | fields
    )


_ONLY_DISMISS = [{"id": "no", "label": "No", "kind": "dismiss"}]


@pytest.mark.parametrize(
    ("reaction", "nudge", "expected"),
    [
        ("ignore", _nudge(), ["nudge_shown"]),
        ("dismiss", _nudge(), ["nudge_shown", "nudge_dismissed"]),
        ("click", _nudge(), ["nudge_shown", "nudge_clicked show"]),
        ("click", _nudge(actions=_ONLY_DISMISS), ["nudge_shown", "nudge_clicked no", "nudge_dismissed no"]),
        ("click", _nudge(actions=[]), ["nudge_shown", "nudge_dismissed"]),
        ("complete", _nudge(), ["nudge_shown", "click", "nudge_completed"]),
        ("complete", _nudge(target=None), ["nudge_shown", "nudge_clicked show"]),
    ],
)
def test_reactions_are_what_the_snippet_would_send(reaction: Reaction, nudge: Nudge, expected: list[str]) -> None:
    events = react(reaction, nudge, "/a")
    words = [
        f"{event.event_type} {event.properties['action_id']}" if "action_id" in event.properties else event.event_type
        for event in events
    ]
    assert words == expected
    assert all(event.properties["nudge_id"] == "n1" for event in events if event.event_type.startswith("nudge_"))
