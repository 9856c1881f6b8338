"""Alerts outlive their agent: killed between attempts, and with two agents at work."""

import base64
import json
import signal
from typing import TYPE_CHECKING

import pytest
from standardwebhooks import Webhook
from tests.runtime.agent.conftest import make_signal, make_world  # noqa: F401 - a fixture
from tests.runtime.escalation.receivers import receiver, says
from tests.runtime.processes import eventually

from handrail_contracts import names

if TYPE_CHECKING:
    from tests.runtime.agent.conftest import MakeWorld

pytestmark = pytest.mark.slow

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


async def test_killed_between_attempts_an_alert_is_delivered_and_no_attempt_is_lost(
    make_world: "MakeWorld",  # noqa: F811 - as above
) -> None:
    """From a signal on the stream to a receiver that was down, over a killed agent, to two new ones."""
    hook = {"name": "desk", "urlSecretRef": {"name": "h", "key": "url"}}
    hook["signingSecretRef"] = {"name": "h", "key": "signing"}
    world = await make_world({"escalation": {"afterNudges": 0, "webhooks": [hook]}}, start=False)
    async with receiver() as desk:
        for key, value in (("url", desk.url), ("signing", SECRET)):
            path = world.tenant.secrets / names.secret_ref_file("h", key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(value)
        desk.replies = [says(500)]
        first = await world.start(HANDRAIL_OUTBOUND_ALLOWED="127.0.0.1")
        user = await world.user()
        decision = await world.decide(make_signal(user))

        async def attempts() -> list[tuple[object, ...]]:
            rows = await world.pool.fetch("SELECT * FROM escalation_attempts ORDER BY number")
            return [(row["number"], row["outcome"], row["status"]) for row in rows]

        async def count(wanted: int) -> bool:
            return len(await attempts()) >= wanted

        # Sooner than the loop would look by itself: the run has woken it.
        await eventually(lambda: count(1), 30)
        await first.stop(signal.SIGKILL)
        await world.start(HANDRAIL_OUTBOUND_ALLOWED="127.0.0.1", wait=False)
        await world.start(HANDRAIL_OUTBOUND_ALLOWED="127.0.0.1", wait=False)
        await eventually(lambda: count(2))
    assert await attempts() == [(1, "failed", 500), (2, "delivered", 200)]
    assert await world.value("SELECT state FROM escalation_deliveries") == "delivered"
    assert len(desk.requests) == 2
    assert len({request.headers["webhook-id"] for request in desk.requests}) == 1
    found = Webhook(SECRET).verify(desk.requests[-1].body, desk.requests[-1].headers)
    assert found["data"]["escalation_id"] == str(decision["escalation_id"])
    assert found["data"]["user_id"] == user
    logs = "".join(agent.log.read_text() for agent in world.agents)
    assert "alert delivered" in logs
    assert "secret-path" not in logs
    assert SECRET not in logs
    draft = json.loads(await world.value("SELECT draft::text FROM escalations"))
    assert found["data"]["text"] == draft["text"]
