"""The reader of the audit log finds every write, and nothing else."""

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from tests.cluster import audit
from tests.cluster.control_plane import ControlPlane, kubectl

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def book(plane: ControlPlane) -> audit.Audit:
    return audit.Audit(plane.folder)


def manifest(name: str, **data: str) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})


def of(space: str):
    return lambda write: write.namespace == space and not write.by_a_controller


@pytest.fixture
def space(plane: ControlPlane) -> Iterator[str]:
    name = f"audit-{secrets.token_hex(4)}"
    kubectl(plane, "create", "namespace", name)
    yield name
    kubectl(plane, "delete", "namespace", name, "--wait=false")


def test_writes_are_found_by_user_manager_and_kind(plane, book, space):
    apply = ("apply", "--server-side", "--field-manager=somebody", "-n", space, "-f", "-")
    kubectl(plane, *apply, text=manifest("one", a="1"))
    kubectl(plane, *apply, text=manifest("one", a="2"))
    kubectl(plane, "delete", "configmap", "one", "-n", space)
    assert [(write.verb, write.kind, write.name) for write in book.writes(by=of(space))] == [
        ("patch", "configmaps", "one"),
        ("patch", "configmaps", "one"),
        ("delete", "configmaps", "one"),
    ]
    found = audit.table(book.writes(by=of(space)))
    assert found == {("admin", "somebody", "configmaps"): 2, ("admin", "kubectl", "configmaps"): 1}


def test_reads_refusals_and_dry_runs_are_no_writes(plane, book, space):
    kubectl(plane, "get", "configmaps", "-n", space)
    kubectl(plane, "create", "configmap", "dry", "-n", space, "--dry-run=server")
    kubectl(plane, "auth", "can-i", "create", "pods", "-n", space)
    with pytest.raises(Exception, match="exit status 1"):
        kubectl(plane, "delete", "configmap", "missing", "-n", space)
    assert book.writes(by=of(space)) == []


def test_only_what_falls_into_the_span(plane, book, space):
    kubectl(plane, "create", "configmap", "before", "-n", space)
    since = datetime.now(UTC)
    kubectl(plane, "create", "configmap", "within", "-n", space)
    until = datetime.now(UTC)
    kubectl(plane, "create", "configmap", "after", "-n", space)
    assert len(book.writes(since=since, until=until, by=of(space))) == 1
    assert len(book.writes(since=since, by=of(space))) == 2


def test_leases_and_events_are_told_apart(plane, book, space):
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "mine"}}
    event = {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "said"}, "reason": "Said", "message": "something",
        "involvedObject": {"kind": "Namespace", "namespace": space, "name": space}, "type": "Normal",
    }  # fmt: skip
    for thing in (lease, event):
        kubectl(plane, "create", "-n", space, "-f", "-", text=json.dumps(thing))
    kubectl(plane, "create", "configmap", "changed", "-n", space)
    writes = book.writes(by=of(space))
    assert {write.kind for write in writes} == {"leases", "events", "configmaps"}
    assert [write.kind for write in audit.changes(writes)] == ["configmaps"]


def test_controllers_are_known_by_their_program(plane, book):
    """A namespace gets its account and its certificate by them."""
    assert {write.kind for write in book.writes(by=lambda write: write.by_a_controller)} >= {
        "serviceaccounts",
        "configmaps",
    }
