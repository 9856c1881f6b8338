"""`python -m handrail_gateway` as a process: its help, its refusals, its ports, its end, its words."""

import asyncio
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from handrail_cli.embedded.ports import free_port

pytestmark = pytest.mark.slow


async def _run(*arguments: str, **env: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "handrail_gateway",
        *arguments,
        env=os.environ | env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 30)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, output.decode()


async def test_help_lists_the_environment() -> None:
    code, output = await _run("--help")
    assert code == 0
    for name in ("HANDRAIL_PORT", "HANDRAIL_ADMIN_PORT", "HANDRAIL_TRUSTED_PROXIES", "HANDRAIL_SECRETS"):
        assert name in output


async def test_clear_refusals(tmp_path: Path, servers: Any) -> None:
    code, output = await _run(HANDRAIL_SECRETS=str(tmp_path))
    assert (code, "nats.creds cannot be read from HANDRAIL_SECRETS: No such file" in output) == (1, True)
    code, output = await _run(HANDRAIL_PORT="many", HANDRAIL_TRUSTED_PROXIES="the office")
    assert code == 2
    assert "HANDRAIL_PORT: " in output
    assert "HANDRAIL_TRUSTED_PROXIES: " in output
    listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    env = {"HANDRAIL_SECRETS": str(servers.gateway_secrets), "HANDRAIL_NATS_URL": servers.nats_url}
    code, output = await _run(HANDRAIL_PORT=str(port), **env)
    listener.close()
    assert (code, "in use" in output) == (1, True)
    for path in servers.gateway_secrets.iterdir():
        (tmp_path / path.name).write_text("{}" if path.suffix == ".json" else "x")
    code, output = await _run(HANDRAIL_SECRETS=str(tmp_path))
    assert (code, "user-token-keys.json" in output) == (1, True)


FILES = 600
"""Open files allowed: few, so that the log says so."""


async def test_ports_words_and_end(servers: Any, make_tenant: Any, tmp_path: Path) -> None:
    tenant = await make_tenant(migrate=False)
    port = free_port()
    admin = free_port({port})
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            "sh",
            "-c",
            f'ulimit -n {FILES}; ulimit -S -n 256; exec "$0" -m handrail_gateway',
            sys.executable,
            env=os.environ
            | {
                "HANDRAIL_PORT": str(port),
                "HANDRAIL_ADMIN_PORT": str(admin),
                "HANDRAIL_NATS_URL": servers.nats_url,
                "HANDRAIL_SECRETS": str(servers.gateway_secrets),
                "HANDRAIL_LOG_FORMAT": "json",
                "HANDRAIL_LOCAL": "true",
            },
            stdout=output,
            stderr=output,
        )
    try:
        async with httpx2.AsyncClient(trust_env=False) as client:
            deadline = time.monotonic() + 30
            while True:
                try:
                    if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                        break
                except httpx2.TransportError:
                    pass
                assert time.monotonic() < deadline, log.read_text()
                await asyncio.sleep(0.05)
            assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE) == (FILES, FILES)
            assert (await client.get(f"http://127.0.0.1:{admin}/metrics")).status_code == 200
            assert (await client.get(f"http://127.0.0.1:{admin}/docs")).status_code == 200
            assert (await client.get(f"http://127.0.0.1:{admin}/api/v1/config")).status_code == 404
            assert (await client.get(f"http://127.0.0.1:{port}/metrics")).status_code == 404
            url = f"http://127.0.0.1:{port}/sdk/v1/config"
            assert (await client.get(url, params={"key": tenant.keys["publishable"]})).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = log.read_text()
    assert "few connections can be open at once" in text
    assert tenant.keys["publishable"] not in text
    lines = [msgspec.json.decode(line) for line in text.splitlines()]
    assert {line["event"] for line in lines} >= {"gateway starts", "gateway has ended"}
    assert {line["process"] for line in lines} == {"gateway"}
