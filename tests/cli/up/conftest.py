"""`handrail up` as its user runs it: a process, its output, and what `status` says."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
import yaml

from handrail_cli.embedded.ports import free_port

READY_WITHIN = 120.0


def until(holds: Callable[[], Any], seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        if found := holds():
            return found
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)


def handrail(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "handrail_cli", *map(str, arguments)], capture_output=True, text=True, timeout=60
    )


@dataclass
class Up:
    """One run of `handrail up`."""

    state: Path
    port: int
    process: "subprocess.Popen[str]"
    lines: list[dict[str, Any]] = field(default_factory=list)

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in list(self.lines) if line.get("event") == name]

    def status(self) -> dict[str, Any]:
        done = handrail("status", "--json", "--state", self.state)
        value: dict[str, Any] = json.loads(done.stdout)
        assert (done.returncode == 0) == value["ready"], done.stderr
        return value

    def until_ready(self) -> dict[str, Any]:
        until(lambda: self.events("ready") or self.process.poll() is not None, READY_WITHIN, "ready")
        assert self.process.poll() is None, self.lines
        return self.status()

    def pids(self) -> list[int]:
        own = psutil.Process(self.process.pid)
        return [process.pid for process in own.children(recursive=True)]

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Seconds until it ended."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        return time.monotonic() - began

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def config(self, key: str) -> dict[str, Any]:
        answer = httpx2.get(f"{self.url}/api/v1/config", headers={"X-API-Key": key}, trust_env=False)
        value: dict[str, Any] = answer.raise_for_status().json()
        return value


StartUp = Callable[..., Up]


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can reach, with a space in its name."""
    folder = Path(tempfile.mkdtemp(prefix="handrail up "))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start_up(room: Path) -> Iterator[StartUp]:
    """`start_up(*files, state=...)`; everything is ended after the test."""
    runs: list[tuple[Up, threading.Thread]] = []

    def start(*files: object, state: Path | None = None, port: int | None = None, extra: tuple[str, ...] = ()) -> Up:
        state, port = state or room / "state", port or free_port()
        argv = [sys.executable, "-m", "handrail_cli", "up", *map(str, files)]
        argv += ["--state", str(state), "--port", str(port), "--log-format", "json", *extra]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
        run = Up(state, port, process)
        thread = threading.Thread(target=run.read)
        thread.start()
        runs.append((run, thread))
        return run

    yield start
    for run, _ in runs:
        if run.process.poll() is None:
            run.process.send_signal(signal.SIGTERM)
    for run, thread in runs:
        try:
            run.process.wait(20)
        except subprocess.TimeoutExpired:
            os.kill(run.process.pid, signal.SIGKILL)
            run.process.wait()
        thread.join(10)
        if run.process.stdout is not None:
            run.process.stdout.close()


def tenant(name: str, **spec: Any) -> str:
    """A tenant document."""
    document = {
        "apiVersion": "handrail.dev/v1alpha1",
        "kind": "OnboardingTenant",
        "metadata": {"name": name},
        "spec": {"displayName": name, "origins": ["https://app.test"], "plan": "small"} | spec,
    }
    return yaml.safe_dump(document, sort_keys=False)


@pytest.fixture(name="handrail")
def handrail_command() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    return handrail


@pytest.fixture(name="until")
def until_it_holds() -> Callable[..., Any]:
    return until


@pytest.fixture(name="tenant")
def tenant_text() -> Callable[..., str]:
    return tenant
