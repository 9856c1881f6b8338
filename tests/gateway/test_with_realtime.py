"""The gateway before a tenant's real realtime: the socket's greeting and the relayed API."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.processes import RuntimeProcess, start_runtime

from handrail_cli.embedded.ports import free_port


@pytest.mark.slow
async def test_hello_and_reads(running: Any, make_tenant: Any, make: Any, servers: Any, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    tenant = await make_tenant(realtime=[url])
    await running.knows(tenant)

    async def start() -> RuntimeProcess:
        return await start_runtime(tenant, servers.nats_url, "realtime", tmp_path / "log", port=port)

    user_id = make.anonymous()
    token = await running.token(tenant, user_id)
    process = None
    try:
        # The socket is held before there is a realtime at all.
        async with running.socket(f"/ws/{user_id}", key=tenant.keys["publishable"], token=token) as browser:
            process = await start()
            async with asyncio.timeout(30):
                hello = json.loads(await browser.recv())
            assert (hello["type"], hello["seq"]) == ("hello", 0)
            assert hello["config"] == json.loads(running.gateway.directory.get(tenant.name).snippet_config)
            await browser.send('{"type": "resume", "last_seq": 0}')
            headers = {"X-API-Key": tenant.keys["secret"]}
            for path in ("events", "users", "sessions", "nudges"):
                answer = await running.client.get(f"/api/v1/{path}", headers=headers)
                assert (answer.status_code, answer.json()) == (200, {"items": [], "next": None}), path
            answer = await running.client.get("/api/v1/users/a%2Fb", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
            answer = await running.client.get("/api/v1/events?limit=9999", headers=headers)
            assert answer.status_code == 422
            await process.stop(signal.SIGKILL)
            links, registry = "handrail_gateway_links", running.gateway.metrics.registry
            await running.until(lambda: registry.get_sample_value(links) == 0)
            process = await start()
            await running.until(lambda: registry.get_sample_value(links) == 1, 30)
            await (await browser.ping())
    finally:
        if process is not None:
            await process.stop()
