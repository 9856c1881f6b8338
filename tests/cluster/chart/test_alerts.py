"""A platform that breaks, under a real Prometheus: each break raises its alerts, and mending ends them."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cluster.chart.installation import NAMESPACE, PATIENCE, Site
from tests.cluster.chart.prometheus import Prometheus, Target, prometheus
from tests.cluster.pod_manifests import until

from handrail_contracts import names

PROGRAM = shutil.which("prometheus")
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="prometheus is not here (Debian: prometheus)"),
]
ACME = Path(__file__).parents[3] / "examples" / "tenants" / "acme.yaml"
SMALL = {"operator": {"replicas": 1}, "gateway": {"replicas": 1}}
PORTS = {"handrail-operator": 8080, "handrail-gateway": 8081}


def targets(site: Site) -> list[Target]:
    """As the chart's monitors find them: operators, gateways, tenants' pods."""
    found = []
    for namespace in (NAMESPACE, "handrail-acme"):
        for pod in site.get("pods", "-n", namespace):
            labels, name = pod["metadata"]["labels"], pod["metadata"]["name"]
            port = 8080 if names.LABEL_TENANT in labels else PORTS.get(labels.get(names.LABEL_NAME, ""))
            if port is None or pod["status"].get("phase") != "Running" or "deletionTimestamp" in pod["metadata"]:
                continue
            address = f"{site.pods.address(namespace, name)}:{port}"
            found.append((address, {"namespace": namespace, "pod": name}))
    return found


def raised(site: Site, watcher: Prometheus, wanted: set[str], may: frozenset[str] = frozenset()) -> None:
    """All of the wanted, and beside them none but those that may be."""

    def look() -> bool:
        watcher.watch(targets(site))
        found = watcher.alerts()
        return found is not None and wanted <= found <= wanted | may

    try:
        # As often as Prometheus looks, nearly.
        until(look, f"{sorted(wanted)} and nothing but them", PATIENCE, every=0.7)
    except TimeoutError as error:
        raise AssertionError(f"raised: {watcher.alerts()}") from error


@contextmanager
def away(site: Site, what: str) -> Iterator[None]:
    """A Deployment or StatefulSet without pods."""
    site.kubectl("scale", what, "--replicas=0", "-n", NAMESPACE)
    yield
    site.kubectl("scale", what, "--replicas=1", "-n", NAMESPACE)


NOT_READY = frozenset({"HandrailTenantNotReady", "HandrailReconcileFailing"})
"""What may follow from a server that is away."""


def test_each_break_raises_its_alerts(empty: Site, tmp_path: Path):
    assert PROGRAM is not None
    empty.install(**SMALL)
    empty.kubectl("apply", "-f", str(ACME))
    empty.kubectl("wait", "otn", "acme", "--for=condition=Ready", f"--timeout={PATIENCE}s")
    with prometheus(tmp_path / "prometheus", PROGRAM) as watcher:
        raised(empty, watcher, set())
        until(lambda: watcher.up() == 2 + len(names.ROLES), "all pods give their metrics", PATIENCE)

        with away(empty, "deployment/handrail-gateway"):
            raised(empty, watcher, {"HandrailGatewayGone"})
        raised(empty, watcher, set())

        with away(empty, "statefulset/handrail-postgres"):
            raised(empty, watcher, {"HandrailServerDown"}, NOT_READY)
        raised(empty, watcher, set(), frozenset({"HandrailReconcileFailing"}))

        with away(empty, "statefulset/handrail-nats"):
            raised(empty, watcher, {"HandrailServerDown", "HandrailGatewayDisconnected"}, NOT_READY)
        raised(empty, watcher, set(), frozenset({"HandrailReconcileFailing"}))

        empty.kubectl("patch", "otn", "acme", "--type=merge", "-p", json.dumps({"spec": {"plan": "no-such-plan"}}))
        raised(empty, watcher, {"HandrailTenantNotReady"}, NOT_READY)
        empty.kubectl("patch", "otn", "acme", "--type=merge", "-p", json.dumps({"spec": {"plan": "standard"}}))
        raised(empty, watcher, set(), frozenset({"HandrailReconcileFailing"}))

        with away(empty, "deployment/handrail-operator"):
            raised(empty, watcher, {"HandrailOperatorGone"}, frozenset({"HandrailReconcileFailing"}))
