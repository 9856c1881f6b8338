"""Real agents and a real server that speaks as a model does: what is delivered, recorded, paid, and survives."""

import asyncio
import signal
import uuid
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.agent import llm_server
from tests.runtime.agent.llm_server import DIAGNOSIS, TEXT, LlmServer, says, status

from handrail_contracts import names

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from tests.runtime.agent.conftest import MakeSignal, MakeWorld, Until, World

KEY = "sk-verysecretverysecret0123456789"
ALLOWED = "127.0.0.1"


@pytest.fixture
async def server() -> AsyncIterator[LlmServer]:
    async with llm_server.llm_server() as found:
        yield found


async def _world(make_world: "MakeWorld", server: LlmServer, **llm: Any) -> "World":
    """A tenant that asks the server; its agent is not started."""
    reference = {"name": "acme-llm", "key": "api-key"}
    given = {"provider": "openai", "model": "gpt-4.1-mini", "baseURL": server.url, "apiKeySecretRef": reference}
    world = await make_world({"llm": given | llm}, start=False, ack_wait=3)
    path = world.tenant.secrets / names.secret_ref_file(**reference)
    path.parent.mkdir(parents=True)
    path.write_text(f"{KEY}\n")
    return world


def _noted(decision: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((gate for gate in decision["gates"] if gate["gate"] == name), None)


async def test_the_models_words_are_delivered_and_paid(
    make_world: "MakeWorld", a_signal: "MakeSignal", server: LlmServer
) -> None:
    world = await _world(make_world, server)
    agent = await world.start(HANDRAIL_OUTBOUND_ALLOWED=ALLOWED)
    user = await world.user()
    decision = await world.decide(a_signal(user))
    assert (decision["outcome"], decision["reason"]) == ("nudged", "all_gates_passed")
    assert (decision["provider"], decision["model"]) == ("openai", "gpt-4.1-mini")
    assert decision["prompt_version"].startswith("diagnose.v1-")
    assert (decision["confidence"], decision["input_tokens"], decision["output_tokens"]) == (0.9, 2000, 200)
    assert decision["cost_usd"] == Decimal("0.001120")
    assert decision["llm_seconds"] > 0
    (nudge,) = await world.nudges(user)
    content = nudge["content"]
    assert (content.title, content.body, content.target) == (TEXT["title"], TEXT["body"], "#new-project")
    assert [request.wants_text for request in server.requests] == [False, True]
    assert user not in server.requests[0].text
    assert await agent.metric('handrail_agent_llm_requests_total{outcome="ok"}') == 2
    assert await agent.metric("handrail_agent_llm_tokens_total") == 2200
    assert round(await agent.metric("handrail_agent_llm_cost_usd_total"), 6) == 0.00112
    assert KEY not in agent.log.read_text()


@pytest.mark.parametrize(
    ("on_failure", "outcome", "provider"), [("none", "none", "openai"), ("rules", "nudged", "rules")]
)
async def test_a_failing_model_is_recorded_and_the_rules_stand_in_where_the_tenant_says_so(
    make_world: "MakeWorld", a_signal: "MakeSignal", server: LlmServer, on_failure: str, outcome: str, provider: str
) -> None:
    server.always = status(401, f"Incorrect API key provided: {KEY}")
    world = await _world(make_world, server, onFailure=on_failure)
    agent = await world.start(HANDRAIL_OUTBOUND_ALLOWED=ALLOWED)
    user = await world.user()
    decision = await world.decide(a_signal(user))
    assert (decision["outcome"], decision["provider"]) == (outcome, provider)
    assert decision["cost_usd"] is None
    if on_failure == "none":
        assert decision["reason"] == "llm_auth"
        assert (decision["model"], decision["prompt_version"][:9]) == ("gpt-4.1-mini", "diagnose.")
        assert await world.nudges(user) == []
    else:
        stood_in = _noted(decision, "provider")
        assert stood_in is not None
        assert (stood_in["reason"], stood_in["values"]["model"]) == ("llm_auth", "gpt-4.1-mini")
        (nudge,) = await world.nudges(user)
        assert "New project" in nudge["content"].body
    assert KEY not in agent.log.read_text()
    stored = await world.pool.fetch("SELECT decisions::text FROM decisions")
    assert KEY not in str(stored)


async def test_an_agent_killed_while_it_waits_for_the_model_decides_once(
    make_world: "MakeWorld", a_signal: "MakeSignal", server: LlmServer, until: "Until"
) -> None:
    server.always = llm_server.silent
    world = await _world(make_world, server)
    agent = await world.start(HANDRAIL_OUTBOUND_ALLOWED=ALLOWED)
    user = await world.user()
    found = a_signal(user)
    await world.publish(found)

    async def asked() -> bool:
        return bool(server.requests)

    await until(asked)
    await agent.stop(signal.SIGKILL)
    server.always = llm_server.well
    await world.start(HANDRAIL_OUTBOUND_ALLOWED=ALLOWED)
    assert (await world.decision(found, within=90))["outcome"] == "nudged"
    await world.settled()
    assert len(await world.nudges(user)) == 1
    assert await world.value("SELECT count(*) FROM decisions") == 1
    assert await world.runs_kept() == 0


async def test_a_spent_budget_ends_the_asking_until_the_month_does(
    make_world: "MakeWorld", a_signal: "MakeSignal", server: LlmServer
) -> None:
    server.always = says(DIAGNOSIS, usage={"prompt_tokens": 100_000, "completion_tokens": 0, "total_tokens": 100_000})
    world = await _world(make_world, server, monthlyBudget="0.03")
    await world.start(HANDRAIL_OUTBOUND_ALLOWED=ALLOWED)
    first, second = await world.user(), await world.user()
    decision = await world.decide(a_signal(first))
    assert (decision["outcome"], decision["reason"], decision["cost_usd"]) == (
        "none", "llm_budget_spent", Decimal("0.040000"),
    )  # fmt: skip
    await asyncio.gather(*(agent.stop(signal.SIGKILL) for agent in world.agents))
    await world.start(HANDRAIL_OUTBOUND_ALLOWED=ALLOWED)  # knows of it from the database alone
    decision = await world.decide(a_signal(second))
    assert (decision["reason"], decision["input_tokens"]) == ("llm_budget_spent", None)
    assert len(server.requests) == 1
    await world.pool.execute("UPDATE decisions SET created_at = created_at - interval '32 days'")
    await asyncio.gather(*(agent.stop(signal.SIGKILL) for agent in world.agents))
    await world.start(HANDRAIL_OUTBOUND_ALLOWED=ALLOWED)
    third = await world.user()
    assert (await world.decide(a_signal(third, signal_id=str(uuid.uuid4()))))["cost_usd"] == Decimal("0.040000")
