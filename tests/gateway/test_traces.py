"""One request followed from the browser to the nudge it led to: the same ids on every line of every process."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.processes import eventually, start_runtime

from handrail_cli.embedded.ports import free_port

pytestmark = pytest.mark.slow

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
BASELINE = {
    "name": "first-project",
    "success": {"event": "submit", "selector": "form#project"},
    "steps": [{"name": "open", "event": "page_view", "path": "/projects"}],
}


def _clicks_in_vain(make: Any, user_id: str) -> list[dict[str, Any]]:
    begin = datetime.now(UTC) - timedelta(seconds=20)
    did: list[tuple[str, str | None, dict[str, Any]]] = [("page_view", None, {})]
    did += [("click", "#logo", {"reacted": False})] * 3
    return [
        make.event(
            user_id=user_id,
            event_type=event_type,
            timestamp=(begin + timedelta(seconds=2 * at)).isoformat(),
            url="https://app.example.test/projects",
            target_element={"selector": selector} if selector else None,
            properties=properties,
        )
        for at, (event_type, selector, properties) in enumerate(did)
    ]


async def test_a_requests_ids_stand_on_every_line(
    running: Any, make_tenant: Any, make: Any, servers: Any, tmp_path: Path
) -> None:
    port = free_port(set())
    tenant = await make_tenant(spec={"baselines": [BASELINE]}, realtime=[f"http://127.0.0.1:{port}"])
    await running.knows(tenant)
    log = tmp_path / "log"
    process = await start_runtime(tenant, servers.nats_url, "ingest,agent,realtime", log, port=port)
    try:
        await eventually(process.answers)
        user_id = make.anonymous()
        token = await running.token(tenant, user_id)
        async with running.socket(f"/ws/{user_id}", key=tenant.keys["publishable"], token=token) as browser:
            async with asyncio.timeout(30):
                assert json.loads(await browser.recv())["type"] == "hello"
            body = {"sent_at": datetime.now(UTC).isoformat(), "events": _clicks_in_vain(make, user_id)}
            answer = await running.post_events(tenant, body, X_Request_ID="req-42", traceparent=PARENT)
            assert answer.status_code == 202, answer.text
            async with asyncio.timeout(60):
                assert json.loads(await browser.recv())["type"] == "nudge"
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        told = [line for line in lines if line.get("request_id") == "req-42"]
        assert {line["event"] for line in told} >= {"signal found", "decided", "a nudge goes to its user"}
        assert {line["trace_id"] for line in told} == {TRACE}
        assert {line["tenant"] for line in told} == {tenant.name}
    finally:
        await process.stop()
