"""What one tenant really holds is worth nothing at the API of another."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.processes import start_runtime

from handrail_cli.embedded.ports import free_port
from handrail_contracts import names
from handrail_gateway.principals import Principals

pytestmark = pytest.mark.slow
LISTS = ("events", "users", "sessions", "nudges", "decisions", "escalations")


async def test_nothing_of_one_opens_the_other(
    running: Any, make_tenant: Any, make: Any, servers: Any, tmp_path: Path
) -> None:
    ports = free_port(), free_port()
    a, b = [await make_tenant(realtime=[f"http://127.0.0.1:{port}"]) for port in ports]
    async with AsyncExitStack() as stack:
        for tenant, port in zip((a, b), ports, strict=True):
            await running.knows(tenant)
            log = tmp_path / f"{tenant.name}.log"
            process = await start_runtime(tenant, servers.nats_url, "ingest,realtime", log, port=port)
            stack.push_async_callback(process.stop)
        token = await running.token(a, "alice")
        answer = await running.post_events(a, make.batch("alice", token=token))
        assert answer.status_code == 202, answer.text

        async def listed(tenant: Any, path: str) -> Any:
            read = await running.client.get(f"/api/v1/{path}", headers={"X-API-Key": tenant.keys["secret"]})
            return read.json().get("items")

        async def stored() -> bool:
            return bool(await listed(a, "events"))

        async def empty() -> bool:
            return bool(await listed(b, "events") == [])

        await running.until(stored, 60)
        await running.until(empty, 60)

        # A's key reads A's lists whatever else it names; B's lists hold nothing of A.
        for path in LISTS:
            assert await listed(b, f"{path}?user_id=alice") == [], path
            hidden = {"X-API-Key": a.keys["publishable"]}
            assert (await running.client.get(f"/api/v1/{path}", headers=hidden)).status_code == 403
        read = await running.client.get("/api/v1/users/alice", headers={"X-API-Key": b.keys["secret"]})
        assert (read.status_code, read.json()["code"]) == (404, "not_found")

        # A's user token and A's identity secret are unknown at B.
        answer = await running.post_events(b, make.batch("alice", token=token))
        assert (answer.status_code, answer.json()["code"]) == (403, "identity_invalid")
        for proof in ({"identity_token": make.identity_token(a, "alice")}, {"token": token}):
            answer = await running.identify(b, {"user_id": "alice"} | proof)
            assert (answer.status_code, answer.json()["code"]) == (403, "identity_invalid"), proof

        # A principal that the gateway signed for A is refused by B's realtime, asked directly.
        principals: Principals = running.gateway.relay._principals
        for aud, status in ((a, 401), (b, 200)):
            headers = {names.HEADER_PRINCIPAL: principals.sign(aud.name, sub="k", scope="secret")}
            direct = await running.client.get(f"http://127.0.0.1:{ports[1]}/api/v1/users", headers=headers)
            assert direct.status_code == status
