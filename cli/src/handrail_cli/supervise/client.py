"""Our end of the keeper's socket. Plain blocking calls: they only hand over a line."""

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from handrail_cli.supervise import keeper

STAGE_SERVERS = 1
STAGE_PROGRAMS = 2
"""Programs end before the servers they use."""


@dataclass(frozen=True)
class Command:
    """What to run. `uid` and `gid` where another user is wanted (root only)."""

    name: str
    argv: list[str]
    env: dict[str, str]
    cwd: Path
    stage: int = STAGE_PROGRAMS
    stop_signal: int = signal.SIGTERM
    uid: int | None = None
    gid: int | None = None


class Event(msgspec.Struct):
    event: str
    name: str
    pid: int = 0
    code: int = 0
    """As in `subprocess`: negative is the signal that ended it."""
    reason: str = ""


@dataclass
class KeeperClient:
    """Starts a keeper. Every child ends when this object is closed or this process dies, however it dies."""

    _ours: socket.socket = field(init=False)
    _process: "subprocess.Popen[bytes]" = field(init=False)
    _buffer: bytes = field(default=b"", init=False)

    def __post_init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-E", "-s", "-S", keeper.__file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def fileno(self) -> int:
        return self._ours.fileno()

    def start(self, command: Command, output: int) -> None:
        """Asks for a child; `output` gets its stdout and stderr and may be closed at once afterwards."""
        order = {
            "do": "start",
            "name": command.name,
            "argv": command.argv,
            "env": command.env,
            "cwd": str(command.cwd),
            "stage": command.stage,
            "stop_signal": int(command.stop_signal),
            "uid": command.uid,
            "gid": command.gid,
        }
        data = json.dumps(order).encode() + b"\n"
        sent = socket.send_fds(self._ours, [data], [output])
        self._ours.sendall(data[sent:])

    def stop(self, pid: int, seconds: float = 5.0) -> None:
        """Asks one child to end; it is killed after `seconds`."""
        self._order(do="stop", pid=pid, seconds=seconds)

    def end(self, *, at_once: bool = False) -> None:
        """Asks for the end of everything; the socket closes when it is done."""
        self._order(do="end", at_once=at_once)

    def _order(self, **order: Any) -> None:
        try:
            self._ours.sendall(json.dumps(order).encode() + b"\n")
        except OSError:
            return  # the keeper is gone, and its children with it

    def read(self) -> list[Event] | None:
        """The events that have come (blocks until there is one); None when the keeper is gone."""
        data = self._ours.recv(65536)
        if not data:
            return None
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        return [msgspec.json.decode(line, type=Event) for line in lines]

    def wait(self, timeout: float | None = None) -> None:
        """Waits for the keeper's own end. Raises subprocess.TimeoutExpired."""
        self._process.wait(timeout)

    def close(self) -> None:
        """Ends everything that still runs and waits for it."""
        self._ours.close()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def inherited_environment(*also: str, **more: str) -> dict[str, str]:
    """What a child needs of our environment, and no more: nothing of HANDRAIL_ but `also`, nothing of PostgreSQL's."""
    keep = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONPATH")
    return {name: os.environ[name] for name in (*keep, *also) if name in os.environ} | more
