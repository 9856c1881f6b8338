"""A whole platform with one tenant: the real gateway and the real runtime as processes on real servers."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from handrail_cli.embedded.ports import free_port
from handrail_operator.publish import publish_record

BASELINE = {
    "name": "first-project",
    "success": {"event": "submit", "selector": "form#project"},
    "steps": [
        {"name": "open-projects", "event": "page_view", "path": "/acme/projects"},
        {"name": "new-project", "event": "click", "selector": "#new-project", "within": "2m"},
        {"name": "save", "event": "submit", "selector": "form#project", "within": "5m"},
    ],
}
_READY_WITHIN = 60.0


@dataclass(frozen=True)
class RunningPlatform:
    """Where it is, and the tenant's keys."""

    gateway: str
    publishable: str
    secret: str


@asynccontextmanager
async def _process(name: str, log: Path, *arguments: str, **environment: str) -> AsyncIterator[str]:
    """A process of the platform, ready; ended with the block. Gives its address."""
    port = free_port()
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *arguments,
            env=os.environ | environment | {"HANDRAIL_PORT": str(port)},
            stdout=output,
            stderr=output,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        await _ready(url, name, process, log)
        yield url
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 15)


async def _ready(url: str, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
    until = time.monotonic() + _READY_WITHIN
    async with httpx2.AsyncClient(trust_env=False) as http:
        while time.monotonic() < until and process.returncode is None:
            try:
                if (await http.get(f"{url}/readyz")).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            await asyncio.sleep(0.1)
    raise AssertionError(f"{name} did not get ready:\n{log.read_text()[-5000:]}")


@pytest.fixture
async def running(servers, make_tenant, platform, tmp_path: Path) -> AsyncIterator[RunningPlatform]:
    """One tenant with the baseline of the examples."""
    tenant = await make_tenant(spec={"baselines": [BASELINE], "plan": "standard"})
    runtime = _process(
        "runtime",
        tmp_path / "runtime.log",
        "handrail_runtime",
        "run",
        "--roles",
        "ingest,agent,realtime",
        HANDRAIL_TENANT=tenant.name,
        HANDRAIL_SECRETS=str(tenant.secrets),
        HANDRAIL_NATS_URL=servers.nats_url,
        HANDRAIL_REDIS_PREFIX=tenant.redis_prefix,
    )
    gateway = _process(
        "gateway",
        tmp_path / "gateway.log",
        "handrail_gateway",
        HANDRAIL_SECRETS=str(servers.gateway_secrets),
        HANDRAIL_NATS_URL=servers.nats_url,
        HANDRAIL_LOCAL="true",
    )
    async with runtime as realtime_url, gateway as gateway_url:
        tenant.record.realtime.append(realtime_url)
        await publish_record(platform, tenant.record)
        yield RunningPlatform(gateway_url, tenant.keys["publishable"], tenant.keys["secret"])
