"""A whole platform as `handrail up` starts it: gateway, operator, runtime, real servers."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest
import yaml
from tests.hostile.wire import Answer, check, exchange, read, request

from handrail_cli.embedded.ports import free_port
from handrail_gateway.identify import uuid7

TENANTS = ("hostile", "bystander")
DEADLINE = 180.0


def until(holds: Callable[[], Any], what: str, seconds: float = DEADLINE) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)
    return found


@dataclass
class World:
    port: int
    keys: dict[str, dict[str, str]]
    """Of each tenant: `publishable` and `secret`."""
    processes: dict[str, int]
    """Process ids by name."""
    log: Path

    def key(self, kind: str = "publishable", tenant: str = TENANTS[0]) -> str:
        return self.keys[tenant][kind]

    def send(
        self,
        method: str,
        target: str | bytes,
        body: bytes | Any = b"",
        headers: tuple[tuple[str, str], ...] = (),
        *,
        key: str | None = None,
    ) -> Answer:
        """One request on a connection of its own; the answer is checked for what holds of every answer."""
        sent = list(headers) + ([("X-API-Key", key)] if key else [])
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        if content and not any(name.lower() == "content-type" for name, _ in headers):
            sent.append(("Content-Type", "application/json"))
        answer = read(exchange(self.port, request(method, target, sent, content)))
        check(answer, target, method)
        return answer

    def get(self, target: str, tenant: str = TENANTS[0]) -> Answer:
        return self.send("GET", target, key=self.key("secret", tenant))

    def serves(self) -> None:
        """A good event is taken and comes back out of the database. Raises AssertionError."""
        user = f"anon-{uuid.uuid4()}"
        body = batch(user)
        answer = self.send("POST", "/api/v1/events", body, key=self.key())
        assert (answer.status, answer.json) == (202, {"accepted": 1})
        wanted = body["events"][0]["event_id"]
        until(lambda: self._has(user, wanted), "a good event in the database")

    def _has(self, user: str, event_id: str) -> bool:
        items = self.get(f"/api/v1/events?user_id={quote(user, safe='')}").json["items"]
        return [item["event_id"] for item in items] == [event_id]

    def memory(self) -> dict[str, int]:
        """Bytes that each process of ours shares with nobody."""
        return {
            name: psutil.Process(pid).memory_full_info().uss
            for name, pid in self.processes.items()
            if name == "gateway" or name.startswith(TENANTS[0])
        }


def event(user_id: Any, **more: Any) -> dict[str, Any]:
    return {
        "event_id": str(uuid7()),
        "event_type": "page_view",
        "user_id": user_id,
        "session_id": f"s-{uuid.uuid4()}",
        "timestamp": datetime.now(UTC).isoformat(),
        "url": "https://app.test/projects",
        "properties": {},
    } | more


def batch(user_id: Any, **more: Any) -> dict[str, Any]:
    return {"events": [event(user_id, **more)]}


def _tenant(name: str) -> str:
    spec = {
        "displayName": name,
        "origins": ["https://app.test"],
        "plan": "business",
        "identity": {"enforce": False},
        "nudges": {"confidenceThreshold": 0.0, "cooldown": "1s"},
    }
    head = {"apiVersion": "handrail.dev/v1alpha1", "kind": "OnboardingTenant", "metadata": {"name": name}}
    return yaml.safe_dump({**head, "spec": spec})


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    folder = Path(tempfile.mkdtemp(prefix="handrail-hostile-"))
    folder.chmod(0o755)
    file = folder / "tenants.yaml"
    file.write_text("---\n".join(_tenant(name) for name in TENANTS))
    port, state, log = free_port(), folder / "state", folder / "log"
    argv = [sys.executable, "-m", "handrail_cli", "up", str(file), "--state", str(state), "--port", str(port)]
    output: list[dict[str, Any]] = []
    process = subprocess.Popen(
        [*argv, "--log-format", "json"], stdout=subprocess.PIPE, text=True, start_new_session=True
    )

    def listen() -> None:
        assert process.stdout is not None
        with log.open("w") as kept:
            for line in process.stdout:
                kept.write(line)
                kept.flush()
                output.append(json.loads(line))

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        until(lambda: process.poll() is not None or any(one.get("event") == "ready" for one in output), "ready")
        assert process.poll() is None, log.read_text()[-3000:]
        asked = [sys.executable, "-m", "handrail_cli", "status", "--json", "--state", str(state)]

        def status() -> Any:
            told = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60).stdout
            return value if (value := json.loads(told))["ready"] else None

        found = until(status, f"readiness of all tenants; {log.read_text()[-3000:]}")
        keys = {
            name: {"publishable": tenant["publishable_key"], "secret": tenant["secret_key"]}
            for name, tenant in found["tenants"].items()
        }
        yield World(port, keys, {one["name"]: one["pid"] for one in found["processes"]}, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        thread.join(10)
        if process.stdout is not None:
            process.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)
