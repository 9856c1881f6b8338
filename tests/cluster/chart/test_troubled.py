"""Installations that cannot go well: each is refused or fails by one clear line, and goes on once it is mended."""

import base64
import json
import time
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.cluster.chart.installation import CHART, GUEST, NAMESPACE, RELEASE, Helm, HelmFailed, Site
from tests.cluster.control_plane import DEFINITIONS

from handrail_cli.embedded.ports import free_port

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
SMALL = {"operator": {"replicas": 1}, "gateway": {"replicas": 1}}


def secret(name: str, key: str, text: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "data": {key: base64.b64encode(text.encode()).decode()},
    }


def test_a_database_that_is_away_fails_the_install_which_goes_on_when_mended(empty: Site):
    port = free_port()
    away = f"127.0.0.1:{port}"
    empty.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    empty.apply(secret("own-postgres", "postgres-url", f"postgresql://me:s3cret@{away}/postgres"))
    own = {"postgres": {"bundled": False, "port": port, "existingSecret": {"name": "own-postgres"}}}
    began = time.monotonic()
    with pytest.raises(HelmFailed, match="handrail-bootstrap"):
        empty.install(**SMALL, **own)
    assert time.monotonic() - began < 90, "reported within a minute, and some for a busy machine"
    assert f"PostgreSQL at {away} does not answer" in empty.logs()
    assert "s3cret" not in empty.logs()
    assert empty.get("deployments", "-n", NAMESPACE) == []
    # Its log can be read: `kubectl logs job/handrail-bootstrap`.
    assert empty.get("job", "handrail-bootstrap", "-n", NAMESPACE)["status"]["failed"] == 1
    assert "deployed" in empty.upgrade("--install", **SMALL)

    # A trust chain that somebody damaged stops an upgrade before anything of it stands, and is not made anew.
    before = empty.get("deployment", "handrail-operator", "-n", NAMESPACE)["metadata"]["resourceVersion"]
    held = empty.get("secret", "handrail-platform", "-n", NAMESPACE)["data"]["platform.json"]
    damage(empty, "e30=")
    with pytest.raises(HelmFailed, match="handrail-bootstrap"):
        empty.upgrade(**SMALL, logFormat="console")
    assert "put it back from a backup" in empty.logs()
    assert empty.get("deployment", "handrail-operator", "-n", NAMESPACE)["metadata"]["resourceVersion"] == before
    damage(empty, held)
    assert "deployed" in empty.upgrade(**SMALL, logFormat="console")

    with pytest.raises(HelmFailed, match=r'in this cluster already [(]release "handrail" of namespace "handrail"'):
        empty.helm(
            "install", "second", str(CHART), "--namespace", "second", "--create-namespace", values=empty.values()
        )

    guest = Helm(empty.plane.kubeconfig(GUEST), empty.helm.folder)
    with pytest.raises(HelmFailed, match="forbidden"):
        guest("upgrade", RELEASE, str(CHART), "--namespace", NAMESPACE, values=empty.values(**SMALL))


def damage(site: Site, platform: str) -> None:
    """`platform`: in base64."""
    patch = json.dumps({"data": {"platform.json": platform}})
    site.kubectl("patch", "secret", "handrail-platform", "-n", NAMESPACE, "--type=merge", "-p", patch)


def test_an_older_definition_is_taken_over_and_brought_up_to_date(empty: Site):
    older = YAML(typ="safe").load(next(DEFINITIONS.glob("*.yaml")))
    spec = older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    del spec["suspend"]
    empty.apply(older)
    with pytest.raises(HelmFailed, match=r"onboardingtenants\.handrail\.dev"):
        empty.install(**SMALL)
    assert "deployed" in empty.install("--take-ownership", "--force-conflicts", **SMALL)
    found = json.loads(empty.kubectl("get", "crd", "onboardingtenants.handrail.dev", "-o", "json"))
    schema = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    assert "suspend" in schema["spec"]["properties"]
