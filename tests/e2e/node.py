"""A real cluster, by the real kubectl and Helm. Which one: HANDRAIL_TEST_KUBECONFIG; nothing else is looked at."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster import binaries

from handrail_cli.embedded.ports import free_port

ROOT = Path(__file__).parents[2]
NAMESPACE = "handrail"
PORT = 8080
PATIENCE = 300.0
"""Seconds."""


@dataclass(frozen=True)
class Node:
    kubeconfig: Path
    tag: str
    """Of the images that are in the cluster."""

    def shell(self, line: str, *, fails: bool = False, text: str | None = None) -> str:
        """What it prints. Raises AssertionError where it ends otherwise than it should."""
        path = os.pathsep.join(
            [*(str(one.parent) for one in (binaries.helm(), binaries.kubectl())), os.environ["PATH"]]
        )
        say(f"$ {line}")
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=ROOT, env=os.environ | {"KUBECONFIG": str(self.kubeconfig), "PATH": path},
            input=text, capture_output=True, text=True, check=False, timeout=PATIENCE * 2,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, f"{line}\n{said}"
        return said

    def get(self, *arguments: str) -> Any:
        """An object, or a list's items."""
        found = json.loads(self.shell(f"kubectl get {' '.join(arguments)} -o json --ignore-not-found") or "null")
        return found["items"] if found and "items" in found else found

    def inside(self, namespace: str, component: str, code: str) -> str:
        """What Python code prints in a pod of that component."""
        pods = self.get("pods", "-n", namespace, "-l", f"app.kubernetes.io/component={component}")
        name = next(one["metadata"]["name"] for one in pods if one["status"]["phase"] == "Running")
        return self.shell(f"kubectl exec -i -n {namespace} {name} -- python -", text=code)

    @contextmanager
    def gateway(self) -> Iterator[str]:
        """Where it is, from here: its Service's own address, or a forwarded port where that is not routed."""
        service = self.get("service", "handrail-gateway", "-n", NAMESPACE)["spec"]
        if _opens(service["clusterIP"], PORT):
            yield f"http://{service['clusterIP']}:{PORT}"
            return
        port = free_port()
        command = [
            str(binaries.kubectl()),
            "-n",
            NAMESPACE,
            "port-forward",
            "service/handrail-gateway",
            f"{port}:{PORT}",
        ]
        environment = os.environ | {"KUBECONFIG": str(self.kubeconfig)}
        forward = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            until(lambda: _opens("127.0.0.1", port), "the forwarded port", 30)
            yield f"http://127.0.0.1:{port}"
        finally:
            forward.terminate()
            forward.wait()


def say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


def until(check: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """The first true value. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not (value := check()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.5)
    return value


def _opens(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=2):
        return True
    return False
