"""The definition of tenants is a version ahead of the operator, and goes back: tenants notice neither."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.cluster.chart.installation import CHART, NAMESPACE, PATIENCE, Site
from tests.cluster.pod_manifests import until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
SMALL = {"operator": {"replicas": 1}, "gateway": {"replicas": 1}}
ACME = Path(__file__).parents[3] / "examples" / "tenants" / "acme.yaml"
LATER = {"type": "object", "default": {"on": True}, "properties": {"on": {"type": "boolean"}}}
"""A field of a later version, which every stored tenant has by its default."""


def later_chart(folder: Path) -> Path:
    """The chart with a field more in its definition."""
    chart = shutil.copytree(CHART, folder / "later")
    path = chart / "templates" / "crd.yaml"
    text = path.read_text(encoding="utf-8")
    place = "            properties:\n              displayName:"
    assert text.count(place) == 1
    field = f"            properties:\n              addedLater: {json.dumps(LATER)}\n              displayName:"
    path.write_text(text.replace(place, field), encoding="utf-8")
    return chart


def ready(site: Site) -> dict[str, Any]:
    site.kubectl("wait", "otn", "acme", "--for=condition=Ready", f"--timeout={PATIENCE}s")
    found: dict[str, Any] = site.get("otn", "acme")
    return found


def pods(site: Site) -> set[str]:
    return {one["metadata"]["name"] for one in site.get("pods", "-n", "handrail-acme")}


def seen(site: Site, generation: int) -> dict[str, Any]:
    """The tenant, once this generation of its spec was worked on."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = site.get("otn", "acme")
        return found if found["status"].get("observedGeneration") == generation else None

    until(look, f"generation {generation} is worked on", PATIENCE)
    return ready(site)


def test_an_operator_under_a_newer_definition_and_the_way_back(empty: Site, tmp_path: Path):
    empty.install(**SMALL)
    empty.kubectl("apply", "-f", str(ACME))
    first = ready(empty)
    running = pods(empty)

    replace(empty, chart=later_chart(tmp_path)).upgrade(**SMALL)
    until(lambda: "addedLater" in empty.get("otn", "acme")["spec"], "the newer definition is served", PATIENCE)
    tenant = YAML(typ="safe").load(ACME)
    tenant["spec"] |= {"displayName": "Acme, a version later", "addedLater": {"on": False}}
    empty.apply(tenant)
    changed = seen(empty, empty.get("otn", "acme")["metadata"]["generation"])
    assert changed["spec"]["addedLater"] == {"on": False}
    assert changed["status"]["revision"] != first["status"]["revision"], "what is known of it has come into force"
    # The API server prunes what an old watch tells by the old definition: who starts anew reads all of it.
    empty.kubectl("delete", "pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=handrail-operator")
    line = "fields of the spec are not known to this version"
    until(lambda: line in empty.logs(), "the operator's log names what it does not know", PATIENCE)
    assert pods(empty) == running

    empty.rollback("1")
    until(lambda: "addedLater" not in empty.get("otn", "acme")["spec"], "the definition of before is served", PATIENCE)
    empty.kubectl("patch", "otn", "acme", "--type=merge", "-p", json.dumps({"spec": {"displayName": "Acme"}}))
    back = seen(empty, empty.get("otn", "acme")["metadata"]["generation"])
    assert "addedLater" not in back["spec"]
    assert pods(empty) == running
    assert empty.get("deployment", "handrail-operator", "-n", NAMESPACE)["status"]["readyReplicas"] == 1
