"""The documented hour on a real cluster, and what must hold there that no process of a test can show: policies,
kubelets, containers. Run by `make e2e`.
"""

import asyncio
import base64
import os
from pathlib import Path

import pytest
from tests.chaos.crowd import Ledger
from tests.cluster.chart import pages
from tests.cluster.chart.books import balanced, moved_on, traffic
from tests.e2e.node import NAMESPACE, PATIENCE, Node, say, until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(3600),
    pytest.mark.skipif("HANDRAIL_TEST_KUBECONFIG" not in os.environ, reason="needs a cluster: make e2e"),
]
TENANTS = ("acme", "globex")
REACH = """
import socket
try:
    socket.create_connection(({host!r}, {port}), timeout=4).close()
    print("open")
except OSError as error:
    print("shut", error)
"""
OTHER_DATABASE = """
import asyncio, asyncpg, pathlib
url = pathlib.Path("/var/run/handrail/secrets/database-url").read_text().strip()
async def main():
    own = await asyncpg.connect(url, timeout=5)
    names = [row[0] for row in await own.fetch("SELECT datname FROM pg_database WHERE datname LIKE 'hr%'")]
    mine = await own.fetchval("SELECT current_database()")
    await own.close()
    for name in names:
        if name == mine:
            continue
        try:
            await asyncpg.connect(url.rpartition("/")[0] + "/" + name, timeout=5)
            print("OPEN", name)
        except asyncpg.PostgresError as error:
            print("shut", type(error).__name__)
asyncio.run(main())
"""


@pytest.fixture
def node() -> Node:
    return Node(Path(os.environ["HANDRAIL_TEST_KUBECONFIG"]), os.environ.get("HANDRAIL_TEST_TAG", "0.1.0"))


async def test_the_hour(node: Node):
    steps = pages.commands("platform/install.md")
    end = next(number for number, step in enumerate(steps) if step.line.startswith("helm upgrade"))
    for step in steps[:end]:
        say(node.shell(images(step.line, node.tag)))
    node.shell("kubectl apply -f examples/tenants/globex.yaml")
    ready(node, "globex")

    apart(node)
    with node.gateway() as gateway:
        async with traffic(gateway, secret(node, "acme", "publishable")) as ledger:
            say("a tenant's pod, the operator and NATS are killed, one after the other")
            await killed(node, "handrail-acme", "app.kubernetes.io/component=agent", ledger)
            await killed(node, NAMESPACE, "app.kubernetes.io/name=handrail-operator", ledger)
            await killed(node, NAMESPACE, "app.kubernetes.io/name=handrail-nats", ledger)
            await killed(node, NAMESPACE, "app.kubernetes.io/name=handrail-postgres", ledger)
            say("upgrade and back, under traffic")
            await asyncio.to_thread(upgraded, node, f"{node.tag}-next")
            await moved_on(ledger, PATIENCE)
            await asyncio.to_thread(rolled_back, node)
            await moved_on(ledger, PATIENCE)
        key = await asyncio.to_thread(secret, node, "acme", "secret")
        say(await balanced(gateway, key, ledger, PATIENCE))

    for step in steps[end + 3 :]:
        # Two tenants are left here, and a page names but one.
        node.shell(images(step.line, node.tag), fails=step.refused)
    assert node.get("namespaces", NAMESPACE) is None


def images(line: str, tag: str) -> str:
    return f"{line} --set images.tag={tag}" if line.startswith(("helm install", "helm upgrade")) else line


def ready(node: Node, name: str) -> None:
    node.shell(f"kubectl wait otn/{name} --for=condition=Ready --timeout={PATIENCE:.0f}s")


def apart(node: Node) -> None:
    """From a pod of one tenant: the servers are open to it, the other tenant, its data and the inside are not."""
    other = node.get("pods", "-n", "handrail-globex")[0]["status"]["podIP"]
    api = node.get("service", "kubernetes", "-n", "default")["spec"]["clusterIP"]
    gateway = node.get("service", "handrail-gateway", "-n", NAMESPACE)["spec"]["clusterIP"]
    for host, port, wanted in (
        (f"handrail-nats.{NAMESPACE}.svc", 4222, "open"),
        (f"handrail-postgres.{NAMESPACE}.svc", 5432, "open"),
        (other, 8080, "shut"),
        ("169.254.169.254", 80, "shut"),
        (api, 443, "shut"),
        (gateway, 8080, "shut"),
    ):
        said = node.inside("handrail-acme", "ingest", REACH.format(host=host, port=port))
        assert said.startswith(wanted), (host, port, said)
    said = node.inside("handrail-acme", "ingest", OTHER_DATABASE)
    assert "OPEN" not in said
    assert said.count("shut") >= 1, "there is another tenant's database to be tried"


def secret(node: Node, tenant: str, kind: str) -> str:
    found = node.get("secret", "handrail-keys", "-n", f"handrail-{tenant}")
    return base64.b64decode(found["data"][kind]).decode()


async def killed(node: Node, namespace: str, selector: str, ledger: Ledger) -> None:
    """At once, as by a lost node; others come in their place, and events go on to be taken."""
    pods = await asyncio.to_thread(node.get, "pods", "-n", namespace, "-l", selector)
    names = " ".join(one["metadata"]["name"] for one in pods)
    await asyncio.to_thread(node.shell, f"kubectl -n {namespace} delete pod {names} --grace-period=0 --force")

    def well() -> bool:
        there = node.get("pods", "-n", namespace, "-l", selector)
        fresh = [one for one in there if one["metadata"]["uid"] not in {old["metadata"]["uid"] for old in pods}]
        conditions = [{c["type"]: c["status"] for c in one["status"].get("conditions", [])} for one in fresh]
        return len(fresh) >= len(pods) and all(one.get("Ready") == "True" for one in conditions)

    await asyncio.to_thread(until, well, f"{selector} is ready again")
    await moved_on(ledger, PATIENCE)


def upgraded(node: Node, tag: str) -> None:
    node.shell(
        f"helm upgrade handrail charts/handrail -n {NAMESPACE} --reset-then-reuse-values --set images.tag={tag} "
        "--wait --timeout 10m"
    )
    for tenant in TENANTS:
        until(lambda tenant=tenant: version(node, tenant) == tag, f"{tenant} runs {tag}")  # type: ignore[misc]


def rolled_back(node: Node) -> None:
    node.shell(f"helm rollback handrail -n {NAMESPACE} --wait --timeout 10m")
    for tenant in TENANTS:
        until(lambda tenant=tenant: version(node, tenant) == node.tag, f"{tenant} runs {node.tag} again")  # type: ignore[misc]


def version(node: Node, tenant: str) -> str:
    """That all of a tenant's pods are of."""
    found = node.get("otn", tenant)
    settled = {one["type"]: one["status"] for one in found["status"]["conditions"]}
    if (settled.get("Ready"), settled.get("Progressing")) != ("True", "False"):
        return ""
    return str(found["status"].get("version", ""))
