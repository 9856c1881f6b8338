"""nats-server in operator mode: accounts are JWTs, kept by the full resolver. An acknowledged message is on disk."""

import json
import signal
from dataclasses import dataclass
from pathlib import Path

from handrail_cli.embedded import binaries, ports
from handrail_cli.supervise.client import STAGE_SERVERS, Command, inherited_environment

MAX_PAYLOAD = 2 * 1024 * 1024
"""Bytes. Above the largest joined message a gateway makes."""
MAX_STORE = 1 << 40
"""Bytes. The accounts' own limits are what counts; the disk is the last word."""


@dataclass(frozen=True)
class NatsTrust:
    """What the server believes in: the operator, and the accounts it must know before any is pushed."""

    operator_jwt: str
    system_account: str
    preload: dict[str, str]
    """Account public key -> JWT."""


@dataclass(frozen=True)
class Nats:
    """`durable=False` trades safety for speed, for tests alone."""

    state: Path
    port: int
    trust: NatsTrust
    durable: bool = True

    @property
    def url(self) -> str:
        return f"nats://{ports.LOOPBACK}:{self.port}"

    def prepare(self) -> Command:
        """Writes the configuration. No monitoring port: it would list every account."""
        folder = self.state / "nats"
        folder.mkdir(mode=0o700, exist_ok=True)
        config = {
            "server_name": "handrail",
            "host": ports.LOOPBACK,
            "port": self.port,
            "max_payload": MAX_PAYLOAD,
            "jetstream": {
                "store_dir": str(folder / "jetstream"),
                "max_file_store": MAX_STORE,
                # Each account reserves what it may take, so a small sum would be a bound on tenants.
                "max_memory_store": MAX_STORE,
                "sync_interval": "always" if self.durable else "2m",
            },
            "operator": self.trust.operator_jwt,
            "system_account": self.trust.system_account,
            "resolver": {
                "type": "full",
                "dir": str(folder / "accounts"),
                "allow_delete": True,
                "interval": "2m",
                "timeout": "2s",
            },
            "resolver_preload": self.trust.preload,
            "logtime": False,
        }
        path = folder / "server.conf"
        path.touch(mode=0o600)
        path.write_text(json.dumps(config, indent=2))
        return Command(
            name="nats",
            argv=[str(binaries.nats_server()), "-c", str(path)],
            env=inherited_environment(),
            cwd=folder,
            stage=STAGE_SERVERS,
            stop_signal=signal.SIGTERM,
        )
