"""The operator as a process of its own, before real servers and a real control plane."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML
from tests import warm

from handrail_cli.embedded.ports import free_port
from handrail_contracts import names
from handrail_operator.provision.platform import Access

PLATFORM = "handrail"
"""Namespace of the platform."""
READY_WITHIN = 60.0
IMAGE = "handrail/runtime:0.1.0"
INSTALLATION: dict[str, Any] = {"runtime": {"image": IMAGE}}
"""Of tenants whose pods nobody really runs."""
_STOPS_WITHIN = 20.0


@dataclass(frozen=True)
class Operator:
    """A running one."""

    process: "warm.Process | subprocess.Popen[bytes]"
    port: int
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def answers(self, path: str) -> int:
        """Status of one of its probes; 0: none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def metrics(self) -> str:
        """Prometheus text. Raises OSError."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())

    def await_ready(self) -> None:
        """Raises TimeoutError, or RuntimeError where it has ended; with the end of its log."""
        deadline = time.monotonic() + READY_WITHIN
        while self.answers("/readyz") != 200:
            if (code := self.process.poll()) is not None:
                raise RuntimeError(f"the operator ended with {code}:\n{self.said()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"the operator did not get ready:\n{self.said()}")
            time.sleep(0.05)

    def said(self, last: int = 4000) -> str:
        return self.log.read_text()[-last:]

    def kill(self) -> None:
        """As by kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """As a cluster ends a pod. Returns the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(_STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@dataclass(frozen=True)
class Workshop:
    """Starts operators, one or several. `folder` is its own."""

    folder: Path
    access: Access
    installation: Mapping[str, Any]
    start: "Callable[..., warm.Process | subprocess.Popen[bytes]]" = warm.start

    @classmethod
    def furnished(cls, folder: Path, access: Access, installation: Mapping[str, Any] = INSTALLATION) -> "Workshop":
        """With the files that an operator reads."""
        held = folder / "operator-secrets"
        held.mkdir(parents=True, exist_ok=True)
        for name, text in (
            (names.PLATFORM_FILE, msgspec.json.encode(access.secrets).decode()),
            (names.POSTGRES_URL_FILE, access.postgres_url),
            (names.ADMIN_REDIS_URL_FILE, access.redis_url),
        ):
            (held / name).touch(mode=0o600)
            (held / name).write_text(text)
        with (folder / "installation.yaml").open("w") as output:
            YAML(typ="safe").dump(json.loads(json.dumps(installation)), output)
        return cls(folder, access, installation)

    @contextmanager
    def operator(self, kubeconfig: Path, **environment: str) -> Iterator[Operator]:
        """Started, not yet ready; gone at the end. `environment`: HANDRAIL_… without that beginning, in any case."""
        port, name = free_port(set()), f"operator-{secrets.token_hex(4)}"
        given = {
            "KUBECONFIG": str(kubeconfig),
            "HANDRAIL_NAMESPACE": PLATFORM,
            "HANDRAIL_INSTALLATION": str(self.folder / "installation.yaml"),
            "HANDRAIL_SECRETS": str(self.folder / "operator-secrets"),
            "HANDRAIL_NATS_URL": self.access.nats_url,
            "HANDRAIL_PORT": str(port),
            "HANDRAIL_IDENTITY": name,
            # One that was killed holds its Lease until that is over; each has its own unless a test is about that.
            "HANDRAIL_LEASE": name,
            "HANDRAIL_LOG_FORMAT": "json",
            **{f"HANDRAIL_{key.upper()}": value for key, value in environment.items()},
        }
        log = self.folder / f"{name}.log"
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HANDRAIL_", "KUBE"))}
        process = self.start("handrail_operator", ["run"], kept | given, log)
        running = Operator(process, port, log)
        try:
            yield running
        except Exception as error:
            ended = "runs" if process.poll() is None else f"ended with {process.returncode}"
            error.add_note(f"{name} {ended}; the end of its log:\n{running.said()}")
            raise
        finally:
            if process.poll() is None:
                try:
                    running.stop()
                except subprocess.TimeoutExpired:
                    sys.stderr.write(f"{name} did not end by itself\n")
