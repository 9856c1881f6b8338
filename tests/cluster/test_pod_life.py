"""Containers that end, hang, or cannot be started: what is told of them, and when they are started again."""

import json
import time

import pytest
from tests.cluster.local_cluster import LocalCluster
from tests.cluster.pod_manifests import await_event, job, log, pod, python, until

pytestmark = pytest.mark.cluster


def state(cluster: LocalCluster, namespace: str, name: str) -> dict[str, object]:
    found = cluster.get("pod", name, "-n", namespace)["status"].get("containerStatuses")
    return found[0] if found else {}


def test_a_job_succeeds_and_one_fails_after_its_tries(cluster: LocalCluster, namespace: str):
    again = python("import sys; print('tried'); sys.exit(3)")
    cluster.apply(
        job(namespace, "good", python("print('done')")),
        job(namespace, "bad", again, backoffLimit=0),
        job(namespace, "stubborn", again, backoffLimit=1),
    )

    cluster.kubectl("-n", namespace, "wait", "--for=condition=Complete", "--timeout=60s", "job/good")
    cluster.kubectl("-n", namespace, "wait", "--for=condition=Failed", "--timeout=60s", "job/bad", "job/stubborn")

    conditions = cluster.get("job", "bad", "-n", namespace)["status"]["conditions"]
    assert {"Failed": "BackoffLimitExceeded"}.items() <= {one["type"]: one["reason"] for one in conditions}.items()
    names = ("good", "bad", "stubborn")
    pods = {name: cluster.get("pods", "-n", namespace, "-l", f"job-name={name}") for name in names}
    assert [len(found) for found in pods.values()] == [1, 1, 2]
    assert [one["status"]["phase"] for one in pods["stubborn"]] == ["Failed", "Failed"]
    ended = pods["bad"][0]["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (3, "Error")
    assert cluster.pods.logs(namespace, pods["good"][0]["metadata"]["name"]) == "done\n"
    assert cluster.pods.pids(namespace, pods["good"][0]["metadata"]["name"]) == []


def test_on_failure_starts_again_in_place(cluster: LocalCluster, namespace: str):
    code = (
        "import os, sys\nfirst = not os.path.exists('/kept/been')\nopen('/kept/been', 'w')\nsys.exit(7 if first else 0)"
    )
    volumes = [{"name": "kept", "emptyDir": {}}]
    container = python(code, volumeMounts=[{"name": "kept", "mountPath": "/kept"}])
    cluster.apply(pod(namespace, "twice", container, volumes=volumes, restartPolicy="OnFailure"))

    log(cluster, namespace, "twice")

    found = state(cluster, namespace, "twice")
    assert found["restartCount"] == 1
    assert found["lastState"]["terminated"]["exitCode"] == 7  # type: ignore[index]
    assert found["state"]["terminated"]["reason"] == "Completed"  # type: ignore[index]


def test_who_crashes_again_and_again_is_backed_off(cluster: LocalCluster, namespace: str):
    cluster.apply(pod(namespace, "crashes", python("import sys; sys.exit(1)")))

    def waits() -> bool:
        waiting = state(cluster, namespace, "crashes").get("state", {}).get("waiting", {})  # type: ignore[attr-defined]
        return bool(waiting.get("reason") == "CrashLoopBackOff")

    until(waits, "the pause")
    assert state(cluster, namespace, "crashes")["restartCount"] == 1
    await_event(cluster, namespace, "crashes", "BackOff", "back-off 10s restarting failed container")


def test_liveness_starts_a_hanging_container_again(cluster: LocalCluster, namespace: str):
    container = python(
        "import time; print('began', flush=True); time.sleep(600)",
        livenessProbe={"exec": {"command": ["test", "-e", "/kept/well"]}, "periodSeconds": 1, "failureThreshold": 2},
        startupProbe={"exec": {"command": ["touch", "/kept/well"]}, "periodSeconds": 1},
        lifecycle={"preStop": {"exec": {"command": ["touch", "/kept/asked"]}}},
        volumeMounts=[{"name": "kept", "mountPath": "/kept"}],
    )
    breaks = """
import os, time
while not os.path.exists('/kept/well'):
    time.sleep(0.05)
os.remove('/kept/well')
time.sleep(600)
"""
    other = python(breaks, volumeMounts=[{"name": "kept", "mountPath": "/kept"}]) | {"name": "breaks"}
    manifest = pod(namespace, "hangs", container, volumes=[{"name": "kept", "emptyDir": {}}])
    manifest["spec"]["containers"].append(other)
    cluster.apply(manifest)

    def again() -> bool:
        found = cluster.get("pod", "hangs", "-n", namespace)["status"].get("containerStatuses", [])
        return any(one["name"] == "main" and one["restartCount"] == 1 and one["ready"] for one in found)

    until(again, "a second start")
    until(lambda: cluster.pods.logs(namespace, "hangs", "main") == "began\nbegan\n", "its own words")
    await_event(cluster, namespace, "hangs", "Unhealthy", "Liveness probe failed: the command ended with 1")
    await_event(cluster, namespace, "hangs", "Killing", "Container main failed liveness probe, will be restarted")
    status = cluster.get("pod", "hangs", "-n", namespace)["status"]["containerStatuses"]
    assert {one["name"]: one["restartCount"] for one in status} == {"main": 1, "breaks": 0}


def test_a_deleted_pod_is_asked_before_it_is_killed(cluster: LocalCluster, namespace: str):
    deaf = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: print('asked', flush=True))\n"
    deaf += "print('began', flush=True)\nwhile True: time.sleep(1)"
    polite = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('ended', flush=True)))\n"
    )
    polite += "print('began', flush=True)\nwhile True: time.sleep(1)"
    hook = {"lifecycle": {"preStop": {"exec": {"command": ["python", "-c", "print('before')"]}}}}
    cluster.apply(
        pod(namespace, "deaf", python(deaf), terminationGracePeriodSeconds=2),
        pod(namespace, "polite", python(polite, **hook), terminationGracePeriodSeconds=60),
    )
    for name in ("deaf", "polite"):
        until(lambda: cluster.pods.logs(namespace, name, "main"), "the start")  # noqa: B023
    began = time.monotonic()

    cluster.kubectl("-n", namespace, "delete", "pod", "deaf", "polite", "--timeout=50s")

    assert time.monotonic() - began > 2  # the deaf one had its time
    assert cluster.pods.logs(namespace, "deaf") == "began\nasked\n"
    assert cluster.pods.logs(namespace, "polite", "main") == "began\nended\n"
    assert cluster.pods.logs(namespace, "polite", "main.exec") == "before\n"


def test_an_unknown_image_is_not_pulled(cluster: LocalCluster, namespace: str):
    cluster.apply(pod(namespace, "strange", python("") | {"image": "registry.example/nobody:1"}))

    def waits() -> bool:
        waiting = state(cluster, namespace, "strange").get("state", {}).get("waiting", {})  # type: ignore[attr-defined]
        return bool(waiting.get("reason") == "ImagePullBackOff")

    until(waits, "the reason")
    assert cluster.get("pod", "strange", "-n", namespace)["status"]["phase"] == "Pending"
    await_event(cluster, namespace, "strange", "Failed", 'no such image "registry.example/nobody:1" on this machine')

    cluster.kubectl("-n", namespace, "delete", "pod", "strange", "--timeout=20s")


def test_an_unknown_program_is_told(cluster: LocalCluster, namespace: str):
    cluster.apply(pod(namespace, "typo", python("") | {"command": ["pyhton"]}, restartPolicy="Never"))

    assert log(cluster, namespace, "typo") == "pyhton: No such file or directory\n"
    assert state(cluster, namespace, "typo")["state"]["terminated"]["reason"] == "StartError"  # type: ignore[index]


def test_init_containers_come_first_one_by_one(cluster: LocalCluster, namespace: str):
    mount = {"volumeMounts": [{"name": "kept", "mountPath": "/kept"}]}
    init = [
        python(f"open('/kept/book', 'a').write('{word} ')", **mount) | {"name": word} for word in ("first", "second")
    ]
    container = python("print(open('/kept/book').read())", **mount)
    volumes = [{"name": "kept", "emptyDir": {}}]
    cluster.apply(
        pod(namespace, "follows", container, initContainers=init, volumes=volumes, restartPolicy="Never"),
        pod(namespace, "never", container, initContainers=[python("exit(1)") | {"name": "fails"}], volumes=volumes,
            restartPolicy="Never"),
    )  # fmt: skip

    assert log(cluster, namespace, "follows") == "first second \n"
    assert log(cluster, namespace, "never") == ""
    assert cluster.get("pod", "never", "-n", namespace)["status"]["phase"] == "Failed"


def test_the_node_is_seen_ready(cluster: LocalCluster):
    (node,) = cluster.get("nodes")
    conditions = {one["type"]: one["status"] for one in node["status"]["conditions"]}

    assert (node["metadata"]["name"], conditions["Ready"]) == ("local", "True")
    assert not node["spec"].get("taints")
    lease = cluster.get("lease", "local", "-n", "kube-node-lease")
    assert json.dumps(lease["spec"]["holderIdentity"]) == '"local"'


def test_what_is_not_known_is_told_and_not_left_out(cluster: LocalCluster, namespace: str):
    asked = python("import time; time.sleep(600)", readinessProbe={"grpc": {"port": 8080}})
    host = [{"name": "host", "hostPath": {"path": "/"}}]
    cluster.apply(pod(namespace, "asked", asked), pod(namespace, "mounts", python("print()"), volumes=host))

    for name, what in (("asked", "the gRPC readinessProbe of main"), ("mounts", "a volume of the host's /")):
        await_event(cluster, namespace, name, "Unsupported", f"processes of this machine do not know {what}")
        assert cluster.pods.pids(namespace, name) == []


def test_hooks_that_fail(cluster: LocalCluster, namespace: str):
    """A failed first step ends the container, a failed last one does not hold it up."""
    fails = {"exec": {"command": ["false"]}}
    waits = "import time; print('began', flush=True); time.sleep(600)"
    cluster.apply(
        pod(namespace, "first", python(waits, lifecycle={"postStart": fails}), restartPolicy="Never"),
        pod(namespace, "last", python(waits, lifecycle={"preStop": {"exec": {"command": ["nowhere"]}}})),
    )
    until(lambda: cluster.pods.logs(namespace, "last", "main"), "the start")

    cluster.kubectl("-n", namespace, "delete", "pod", "last", "--timeout=20s")

    log(cluster, namespace, "first")
    assert state(cluster, namespace, "first")["state"]["terminated"]["exitCode"] == 128 + 15  # type: ignore[index]
    await_event(cluster, namespace, "first", "Unhealthy", "PostStart hook failed: the command ended with 1")
