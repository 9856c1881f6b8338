"""All three roles in one process: what a user does becomes a nudge."""

import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import nkeys
import pytest
from nats.aio.client import Client
from tests.event_ids import event_id

from handrail_contracts import intake, subjects, times

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from tests.runtime.agent.conftest import MakeWorld, Until, World


def _events(user: str) -> list[dict[str, Any]]:
    """Opens the projects, and clicks in vain on what is no button."""
    did: list[tuple[str, str | None, dict[str, Any]]] = [("page_view", None, {})]
    did += [("click", "#logo", {"reacted": False})] * 3
    begin = datetime.now(UTC) - timedelta(seconds=20)
    return [
        {
            "event_id": event_id(),
            "event_type": event_type,
            "user_id": user,
            "session_id": f"s-{user}",
            "timestamp": (begin + timedelta(seconds=2 * at)).isoformat(),
            "url": "https://app.example.test/projects",
            "target_element": {"selector": selector} if selector else None,
            "properties": properties,
        }
        for at, (event_type, selector, properties) in enumerate(did)
    ]


async def _publish(world: "World", user: str) -> None:
    """As the gateway does."""
    publish = world.tenant.record.publish
    assert publish is not None
    client = Client()
    await client.connect(
        [world.servers.nats_url],
        user_jwt_cb=lambda: publish.jwt.encode(),
        signature_cb=lambda nonce: base64.b64encode(nkeys.from_seed(publish.seed.encode()).sign(nonce.encode())),
    )
    body = msgspec.json.encode({"events": _events(user), "sent_at": datetime.now(UTC).isoformat()})
    meta = intake.BatchMeta(times.micros(datetime.now(UTC)), 0, True, "req-7")
    await client.jetstream().publish(subjects.EVENTS, intake.frame(meta, body))
    await client.close()


async def test_dead_clicks_on_the_way_to_a_project_become_a_tooltip_on_the_right_button(
    make_world: "MakeWorld", until: "Until"
) -> None:
    world = await make_world({"tone": {"voice": "playful"}}, start=False)
    agent = await world.start(roles="ingest,agent,realtime")
    user = "anon-6f9f1f0e-6d0c-4d0a-9b62-7b5a0f7c3a11"
    await world.appears(user)
    await _publish(world, user)
    (nudge,) = await until(lambda: world.nudges(user))
    content = nudge["content"]
    assert (content.kind, content.target, content.stuck_point) == (
        "tooltip", "#new-project", "first-project/new-project",
    )  # fmt: skip
    assert (content.title, content.body) == (
        "So close", "That one's just for show. Next up: **New project**. It's right here!",
    )  # fmt: skip
    # The line is written after the commit that this test has waited for.
    await until(_said(agent.log, '"request_id": "req-7"'))
    assert await agent.stop() == 0


def _said(log: Path, words: str) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return words in log.read_text()

    return look
