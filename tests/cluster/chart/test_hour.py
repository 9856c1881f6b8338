"""The documented hour: the commands of docs/platform/install.md, one after the other, in a cluster of this machine."""

import base64
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from tests.cluster import binaries
from tests.cluster.chart import monitored, pages
from tests.cluster.chart.installation import NAMESPACE, PATIENCE, RELEASE, TAG, HelmFailed, Site

from handrail_contracts import names

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
ROOT = Path(__file__).parents[3]


def run(site: Site, line: str) -> "subprocess.CompletedProcess[str]":
    """By a shell, as it stands in the page; where images are pulled, with those of this machine."""
    if line.startswith(("helm install", "helm upgrade")):
        line += f" --set images.tag={TAG}"
    programs = os.pathsep.join(str(one.parent) for one in (binaries.helm(), binaries.kubectl()))
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=ROOT, env=site.helm.environment() | {"PATH": path},
        capture_output=True, text=True, check=False, timeout=PATIENCE * 2,
    )  # fmt: skip


def test_every_command_of_the_page(empty: Site):
    said: dict[str, str] = {}
    for command in pages.commands("platform/install.md"):
        done = run(empty, command.line)
        text = done.stdout + done.stderr
        said[command.line.partition(" --")[0]] = text
        if command.refused:
            assert done.returncode != 0, command.line
            assert "1 tenants are left: acme" in text or "1 tenants are left: acme" in empty.logs(), text
            assert empty.get("deployment", "handrail-operator", "-n", NAMESPACE), "nothing is taken away"
            back_again(empty, text + empty.logs())
        else:
            assert done.returncode == 0, f"{command.line}\n{text}\n{empty.logs()[-5000:]}"
    assert (
        said["kubectl -n handrail-acme get secret handrail-keys -o jsonpath='{.data.publishable}' | base64 -d"][:3]
        == "pk_"
    )
    assert empty.get("namespaces", NAMESPACE) is None


def back_again(site: Site, said: str) -> None:
    """By the command that the refusal names; then Helm upgrades again."""
    with pytest.raises(HelmFailed, match="no deployed releases"):
        site.upgrade()
    (command,) = set(re.findall(r"helm rollback handrail \d+ --namespace handrail", said))
    history = json.loads(site.helm("history", RELEASE, "--output", "json"))
    refused = next(str(one["revision"]) for one in history if one["status"] == "uninstalling")
    # After a rollback it is the revision that was gone back to: the same.
    same = [site.helm("get", "manifest", RELEASE, "--revision", one) for one in (command.split()[3], refused)]
    assert same[0] == same[1]
    done = run(site, command)
    assert done.returncode == 0, done.stdout + done.stderr
    site.upgrade()


LOGIN = {"auths": {"registry.test": {"auth": base64.b64encode(b"puller:s3cret").decode()}}}
"""Of a registry."""


def test_metrics_upgrades_and_new_signing_keys(empty: Site):
    empty.kubectl("create", "namespace", NAMESPACE)
    login = {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": json.dumps(LOGIN)}}
    empty.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pull", "namespace": NAMESPACE}} | login)
    empty.install(images={"tag": TAG, "pullSecrets": ["pull"]})
    empty.kubectl("apply", "-f", str(ROOT / "examples" / "tenants" / "acme.yaml"))
    empty.kubectl("wait", "otn", "acme", "--for=condition=Ready", f"--timeout={PATIENCE}s")
    given = empty.get("secret", names.REGISTRY_SECRET, "-n", "handrail-acme")["data"][".dockerconfigjson"]
    assert json.loads(base64.b64decode(given)) == LOGIN
    roles = [("handrail-acme", role, 8080) for role in names.ROLES]
    there = monitored.exported(
        empty, (NAMESPACE, "handrail-operator", 8080), (NAMESPACE, "handrail-gateway", 8081), *roles
    )
    assert monitored.asked_for() - there == set()
    before = pods(empty)
    kept = platform(empty)
    empty.upgrade("--reuse-values")
    assert pods(empty) == before
    assert platform(empty) == kept
    empty.upgrade("--reuse-values", rotation="2026-11")
    after = pods(empty)
    assert after["handrail-nats"] == before["handrail-nats"]
    assert after["handrail-gateway"].isdisjoint(before["handrail-gateway"])
    assert platform(empty) != kept


def pods(site: Site) -> dict[str, set[str]]:
    """Component -> its pods' names."""
    found: dict[str, set[str]] = {}
    for one in site.get("pods", "-n", NAMESPACE):
        if one["status"].get("phase") == "Running" and "deletionTimestamp" not in one["metadata"]:
            found.setdefault(one["metadata"]["labels"]["app.kubernetes.io/name"], set()).add(one["metadata"]["name"])
    return found


def platform(site: Site) -> str:
    return base64.b64decode(site.get("secret", "handrail-platform", "-n", NAMESPACE)["data"]["platform.json"]).decode()
