"""A real role of the runtime as a pod, reached by the real gateway under its Service's name."""

import secrets
import subprocess
from pathlib import Path

import httpx2
import pytest
from tests.cluster.local_cluster import LocalCluster
from tests.cluster.pod_manifests import POD_IP, log, pod, python, secret, service, until
from tests.cluster.pods.images import RUNTIME
from tests.conftest import MakeTenant

from handrail_contracts import names

pytestmark = pytest.mark.cluster


async def test_realtime_is_ready_and_answers_through_the_gateway(
    cluster: LocalCluster, namespace: str, make_tenant: MakeTenant
):
    url = f"http://realtime.{namespace}.svc:{names.RUNTIME_PORT}"
    tenant = await make_tenant(name=f"t-{secrets.token_hex(5)}", realtime=[url])
    files = {path.name: path.read_text() for path in Path(tenant.secrets).iterdir() if path.is_file()}
    container = {
        "name": "realtime",
        "image": RUNTIME,
        "command": ["python", "-m", "handrail_runtime", "run", "--roles", "realtime"],
        "env": [
            POD_IP,
            {"name": "HANDRAIL_HOST", "value": "$(POD_IP)"},
            {"name": "HANDRAIL_PORT", "value": str(names.RUNTIME_PORT)},
            {"name": "HANDRAIL_TENANT", "value": tenant.name},
            {"name": "HANDRAIL_SECRETS", "value": names.RUNTIME_SECRETS_FOLDER},
            {"name": "HANDRAIL_NATS_URL", "value": cluster.access.nats_url},
            {"name": "HANDRAIL_REDIS_PREFIX", "value": tenant.redis_prefix},
        ],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": names.RUNTIME_PORT}, "periodSeconds": 1},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": names.RUNTIME_PORT}, "periodSeconds": 5},
        "volumeMounts": [
            {"name": "secrets", "mountPath": names.RUNTIME_SECRETS_FOLDER, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }
    template = {
        "metadata": {"labels": {"app": "realtime"}},
        "spec": {
            "automountServiceAccountToken": False,
            "containers": [container],
            "volumes": [
                {"name": "secrets", "projected": {"sources": [{"secret": {"name": "held"}}], "defaultMode": 0o440}},
                {"name": "tmp", "emptyDir": {}},
            ],
        },
    }
    workload = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "realtime", "namespace": namespace},
        "spec": {"selector": {"matchLabels": {"app": "realtime"}}, "template": template},
    }
    cluster.apply(
        secret(namespace, "held", **files),
        service(namespace, "realtime", names.RUNTIME_PORT, headless=True),
        workload,
    )

    cluster.kubectl("-n", namespace, "wait", "--for=condition=Available", "--timeout=60s", "deployment/realtime")

    with httpx2.Client(base_url=cluster.gateway_url, trust_env=False) as client:
        headers = {names.HEADER_API_KEY: tenant.keys["secret"]}

        def answered() -> bool:
            return client.get("/api/v1/users", headers=headers).status_code == 200

        until(answered, "an answer through the gateway", 20)
        assert client.get("/api/v1/users", headers=headers).json() == {"items": [], "next": None}


def test_the_three_servers_run_as_pods(cluster: LocalCluster, namespace: str):
    """For a cluster whose servers are pods as well."""
    begin = 'initdb -D /data/db -U admin >/data/log && exec postgres -D /data/db -c "listen_addresses=$POD_IP"'
    servers = {
        "nats": ("nats:2.12", ["nats-server", "-a", "$(POD_IP)", "-p", "4222", "-js", "-sd", "/data"], 4222),
        "valkey": (
            "valkey/valkey:9",
            ["valkey-server", "--bind", "$(POD_IP)", "--port", "6379", "--dir", "/data"],
            6379,
        ),
        "postgres": ("postgres:18", ["sh", "-c", f"{begin} -c unix_socket_directories="], 5432),
    }
    for name, (image, command, port) in servers.items():
        container = {
            "name": name,
            "image": image,
            "command": command,
            "env": [POD_IP],
            "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        }
        volumes = [{"name": "data", "emptyDir": {}}]
        cluster.apply(pod(namespace, name, container, volumes=volumes), service(namespace, name, port))

    try:
        cluster.kubectl("-n", namespace, "wait", "--for=condition=Ready", "--timeout=30s", "pod", *servers)
    except subprocess.CalledProcessError as error:
        error.add_note("".join(cluster.pods.logs(namespace, name) for name in servers))
        raise

    code = f"""
import socket
for name, port in {[(name, port) for name, (_, _, port) in servers.items()]}:
    with socket.create_connection((name, port), timeout=5) as server:
        if name == 'valkey':
            server.sendall(b'PING\\r\\n')
        if name == 'postgres':
            server.sendall(b'\\x00\\x00\\x00\\x08\\x04\\xd2\\x16\\x2f')
        print(name, server.recv(4))
"""
    cluster.apply(pod(namespace, "asks", python(code), restartPolicy="Never"))
    assert log(cluster, namespace, "asks") == "nats b'INFO'\nvalkey b'+PON'\npostgres b'N'\n"
