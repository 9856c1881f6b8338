"""Valkey, speaking Redis. Users stand in an ACL file; the default user is off. Nothing is kept: it is rebuildable."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from handrail_cli.embedded import binaries, ports
from handrail_cli.supervise.client import STAGE_SERVERS, Command, inherited_environment

ADMIN = "handrail-admin"


@dataclass(frozen=True)
class Valkey:
    state: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"redis://{ADMIN}:{self.password}@{ports.LOOPBACK}:{self.port}/0"

    def prepare(self) -> Command:
        """Writes the configuration, and the admin into the ACL file; the tenants' users in there stay."""
        folder = self.state / "valkey"
        folder.mkdir(mode=0o700, exist_ok=True)
        acl = folder / "users.acl"
        acl.touch(mode=0o600)
        own = ("user default ", f"user {ADMIN} ")
        others = [line for line in acl.read_text().splitlines() if line and not line.startswith(own)]
        digest = sha256(self.password.encode()).hexdigest()
        ours = ["user default off", f"user {ADMIN} on #{digest} ~* &* +@all"]
        acl.write_text("\n".join([*ours, *others]) + "\n")
        config = folder / "valkey.conf"
        lines = [
            f"bind {ports.LOOPBACK}",
            f"port {self.port}",
            "protected-mode yes",
            "daemonize no",
            # Relative to the working folder: the path may hold spaces and quotes.
            "aclfile users.acl",
            'save ""',
            "appendonly no",
            "maxmemory 512mb",
            "maxmemory-policy noeviction",
            "loglevel warning",
            "databases 1",
        ]
        config.write_text("\n".join(lines) + "\n")
        return Command(
            name="valkey",
            argv=[str(binaries.valkey_server()), "valkey.conf"],
            env=inherited_environment(),
            cwd=folder,
            stage=STAGE_SERVERS,
        )
