"""Deployments of processes: available by their probes, known by their names, replaced without a request lost."""

import json
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from tests.cluster.local_cluster import LocalCluster
from tests.cluster.pod_manifests import POD_IP, deployment, job, log, pod, python, service, until

pytestmark = [pytest.mark.cluster]

SERVER = """
import os, signal, sys, http.server
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["SAYS"].encode())
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8080), Answer)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server.serve_forever()
"""


def server(says: str = "one") -> dict[str, object]:
    return python(
        SERVER,
        env=[POD_IP, {"name": "SAYS", "value": says}],
        ports=[{"name": "http", "containerPort": 8080}],
        readinessProbe={"httpGet": {"port": "http"}, "periodSeconds": 1},
        lifecycle={"preStop": {"sleep": {"seconds": 2}}},
    )


def running(cluster: LocalCluster, namespace: str, name: str) -> list[str]:
    return [one["metadata"]["name"] for one in cluster.get("pods", "-n", namespace, "-l", f"app={name}")]


def test_a_deployment_is_available_and_its_service_resolves(cluster: LocalCluster, namespace: str):
    cluster.apply(
        deployment(namespace, "web", server(), replicas=2),
        service(namespace, "web", 8080, headless=True),
    )

    cluster.kubectl("-n", namespace, "wait", "--for=condition=Available", "--timeout=60s", "deployment/web")

    addresses = {cluster.pods.address(namespace, name) for name in running(cluster, namespace, "web")}
    assert len(addresses) == 2
    assert all(address and address.startswith("127.") for address in addresses)
    names = ["web", f"web.{namespace}", f"web.{namespace}.svc", f"web.{namespace}.svc.cluster.local"]
    code = (
        "import json, socket, urllib.request\n"
        f"found = {{name: sorted({{one[4][0] for one in socket.getaddrinfo(name, 8080)}}) for name in {names}}}\n"
        "found['answer'] = urllib.request.urlopen('http://web:8080').read().decode()\n"
        "print(json.dumps(found))"
    )
    cluster.apply(pod(namespace, "asks", python(code), restartPolicy="Never"))
    asked = json.loads(log(cluster, namespace, "asks"))
    assert asked == {name: sorted(map(str, addresses)) for name in names} | {"answer": "one"}
    # Processes that are no pods know the long names.
    outside = cluster.pods.hosts_file.read_text()
    assert all(f"{address} web.{namespace}.svc.cluster.local web.{namespace}.svc" in outside for address in addresses)


def test_who_is_not_ready_has_no_name(cluster: LocalCluster, namespace: str, tmp_path):
    gate = tmp_path / "open"
    probe = {"exec": {"command": ["test", "-e", str(gate)]}, "periodSeconds": 1, "failureThreshold": 2}
    cluster.apply(
        pod(namespace, "web", server() | {"readinessProbe": probe}), service(namespace, "web", 8080, headless=True)
    )
    name = f"web.{namespace}.svc"

    def seen() -> list[bool]:
        found = cluster.get("pod", "web", "-n", namespace)["status"].get("containerStatuses", [])
        return [one["ready"] for one in found if one["started"]]

    # It runs, and answers, and yet nobody is sent there.
    assert until(seen, "a process") == [False]
    assert name not in cluster.pods.hosts_file.read_text()

    gate.touch()
    until(lambda: name in cluster.pods.hosts_file.read_text(), "the name")

    gate.unlink()
    until(lambda: name not in cluster.pods.hosts_file.read_text(), "the name's end")
    conditions = {one["type"]: one for one in cluster.get("pod", "web", "-n", namespace)["status"]["conditions"]}
    assert conditions["Ready"]["status"] == "False"
    assert conditions["Ready"]["message"] == "containers with unready status: [main]"
    assert conditions["PodScheduled"]["status"] == "True"


def test_a_rolling_update_loses_no_request(cluster: LocalCluster, namespace: str):
    cluster.apply(deployment(namespace, "web", server("old"), replicas=2), service(namespace, "web", 8080))
    cluster.kubectl("-n", namespace, "wait", "--for=condition=Available", "--timeout=60s", "deployment/web")
    answers: list[str] = []
    lost: list[str] = []
    over = threading.Event()

    def ask() -> None:
        turn = 0
        while not over.is_set():
            found = [
                line.split()[0]
                for line in cluster.pods.hosts_file.read_text().splitlines()
                if f" web.{namespace}.svc " in f"{line} "
            ]
            turn += 1
            try:
                address = found[turn % len(found)]
                with urllib.request.urlopen(f"http://{address}:8080", timeout=5) as answer:
                    answers.append(answer.read().decode())
            except (OSError, urllib.error.URLError, ZeroDivisionError) as error:
                lost.append(repr(error))
            time.sleep(0.02)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        until(lambda: answers, "an answer")
        cluster.apply(deployment(namespace, "web", server("new"), replicas=2))
        cluster.kubectl("-n", namespace, "rollout", "status", "--timeout=60s", "deployment/web")
        seen = len(answers)
        until(lambda: len(answers) > seen + 20, "answers after the update")
        until(lambda: len(running(cluster, namespace, "web")) == 2, "the end of the old pods")
    finally:
        over.set()
        asking.join()

    assert lost == []
    assert answers[0] == "old"
    assert answers[-1] == "new"


def test_a_deleted_namespace_ends_all_that_runs_in_it(cluster: LocalCluster, namespace: str):
    cluster.apply(
        deployment(namespace, "web", server() | {"lifecycle": {}}, replicas=2, terminationGracePeriodSeconds=1),
        job(namespace, "long", python("import time; time.sleep(600)")),
    )
    cluster.kubectl("-n", namespace, "wait", "--for=condition=Available", "--timeout=60s", "deployment/web")
    until(lambda: len(cluster.get("pods", "-n", namespace, "--field-selector=status.phase=Running")) == 3, "three pods")
    names = [one["metadata"]["name"] for one in cluster.get("pods", "-n", namespace)]
    pids = [pid for name in names for pid in cluster.pods.pids(namespace, name)]
    assert len(pids) == 3

    cluster.kubectl("delete", "namespace", namespace, "--timeout=60s")

    assert not [pid for pid in pids if _lives(pid)]
    assert all(cluster.pods.address(namespace, name) is None for name in names)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
