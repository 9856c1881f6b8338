"""A real Kubernetes control plane on this machine: etcd, API server, controller manager, scheduler, KWOK's nodes.

No node and no container engine: Deployments make ReplicaSets and Pods, quotas, admission, CEL rules, garbage
collection and server-side apply are the real ones, and KWOK says of each Pod on its fake node that it runs.
"""

import csv
import json
import os
import secrets
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.cluster import binaries
from tests.cluster.certificates import self_signed

from handrail_cli.embedded.ports import free_port
from handrail_cli.supervise.client import Command, KeeperClient
from handrail_contracts import crd

ADMIN = "admin"
ETCD_KEY, ETCD_CERTIFICATE = "etcd.key", "etcd.crt"
DEFINITIONS = Path(__file__).parents[2] / "crds"
READY_WITHIN = 90.0
"""Seconds."""
_SERVICES = "10.96.0.0/16"


class NotReady(Exception):
    """The control plane did not come up; the text ends with its log."""


@dataclass
class ControlPlane:
    """`start` returns once the API server serves; everything ends with this process, however that ends."""

    folder: Path
    users: Mapping[str, str] = field(default_factory=dict)
    """More users beside the administrator: name -> groups, by commas. They get rights by RBAC alone."""
    audit: bool = False
    """Write every call to `audit.log`."""
    cores: int = 1
    """That each part may use. With one it does the same for a quarter less processor time."""
    _tokens: dict[str, str] = field(default_factory=dict)
    _keeper: KeeperClient | None = None
    _watcher: threading.Thread | None = None
    _commands: dict[str, list[str]] = field(default_factory=dict)
    _stopping: bool = False
    ended: list[str] = field(default_factory=list)
    """Parts that ended by themselves and were started again."""
    _port: int = 0

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._port}"

    @property
    def certificate(self) -> Path:
        return self.folder / "certificates" / "apiserver.crt"

    def token(self, user: str = ADMIN) -> str:
        return self._tokens[user]

    def start(self) -> None:
        """Raises NotReady, binaries.NoGo."""
        program = binaries.program("controlplane")
        kwok = binaries.program("kwok")
        # Whoever reads what is in here is root in the cluster, and its pods are processes of ours.
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self._write_keys()
        taken: set[int] = set()
        etcd, peers, self._port = (_port(taken) for _ in range(3))
        self._keeper = KeeperClient()
        self._run("etcd", [str(program), "etcd", *_etcd(self.folder, etcd, peers)])
        self._run("kube-apiserver", [str(program), "kube-apiserver", *self._apiserver(etcd)])
        self._await("/readyz")
        admin = self.kubeconfig()
        for name, flags in (
            ("kube-controller-manager", self._controller_manager(admin)),
            ("kube-scheduler", _scheduler(admin)),
        ):
            self._run(name, [str(program), name, *flags])
        self._run("kwok", [str(kwok), *self._kwok(admin)])
        self._watcher = threading.Thread(target=self._watch, args=(self._keeper,), name="control plane", daemon=True)
        self._watcher.start()
        # The first thing a controller makes, and what every pod needs.
        self._await("/api/v1/namespaces/default/serviceaccounts/default", "kube-controller-manager")

    def stop(self) -> None:
        self._stopping = True
        if self._keeper is not None:
            self._keeper.end(at_once=True)
            if self._watcher is not None:
                self._watcher.join()
            self._keeper.close()

    def kubeconfig(self, user: str = ADMIN) -> Path:
        """A file for kubectl and clients, as that user."""
        path = self.folder / f"{user}.kubeconfig"
        if path.exists():
            return path
        cluster = {"server": self.url, "certificate-authority": str(self.certificate)}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": self.token(user)}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
            "current-context": "test",
        }
        path.write_text(json.dumps(document))
        return path

    # --- flags -----------------------------------------------------------------------------------------------

    def _apiserver(self, etcd: int) -> list[str]:
        key = self.folder / "service-accounts.key"
        flags = [
            f"--etcd-servers=https://127.0.0.1:{etcd}",
            f"--etcd-cafile={self.folder / ETCD_CERTIFICATE}",
            f"--etcd-certfile={self.folder / ETCD_CERTIFICATE}",
            f"--etcd-keyfile={self.folder / ETCD_KEY}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--cert-dir={self.folder / 'certificates'}",
            f"--service-cluster-ip-range={_SERVICES}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--endpoint-reconciler-type=none",
        ]
        if self.audit:
            policy = self.folder / "audit-policy.yaml"
            rules = [{"level": "Metadata", "omitStages": ["RequestReceived", "ResponseStarted"]}]
            policy.write_text(json.dumps({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}))
            flags += [f"--audit-policy-file={policy}", f"--audit-log-path={self.folder / 'audit.log'}"]
        return flags

    def _controller_manager(self, admin: Path) -> list[str]:
        return [
            f"--kubeconfig={admin}",
            "--leader-elect=false",
            "--secure-port=0",
            f"--service-account-private-key-file={self.folder / 'service-accounts.key'}",
            f"--root-ca-file={self.certificate}",
            "--concurrent-namespace-syncs=20",
            # A thousand tenants at once must wait for the operator, not for a controller or its client's own limit.
            *(f"--concurrent-{kind}-syncs=20" for kind in ("deployment", "replicaset", "job", "resource-quota")),
            "--kube-api-qps=1000",
            "--kube-api-burst=2000",
        ]

    def _kwok(self, admin: Path) -> list[str]:
        stages = binaries.stages()
        return [
            f"--kubeconfig={admin}",
            "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
            "--node-lease-duration-seconds=40",
            *(f"--config={path}" for path in stages),
        ]

    # --- parts -----------------------------------------------------------------------------------------------

    def _write_keys(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        text = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        (self.folder / "service-accounts.key").write_bytes(text)
        (self.folder / ETCD_KEY).write_bytes(text)
        (self.folder / ETCD_CERTIFICATE).write_bytes(self_signed(key, "etcd"))
        groups = {ADMIN: "system:masters", **self.users}
        self._tokens = {user: secrets.token_urlsafe(24) for user in groups}
        with (self.folder / "tokens.csv").open("w") as output:
            csv.writer(output).writerows([self._tokens[user], user, user, given] for user, given in groups.items())

    def _watch(self, keeper: KeeperClient) -> None:
        """Starts again what ended, as a kubelet does: a busy machine is enough for a controller to give up."""
        while (events := keeper.read()) is not None:
            for event in events:
                if event.event == "exited" and not self._stopping:
                    self.ended.append(f"{event.name} with {event.code}")
                    self._run(event.name, self._commands[event.name])

    def _run(self, name: str, argv: list[str]) -> None:
        if self._keeper is None:
            raise RuntimeError("not started")
        self._commands[name] = argv
        with (self.folder / f"{name}.log").open("ab") as output:
            environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "GOMAXPROCS": str(self.cores)}
            environment |= binaries.SWIFT
            self._keeper.start(Command(name, argv, environment, self.folder), output.fileno())

    def _await(self, path: str, of: str = "kube-apiserver") -> None:
        deadline = time.monotonic() + READY_WITHIN
        while not self._answers(path):
            if time.monotonic() > deadline:
                log = (self.folder / f"{of}.log").read_text()[-3000:]
                raise NotReady(f"{of} did not come up:\n{log}")
            time.sleep(0.05)

    def _answers(self, path: str) -> bool:
        if not self.certificate.exists():
            return False
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.token()}"})
        try:
            context = ssl.create_default_context(cafile=str(self.certificate))
            with urllib.request.urlopen(request, timeout=5, context=context) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError, ssl.SSLError):
            return False


def kubectl(plane: ControlPlane, *arguments: str, user: str = ADMIN, text: str | None = None) -> str:
    """What kubectl prints. Raises subprocess.CalledProcessError; its words are in `stderr`."""
    command = [str(binaries.kubectl()), f"--kubeconfig={plane.kubeconfig(user)}", *arguments]
    try:
        return subprocess.run(
            command,
            env=os.environ | binaries.SWIFT,
            input=text,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
    except subprocess.CalledProcessError as error:
        error.add_note(error.stderr)
        raise


def serve_definition(plane: ControlPlane) -> None:
    """Applies the custom resource's definition and waits until it is served. Raises CalledProcessError."""
    kubectl(plane, "apply", "-f", str(DEFINITIONS))
    deadline = time.monotonic() + 60
    while True:  # kubectl's own wait fails on a definition that has no condition at all yet
        try:
            kubectl(plane, "get", crd.PLURAL)
        except subprocess.CalledProcessError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _port(taken: set[int]) -> int:
    port = free_port(taken)
    taken.add(port)
    return port


def _scheduler(admin: Path) -> list[str]:
    # As above: the default of 50 calls a second binds no more than 25 pods a second.
    limits = ["--kube-api-qps=1000", "--kube-api-burst=2000"]
    return ["--leader-elect=false", "--secure-port=0", f"--kubeconfig={admin}", *limits]


def _etcd(folder: Path, port: int, peers: int) -> list[str]:
    url, peer = f"https://127.0.0.1:{port}", f"https://127.0.0.1:{peers}"
    files = {"cert-file": ETCD_CERTIFICATE, "key-file": ETCD_KEY, "trusted-ca-file": ETCD_CERTIFICATE}
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        # Nobody but the API server, whoever else is on this machine.
        *(f"--{side}{flag}={folder / name}" for side in ("", "peer-") for flag, name in files.items()),
        "--client-cert-auth",
        "--peer-client-cert-auth",
        # A test's cluster is thrown away: no crash is to be survived.
        "--unsafe-no-fsync",
        # Milliseconds. It is alone: nobody waits for a sign that it lives.
        "--heartbeat-interval=1000",
        "--election-timeout=10000",
        "--log-level=error",
    ]
