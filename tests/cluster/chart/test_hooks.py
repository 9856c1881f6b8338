"""Hooks that cannot do their work: one line that says what to do, no more done than was, and a rerun goes on."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.cluster.chart.given import one, rendered
from tests.cluster.chart.installation import Helm
from tests.cluster.control_plane import ControlPlane, kubectl

from handrail_cli.embedded.ports import free_port

pytestmark = pytest.mark.cluster
PLATFORM = "handrail-platform"
MADE = {PLATFORM, "handrail-gateway", "handrail-nats", "handrail-postgres", "handrail-valkey"}
_OPERATOR = Path(sys.executable).parent / "handrail-operator"


@dataclass
class Room:
    """A namespace, and hooks that run for it as their pods do: a process with an environment and an account."""

    plane: ControlPlane
    namespace: str
    folder: Path

    def hook(
        self, command: str, account: Path | None = None, environment: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """Exit code, and what it complains of."""
        given = {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(account or self.plane.kubeconfig()),
            "HANDRAIL_NAMESPACE": self.namespace,
            "HANDRAIL_INSTALLATION": str(self.folder / "installation.yaml"),
            "HANDRAIL_OWN_POSTGRES": "handrail-postgres:5432",
            "HANDRAIL_OWN_VALKEY": "handrail-valkey:6379",
        }
        done = subprocess.run(
            [_OPERATOR, command],
            env=given | (environment or {}),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done.returncode, done.stderr

    def held(self) -> dict[str, Any]:
        """Secrets by name."""
        found = json.loads(kubectl(self.plane, "get", "secrets", "-n", self.namespace, "-o", "json"))["items"]
        return {thing["metadata"]["name"]: thing["data"] for thing in found}

    def stranger(self) -> Path:
        """A kubeconfig of an account of the namespace, which has no rights."""
        kubectl(self.plane, "create", "serviceaccount", "stranger", "-n", self.namespace)
        token = kubectl(self.plane, "create", "token", "stranger", "-n", self.namespace).strip()
        return self.kubeconfig(self.plane.url, token)

    def kubeconfig(self, server: str, token: str) -> Path:
        document = json.loads(self.plane.kubeconfig().read_text())
        document["clusters"][0]["cluster"]["server"] = server
        document["users"][0]["user"] = {"token": token}
        path = self.folder / "stranger.kubeconfig"
        path.write_text(json.dumps(document))
        return path


@pytest.fixture
def room(plane: ControlPlane, tmp_path: Path) -> Iterator[Room]:
    name = f"hooks-{secrets.token_hex(4)}"
    kubectl(plane, "create", "namespace", name)
    made = one(rendered(Helm(tmp_path / "none", tmp_path), {}, name), "ConfigMap", "handrail-bootstrap")
    (tmp_path / "installation.yaml").write_text(made["data"]["installation.yaml"])
    yield Room(plane, name, tmp_path)
    kubectl(plane, "delete", "namespace", name, "--wait=false")


def complaint(found: tuple[int, str], code: int = 1) -> str:
    """The one line, below those that say what was done."""
    returned, text = found
    assert returned == code, text
    *done, said = text.splitlines()
    assert all('"level": "info"' in line or "[info " in line for line in done), text
    assert not said.startswith("{"), text
    return said


def test_a_strangers_secret_stops_the_bootstrap_before_it_makes_any(room: Room):
    kubectl(room.plane, "create", "secret", "generic", "handrail-valkey", "-n", room.namespace, "--from-literal=a=b")
    said = complaint(room.hook("bootstrap"))
    assert "Secret handrail-valkey" in said
    assert "Remove it, label it so if it is Handrail's, or install into another namespace" in said
    assert set(room.held()) == {"handrail-valkey"}

    kubectl(room.plane, "delete", "secret", "handrail-valkey", "-n", room.namespace)
    assert room.hook("bootstrap")[0] == 0
    made = room.held()
    assert set(made) == MADE
    assert room.hook("bootstrap")[0] == 0
    assert room.held() == made

    # Damaged, and not made anew; what else was lost is not made from it either.
    patch = json.dumps({"data": {"platform.json": "e30="}})
    kubectl(room.plane, "patch", "secret", PLATFORM, "-n", room.namespace, "--type=merge", "-p", patch)
    kubectl(room.plane, "delete", "secret", "handrail-nats", "-n", room.namespace)
    said = complaint(room.hook("bootstrap"))
    assert "put it back from a backup" in said
    assert set(room.held()) == MADE - {"handrail-nats"}
    patch = json.dumps({"data": made[PLATFORM]})
    kubectl(room.plane, "patch", "secret", PLATFORM, "-n", room.namespace, "--type=merge", "-p", patch)
    assert room.hook("bootstrap")[0] == 0
    assert room.held() == made


def test_a_bootstrap_that_was_cut_short_goes_on_where_it_was(room: Room):
    assert room.hook("bootstrap")[0] == 0
    made = room.held()
    for name in ("handrail-nats", "handrail-gateway"):
        kubectl(room.plane, "delete", "secret", name, "-n", room.namespace)
    assert room.hook("bootstrap")[0] == 0
    assert room.held() == made


def test_a_file_that_cannot_be_meant(room: Room):
    (room.folder / "installation.yaml").write_text("plans: 7\n")
    assert "installation.yaml" in complaint(room.hook("bootstrap"), code=2)
    assert room.held() == {}


def test_others_servers_are_looked_up_before_anything_starts(room: Room):
    """Their Secret, its key, their port, whether they answer: each in one line. The platform's own Secrets stand for
    the next run."""
    port = free_port()
    theirs = {"HANDRAIL_POSTGRES_SECRET": "own-postgres/url", "HANDRAIL_PATIENCE": "0.5"}
    said = complaint(room.hook("bootstrap", environment=theirs))
    assert f"Secret own-postgres of namespace {room.namespace} is missing" in said
    assert "create secret generic own-postgres --from-literal=url=" in said
    made = room.held()
    assert set(made) == MADE

    address = f"postgresql://me:s3cret@127.0.0.1:{port}/postgres"
    kubectl(room.plane, "create", "secret", "generic", "own-postgres", "-n", room.namespace,
            f"--from-literal=address={address}")  # fmt: skip
    said = complaint(room.hook("bootstrap", environment=theirs))
    assert "has no key url (it has address)" in said
    said = complaint(room.hook("bootstrap", environment=theirs | {"HANDRAIL_POSTGRES_SECRET": "own-postgres/address"}))
    assert f"NetworkPolicies open 5432: set postgres.port to {port}" in said
    assert "s3cret" not in said

    kubectl(room.plane, "delete", "secret", "own-postgres", "-n", room.namespace)
    told = room.folder / "installation.yaml"
    document = YAML(typ="safe").load(told.read_text())
    document["network"]["postgres"]["port"] = port
    told.write_text(json.dumps(document))
    kubectl(room.plane, "create", "secret", "generic", "own-postgres", "-n", room.namespace,
            f"--from-literal=url={address}")  # fmt: skip
    said = complaint(room.hook("bootstrap", environment=theirs))
    assert f"PostgreSQL at 127.0.0.1:{port} does not answer" in said
    assert "s3cret" not in said
    kubectl(room.plane, "delete", "secret", "own-postgres", "-n", room.namespace)
    assert room.hook("bootstrap")[0] == 0
    assert room.held() == made


@pytest.mark.parametrize("command", ["bootstrap", "may-uninstall", "selftest"])
def test_without_rights_and_without_an_api_server(room: Room, command: str):
    more = {"HANDRAIL_GATEWAY_URL": "http://127.0.0.1:9", "HANDRAIL_TENANTS": "a,b"}
    stranger = room.stranger()
    said = complaint(room.hook(command, stranger, more))
    assert "forbidden" in said
    assert "helm upgrade" in said
    nowhere = room.kubeconfig(f"https://127.0.0.1:{free_port()}", "x")
    said = complaint(room.hook(command, nowhere, more))
    assert "cannot be reached" in said
    assert "Run the same again" in said
    assert room.held() == {}


def test_secrets_that_may_be_read_and_not_made(room: Room):
    kubectl(room.plane, "create", "role", "reads", "--verb=get", "--resource=secrets", "-n", room.namespace)
    stranger = room.stranger()
    kubectl(room.plane, "create", "rolebinding", "reads", "--role=reads", "-n", room.namespace,
            f"--serviceaccount={room.namespace}:stranger")  # fmt: skip
    assert "forbidden" in complaint(room.hook("bootstrap", stranger))
    assert room.held() == {}


@pytest.fixture
def tenant(room: Room) -> Iterator[str]:
    """One that nobody works on."""
    name = room.namespace
    spec = {"displayName": "Hooks", "origins": ["https://app.example.test"]}
    document = {"apiVersion": "handrail.dev/v1alpha1", "kind": "OnboardingTenant", "metadata": {"name": name}}
    kubectl(room.plane, "apply", "-f", "-", text=json.dumps(document | {"spec": spec}))
    yield name
    kubectl(room.plane, "delete", "otn", name, "--ignore-not-found", "--wait=false")


def test_tenants_that_are_left_are_named_and_their_end_opens_the_way(room: Room, tenant: str):
    said = complaint(room.hook("may-uninstall"))
    assert tenant in said
    assert "kubectl delete onboardingtenants --all" in said
    assert "helm rollback handrail REVISION" in said
    third = {"HANDRAIL_RELEASE": "platform", "HANDRAIL_REVISION": "3"}
    said = complaint(room.hook("may-uninstall", environment=third))
    assert f"helm rollback platform 3 --namespace {room.namespace} " in said
    kubectl(room.plane, "delete", "otn", tenant)
    assert tenant not in room.hook("may-uninstall")[1]


def test_a_selftest_says_which_step_failed(room: Room, tenant: str):
    soon = {"HANDRAIL_READY_WITHIN": "0.1", "HANDRAIL_GATEWAY_URL": f"http://127.0.0.1:{free_port()}"}
    said = complaint(room.hook("selftest", environment=soon | {"HANDRAIL_TENANTS": f"{tenant},nobody"}))
    assert f"tenant {tenant} did not get ready" in said
    twice = {"HANDRAIL_TENANTS": f"{tenant},{tenant}"}
    assert f"kubectl describe otn {tenant}" in said

    condition = {"type": "Ready", "status": "True", "reason": "Ready", "message": "", "observedGeneration": 1,
                 "lastTransitionTime": "2026-01-01T00:00:00Z"}  # fmt: skip
    patch = json.dumps({"status": {"conditions": [condition]}})
    kubectl(room.plane, "patch", "otn", tenant, "--subresource=status", "--type=merge", "-p", patch)
    said = complaint(room.hook("selftest", environment=soon | twice))
    assert f"Secret handrail-keys of handrail-{tenant} is missing" in said

    home = f"handrail-{tenant}"
    kubectl(room.plane, "create", "namespace", home)
    try:
        kubectl(room.plane, "create", "secret", "generic", "handrail-keys", "-n", home,
                "--from-literal=publishable=pk_x", "--from-literal=secret=sk_x")  # fmt: skip
        said = complaint(room.hook("selftest", environment=soon | twice))
        assert f"the gateway at {soon['HANDRAIL_GATEWAY_URL']} does not answer" in said
        assert "helm test" in said
    finally:
        kubectl(room.plane, "delete", "namespace", home, "--wait=false")
