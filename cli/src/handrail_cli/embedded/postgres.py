"""PostgreSQL: a cluster made by initdb, run as `postgres` itself (pg_ctl's child would survive its launcher)."""

import contextlib
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from handrail_cli.embedded import account, ports
from handrail_cli.embedded.errors import StartError, Unreachable
from handrail_cli.supervise.client import STAGE_SERVERS, Command, inherited_environment

SUPERUSER = "handrail_admin"
_HBA = """# Written by handrail. Nobody comes in without a password.
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True)
class Postgres:
    """`durable=False` trades safety for speed, for tests alone."""

    state: Path
    identity: str
    port: int
    password: str
    max_connections: int = 300
    durable: bool = True

    @property
    def url(self) -> str:
        return f"postgresql://{SUPERUSER}:{self.password}@{ports.LOOPBACK}:{self.port}/postgres"

    def prepare(self) -> Command:
        """Makes the cluster where there is none, and says how to run it. Raises StartError."""
        who = account.account()
        data = account.data_place(self.state, who, self.identity)
        programs = account.programs(who)
        if not (data / "PG_VERSION").exists():
            self._make(programs, data, who)
        _clear_stale(data)
        (data / "pg_hba.conf").write_text(_HBA)
        settings = {
            "listen_addresses": ports.LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": str(self.max_connections),
            "shared_buffers": "64MB",
            # In its own folder, and not in /dev/shm, where one that was killed would leave it behind.
            "dynamic_shared_memory_type": "mmap",
            "password_encryption": "scram-sha-256",
            "logging_collector": "off",
            "log_destination": "stderr",
            "log_line_prefix": "",
            # A failing statement may hold a user's text; the program that sent it says enough.
            "log_min_error_statement": "panic",
            "log_checkpoints": "off",
            "log_timezone": "UTC",
            "timezone": "UTC",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        argv = [str(programs / "postgres"), "-D", str(data)]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        return Command(
            name="postgres",
            argv=argv,
            env=_environment(),
            cwd=data,
            stage=STAGE_SERVERS,
            stop_signal=signal.SIGINT,  # fast: ends sessions, then itself
            uid=who.uid,
            gid=who.gid,
        )

    def _make(self, programs: Path, data: Path, who: account.Account) -> None:
        """initdb beside the final place, then one rename: a half-made cluster is never taken for one."""
        fresh = data.with_name(data.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            fresh.mkdir(mode=0o700)
        except OSError as error:
            raise StartError(f"the folder {fresh} cannot be made: {error.strerror}. Choose another --state.") from error
        password = fresh / "password"
        password.touch(mode=0o600)
        password.write_text(self.password)
        if who.uid is not None and who.gid is not None:
            for path in (fresh, password):
                os.chown(path, who.uid, who.gid)
        cluster = fresh / "cluster"
        argv = [str(programs / "initdb"), "-D", str(cluster), "-U", SUPERUSER, f"--pwfile={password}"]
        argv += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        argv += ["--builtin-locale=C.UTF-8"] + ([] if self.durable else ["--no-sync"])
        try:
            done = subprocess.run(
                argv,
                check=False,
                capture_output=True,
                text=True,
                cwd=fresh,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                user=who.uid,
                group=who.gid,
                extra_groups=None if who.uid is None else [],
            )
        except PermissionError as error:
            shutil.rmtree(fresh, ignore_errors=True)
            raise Unreachable(
                f"PostgreSQL's user cannot reach {error.filename or fresh}. Choose a --state folder that every user "
                "may walk into, or run handrail as a normal user."
            ) from error
        if done.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            reason = next((line for line in done.stderr.splitlines() if "rror" in line), done.stderr.strip()[-300:])
            raise StartError(f"PostgreSQL's data folder could not be made in {data.parent}: {reason}")
        shutil.rmtree(data, ignore_errors=True)
        cluster.rename(data)
        shutil.rmtree(fresh, ignore_errors=True)


def _environment() -> dict[str, str]:
    return inherited_environment(LC_ALL="C", HOME="/nonexistent")


def _clear_stale(data: Path) -> None:
    """After a power cut the pid in the lock file may be a stranger's by now, and PostgreSQL would refuse to start.

    The state folder is locked by us, so a server of ours that still runs on this data is an orphan.
    """
    lock = data / "postmaster.pid"
    with contextlib.suppress(OSError, ValueError, IndexError, psutil.Error):
        process = psutil.Process(int(lock.read_text().splitlines()[0]))
        if str(data) in process.cmdline() and process.name().startswith("postgres"):
            process.send_signal(signal.SIGINT)
            process.wait(5)
            return
    lock.unlink(missing_ok=True)
