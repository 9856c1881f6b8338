"""nats-server in operator mode: accounts are JWTs, kept by the full resolver. An acknowledged message is on disk."""

import signal
from dataclasses import dataclass
from pathlib import Path

from handrail_cli.embedded import binaries, ports
from handrail_cli.supervise.client import STAGE_SERVERS, Command, inherited_environment
from handrail_operator.provision import nats_server
from handrail_operator.provision.platform import Trust


@dataclass(frozen=True)
class Nats:
    """`durable=False` trades safety for speed, for tests alone."""

    state: Path
    port: int
    trust: Trust
    durable: bool = True

    @property
    def url(self) -> str:
        return f"nats://{ports.LOOPBACK}:{self.port}"

    def prepare(self) -> Command:
        """Writes the configuration."""
        folder = self.state / "nats"
        folder.mkdir(mode=0o700, exist_ok=True)
        config = nats_server.whole(
            self.trust, folder=str(folder), host=ports.LOOPBACK, port=self.port, durable=self.durable
        )
        path = folder / "server.conf"
        path.touch(mode=0o600)
        path.write_text(config)
        return Command(
            name="nats",
            argv=[str(binaries.nats_server()), "-c", str(path)],
            env=inherited_environment(),
            cwd=folder,
            stage=STAGE_SERVERS,
            stop_signal=signal.SIGTERM,
        )
