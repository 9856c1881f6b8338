"""A whole platform as `handrail up` starts it: gateway, operator, runtime, real servers; and what is sent to it."""

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from tests.event_ids import event_id
from tests.hostile.wire import Answer, check, exchange, read, request

from handrail_cli.embedded.ports import free_port
from handrail_cli.state.folder import State
from handrail_cli.supervise.client import Command, KeeperClient

HOSTILE, BYSTANDER, DESCRIBED = "hostile", "bystander", "described"
"""Of the shared platform: what is attacked; what none of it may reach; what is called by its description."""
DEADLINE = 180.0


def until(holds: Callable[[], Any], what: str | Callable[[], str], seconds: float = DEADLINE) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what if isinstance(what, str) else what()}")
        time.sleep(0.05)
    return found


@dataclass
class World:
    port: int
    keys: dict[str, dict[str, str]]
    """Of each tenant: `publishable`, `secret`, and `identity`, which signs proofs of identity."""
    folder: Path
    """The state's."""
    log: Path

    def key(self, kind: str = "publishable", tenant: str = HOSTILE) -> str:
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

    def get(self, target: str, tenant: str = HOSTILE) -> Answer:
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

    def processes(self) -> dict[str, int]:
        """Process ids by name, of those that run."""
        live = State.open(self.folder).live()
        return {one.name: one.pid for one in live.processes if one.pid is not None} if live else {}

    def complaints(self) -> list[str]:
        """What the platform itself called an error."""
        return [line for line in self.log.read_text().splitlines() if '"level":"error"' in line.replace(": ", ":")]


def event(user_id: Any, **more: Any) -> dict[str, Any]:
    return {
        "event_id": event_id(),
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
        "plan": "business" if name == HOSTILE else "small",
        "identity": {"enforce": name == BYSTANDER},
        "nudges": {"confidenceThreshold": 0.0, "cooldown": "1s"},
    }
    head = {"apiVersion": "handrail.dev/v1alpha1", "kind": "OnboardingTenant", "metadata": {"name": name}}
    return yaml.safe_dump({**head, "spec": spec})


@contextlib.contextmanager
def platform(*tenants: str) -> Iterator[World]:
    """A platform with these tenants, all ready. It ends with the block, or with this process, however that ends."""
    folder = Path(tempfile.mkdtemp(prefix="handrail-hostile-"))
    folder.chmod(0o755)
    file, state, log = folder / "tenants.yaml", folder / "state", folder / "log"
    file.write_text("---\n".join(_tenant(name) for name in tenants))
    port = free_port()
    argv = [sys.executable, "-m", "handrail_cli", "up", str(file), "--state", str(state), "--port", str(port)]
    keeper = KeeperClient()
    try:
        with log.open("wb") as output:
            command = Command("up", [*argv, "--log-format", "json"], dict(os.environ), folder)
            keeper.start(command, output.fileno())
        until(lambda: _is_ready(state, tenants), lambda: f"ready; {log.read_text()[-3000:]}")
        yield World(port, {name: _keys(State.open(state), name) for name in tenants}, state, log)
    finally:
        keeper.end()
        keeper.close()
        shutil.rmtree(folder, ignore_errors=True)


def _is_ready(state: Path, tenants: tuple[str, ...]) -> bool:
    live = State.open(state).live() if (state / "version").exists() else None
    return live is not None and live.ready and all(live.tenants[name].ready for name in tenants if name in live.tenants)


def _keys(state: State, tenant: str) -> dict[str, str]:
    secrets = state.tenant_secrets(tenant)
    assert secrets is not None
    kinds = ("publishable", "secret")
    found = {kind: key.key for kind in kinds if (key := secrets.newest(kind))}  # type: ignore[arg-type]
    return found | {"identity": secrets.identity_secret}
