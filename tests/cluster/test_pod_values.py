"""What a container finds in its environment and its folders is what a kubelet would have put there."""

import json

import pytest
from tests.cluster.local_cluster import LocalCluster
from tests.cluster.pod_manifests import POD_IP, await_event, log, pod, python, secret, until

pytestmark = pytest.mark.cluster

SHOW = "import json, os; print(json.dumps({name: value for name, value in os.environ.items()}))"
LIST = """
import json, os, stat
def found(folder):
    names = sorted(name for name in os.listdir(folder) if not name.startswith('..'))
    return {name: found(f'{folder}/{name}') if os.path.isdir(f'{folder}/{name}') else one(f'{folder}/{name}')
            for name in names}
def one(path):
    return [open(path).read(), oct(stat.S_IMODE(os.stat(path).st_mode))]
def refused(folder):
    try:
        open(folder + '/new', 'w')
    except OSError as error:
        return error.strerror
"""


def config_map(namespace: str, name: str, **values: str) -> dict[str, object]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": values}


def test_the_environment(cluster: LocalCluster, namespace: str):
    def field(path: str) -> dict[str, object]:
        return {"fieldRef": {"fieldPath": path}}

    def key(kind: str, name: str, key: str, **more: object) -> dict[str, object]:
        return {kind: {"name": name, "key": key} | more}

    sources: dict[str, dict[str, object]] = {
        "NAME": field("metadata.name"),
        "NAMESPACE": field("metadata.namespace"),
        "NODE": field("spec.nodeName"),
        "LABEL": field("metadata.labels['app']"),
        "POD_IP": field("status.podIP"),
        "LIMIT": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}},
        "PASSWORD": key("secretKeyRef", "held", "password"),
        "COLOUR": key("configMapKeyRef", "kept", "colour"),
        "NO_KEY": key("secretKeyRef", "held", "none", optional=True),
        "NO_MAP": key("configMapKeyRef", "none", "none", optional=True),
    }
    plain = {
        "URL": "http://$(POD_IP):8080/$(NAME)",
        "ESCAPED": "$$(NAME)",
        "UNKNOWN": "$(NOBODY) $(LATER)",
        "LATER": "x",
        "shape": "of its own",
    }
    env = [{"name": name, "valueFrom": source} for name, source in sources.items()]
    env += [{"name": name, "value": value} for name, value in plain.items()]
    env_from = [
        {"configMapRef": {"name": "kept"}},
        {"prefix": "HELD_", "secretRef": {"name": "held"}},
        {"secretRef": {"name": "none", "optional": True}},
    ]
    container = python(SHOW, env=env, envFrom=env_from, resources={"limits": {"memory": "64Mi"}})
    cluster.apply(
        secret(namespace, "held", password="p"),
        config_map(namespace, "kept", colour="red", shape="round"),
        pod(namespace, "shows", container, restartPolicy="Never"),
    )

    found = json.loads(log(cluster, namespace, "shows"))

    address = found["POD_IP"]
    assert address.startswith("127.")
    # The API server takes no loopback address: it is told the same one in another network.
    told = cluster.get("pod", "shows", "-n", namespace)["status"]["podIP"]
    assert told == "10." + address.removeprefix("127.")
    wanted = {
        "NAME": "shows",
        "NAMESPACE": namespace,
        "NODE": "local",
        "LABEL": "shows",
        "LIMIT": "64",
        "PASSWORD": "p",
        "COLOUR": "red",
        "URL": f"http://{address}:8080/shows",
        "ESCAPED": "$(NAME)",
        "UNKNOWN": "$(NOBODY) $(LATER)",
        "LATER": "x",
        "shape": "of its own",
        "colour": "red",
        "HELD_password": "p",
        "HOSTNAME": "shows",
        "POD_IP": address,
    }
    own = {name: value for name, value in found.items() if name in wanted or name in {"NO_KEY", "NO_MAP"}}
    assert own == wanted
    # Nothing of the environment of whoever runs the node.
    strange = found.keys() - wanted.keys() - {"PATH", "HOME", "PYTHONPATH", "LC_CTYPE"}
    assert all(name.startswith("KUBERNETES_SERVICE_") for name in strange)


def test_volumes(cluster: LocalCluster, namespace: str):
    container = python(
        LIST + "print(json.dumps([*map(found, ['/etc/of/secrets', '/mixed']), *map(refused, ['/mixed', '/scratch'])]))",
        volumeMounts=[
            {"name": "held", "mountPath": "/etc/of/secrets"},
            {"name": "mixed", "mountPath": "/mixed"},
            {"name": "scratch", "mountPath": "/scratch"},
        ],
    )
    mixed = [
        {"secret": {"name": "held", "items": [{"key": "password", "path": "refs/held/password", "mode": 0o400}]}},
        {"configMap": {"name": "kept"}},
        {"secret": {"name": "none", "optional": True}},
        {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    ]
    volumes = [
        {"name": "held", "secret": {"secretName": "held", "defaultMode": 0o440}},
        {"name": "mixed", "projected": {"sources": mixed}},
        {"name": "scratch", "emptyDir": {}},
    ]
    cluster.apply(
        secret(namespace, "held", password="p", user="u"),
        config_map(namespace, "kept", colour="red"),
        pod(namespace, "lists", container, volumes=volumes, restartPolicy="Never"),
    )

    assert json.loads(log(cluster, namespace, "lists")) == [
        {"password": ["p", "0o440"], "user": ["u", "0o440"]},
        {
            "colour": ["red", "0o644"],
            "labels": ['app="lists"', "0o644"],
            "refs": {"held": {"password": ["p", "0o400"]}},
        },
        "Read-only file system",
        None,
    ]


def test_a_changed_secret_is_seen_in_place(cluster: LocalCluster, namespace: str):
    code = """
import os, time
said = None
while True:
    held = '/secrets/' + os.readlink('/secrets/..data')  # is always there, and both files are of one time
    try:
        now = open(held + '/a').read() + open(held + '/b').read()
    except FileNotFoundError:  # replaced meanwhile
        continue
    if now != said:
        print(now, 'c' in os.listdir('/secrets'), flush=True)
        said = now
    time.sleep(0.01)
"""
    container = python(code, volumeMounts=[{"name": "held", "mountPath": "/secrets"}])
    volumes = [{"name": "held", "projected": {"sources": [{"secret": {"name": "held"}}]}}]
    cluster.apply(secret(namespace, "held", a="1", b="1"), pod(namespace, "reads", container, volumes=volumes))
    until(lambda: cluster.pods.logs(namespace, "reads"), "the first look")
    pids = cluster.pods.pids(namespace, "reads")

    for number in range(2, 6):
        cluster.apply(secret(namespace, "held", a=str(number), b=str(number), c=""))
        until(lambda: f"{number}{number} True" in cluster.pods.logs(namespace, "reads"), "the new value", 5)  # noqa: B023

    assert cluster.pods.logs(namespace, "reads").split("\n") == ["11 False", *(f"{n}{n} True" for n in range(2, 6)), ""]
    assert cluster.pods.pids(namespace, "reads") == pids  # nothing was started again


def test_a_missing_secret_is_waited_for(cluster: LocalCluster, namespace: str):
    mounted = python("print(open('/secrets/key').read())", volumeMounts=[{"name": "held", "mountPath": "/secrets"}])
    volumes = [{"name": "held", "secret": {"secretName": "late"}}]
    named = python(SHOW, env=[{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "late", "key": "key"}}}])
    cluster.apply(
        pod(namespace, "mounts", mounted, volumes=volumes, restartPolicy="Never"),
        pod(namespace, "names", named, restartPolicy="Never"),
    )

    def waits(name: str) -> str | None:
        found = cluster.get("pod", name, "-n", namespace)["status"].get("containerStatuses")
        return str(found[0]["state"].get("waiting", {}).get("reason")) if found else None

    until(lambda: waits("names") == "CreateContainerConfigError", "the reason")
    until(lambda: waits("mounts") == "ContainerCreating", "the reason")
    await_event(cluster, namespace, "mounts", "FailedMount", 'MountVolume.SetUp failed: secret "late" not found')
    await_event(cluster, namespace, "names", "Failed", 'secret "late" not found')

    cluster.apply(secret(namespace, "late", key="here"))

    assert log(cluster, namespace, "mounts") == "here\n"
    assert json.loads(log(cluster, namespace, "names"))["KEY"] == "here"


def test_a_claim_outlives_its_pods(cluster: LocalCluster, namespace: str):
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    mounts = [{"name": "data", "mountPath": "/var/lib/of/it"}]
    code = "f = open('/var/lib/of/it/book', 'a+'); f.write('x'); f.seek(0); print(f.read())"
    container = python(code, volumeMounts=mounts)
    cluster.apply(claim, pod(namespace, "first", container, volumes=volumes, restartPolicy="Never"))
    assert log(cluster, namespace, "first") == "x\n"
    cluster.kubectl("-n", namespace, "delete", "pod", "first")

    cluster.apply(pod(namespace, "second", container, volumes=volumes, restartPolicy="Never"))

    assert log(cluster, namespace, "second") == "xx\n"


def test_a_service_account_speaks_to_the_api_server(cluster: LocalCluster, namespace: str):
    code = """
import json, os, ssl, urllib.request
held = '/var/run/secrets/kubernetes.io/serviceaccount/'
server = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
who = {'apiVersion': 'authentication.k8s.io/v1', 'kind': 'SelfSubjectReview'}
asked = urllib.request.Request(server + '/apis/authentication.k8s.io/v1/selfsubjectreviews', json.dumps(who).encode(),
    {'Authorization': 'Bearer ' + open(held + 'token').read(), 'Content-Type': 'application/json'})
context = ssl.create_default_context(cafile=held + 'ca.crt')
print(json.load(urllib.request.urlopen(asked, context=context))['status']['userInfo']['username'])
"""
    cluster.apply(pod(namespace, "asks", python(code, env=[POD_IP]), restartPolicy="Never"))

    assert log(cluster, namespace, "asks") == f"system:serviceaccount:{namespace}:default\n"
