"""`make cluster`: a platform in a cluster of this machine, in the foreground until Ctrl-C, for a human with kubectl.

Everything it makes stands in a temporary folder and ends with it. The operator is yours to start, in another shell.
"""

import argparse
import asyncio
import os
import secrets
import shlex
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path

from tests.cluster import binaries
from tests.cluster.control_plane import NotReady as PlaneNotReady
from tests.cluster.local_cluster import LocalCluster, NotReady, PortTaken
from tests.cluster.operators import PLATFORM
from tests.cluster.pods.local_node import NoNamespaces

from handrail_cli.embedded.errors import NotReady as ServerNotReady
from handrail_cli.embedded.errors import StartError
from handrail_cli.embedded.passwords import ServerSecrets
from handrail_cli.embedded.ports import LOOPBACK, free_port, holder, is_free
from handrail_cli.embedded.servers import Ports, Servers, wait_until
from handrail_cli.supervise.client import KeeperClient
from handrail_operator.provision.keyring import PlatformSecrets
from handrail_operator.provision.platform import open_platform, provision_platform

HELP = """A pod's log: the file LOGS/NAMESPACE/POD/CONTAINER.log (kubectl logs and kubectl exec need a node's own port,
and do not work). Images of this node: handrail/runtime:test, handrail/runtime:test2 (the same program, for upgrades),
handrail/gateway:test, handrail/operator:test, nats, valkey, postgres. Services are reached by name, from pods."""


def main() -> int:
    options = _options()
    if not is_free(options.port):
        sys.stderr.write(_taken(options.port))
        return 1
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    folder = Path(tempfile.mkdtemp(prefix="handrail-cluster-"))
    folder.chmod(0o711)  # PostgreSQL's own user walks through it
    keeper = KeeperClient()
    cluster: LocalCluster | None = None
    try:
        servers = _servers(folder)
        _start_servers(servers, keeper, folder / "servers.log")
        cluster = LocalCluster(folder, servers.access(), told=_tell, gateway_port=options.port)
        cluster.start()
        sys.stdout.write(f"\n{_exports(cluster)}\n{HELP}\nReady. Ctrl-C ends it all.\n")
        sys.stdout.flush()
        stop.wait()
    except PortTaken as error:
        sys.stderr.write(_taken(error.port))
        return 1
    except (NotReady, PlaneNotReady, ServerNotReady, StartError, NoNamespaces, binaries.NoGo) as error:
        sys.stderr.write(f"! {error}\n")
        return 1
    finally:
        sys.stdout.write("ending\n")
        if cluster is not None:
            cluster.stop()
        keeper.close()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make cluster", description=__doc__, epilog=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8080, help="of the gateway [8080]")
    return parser.parse_args()


def _taken(port: int) -> str:
    other = free_port({port})
    return f'port {port} is taken by {holder(port)}; choose another one: make cluster ARGS="--port {other}"\n'


def _servers(folder: Path) -> Servers:
    taken: set[int] = set()
    while len(taken) < 3:
        taken.add(free_port(taken))
    made = ServerSecrets(
        identity=secrets.token_hex(8), postgres_password=secrets.token_hex(16), redis_password=secrets.token_hex(16)
    )
    return Servers(folder, Ports(*taken), made, PlatformSecrets.new(), durable=False)


def _start_servers(servers: Servers, keeper: KeeperClient, log: Path) -> None:
    with log.open("wb") as output:
        for prepare in servers.prepare().values():
            keeper.start(prepare(), output.fileno())
    asyncio.run(_prepare(servers))


async def _prepare(servers: Servers) -> None:
    for name, check in servers.checks().items():
        await wait_until(check, name)
        _tell(f"{name} on {LOOPBACK}")
    async with open_platform(servers.access()) as platform:
        await provision_platform(platform)


def _tell(part: str) -> None:
    sys.stdout.write(f"  {part}\n")
    sys.stdout.flush()


def _exports(cluster: LocalCluster) -> str:
    """What another shell needs so that `kubectl` and `handrail-operator run` work there."""
    operator = cluster.workshop.folder
    programs = [str(binaries.kubectl().parent), str(Path(sys.executable).parent)]
    values = {
        "KUBECONFIG": str(cluster.plane.kubeconfig()),
        "HANDRAIL_NAMESPACE": PLATFORM,
        "HANDRAIL_INSTALLATION": str(operator / "installation.yaml"),
        "HANDRAIL_SECRETS": str(operator / "operator-secrets"),
        "HANDRAIL_NATS_URL": cluster.access.nats_url,
        "HANDRAIL_PORT": str(free_port({cluster.gateway_port})),
        "HANDRAIL_LOG_FORMAT": "console",
        "GATEWAY": cluster.gateway_url,
        "LOGS": str(cluster.pods.folder / "logs"),
    }
    lines = [f"export PATH={os.pathsep.join(map(shlex.quote, programs))}:$PATH"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
