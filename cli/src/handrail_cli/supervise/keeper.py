"""The keeper: starts the children it is told to, and ends them all when whoever told it is gone.

Run by its path with `python -E -s -S`, one argument: the number of an inherited socket. Over it come JSON lines
{"do": "start" | "stop" | "end", ...}; a `start` carries the descriptor for the child's output. Back go JSON lines
{"event": "started" | "failed" | "exited", ...}. The socket's end (our parent was killed, however hard) means `end`.

Each child leads a session of its own, so a signal to its group reaches what it started. Children end in stages, the
highest first: whoever uses a server goes before the server.
"""

import contextlib
import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

LINUX = sys.platform.startswith("linux")
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)
"""By the keeper itself: it ends when its parent does, not by a key on the terminal."""
STAGE_SECONDS = 4.0
"""How long one stage may take to end by itself before it is killed."""


def _prctl(option: int, argument: int) -> None:
    if LINUX:
        ctypes.CDLL(None).prctl(option, argument, 0, 0, 0)


@dataclass
class Child:
    name: str
    pid: int
    stage: int
    stop_signal: int
    process: "subprocess.Popen[bytes]" = field(repr=False)
    kill_at: float | None = None

    def tell(self, number: int) -> None:
        """Once: who is told twice to end takes it for impatience."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            # The group does not exist in the moments before the child made its session.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Keeper:
    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.children: dict[int, Child] = {}
        self.buffer = b""
        self.outputs: list[int] = []
        self.stages: list[int] = []
        self.ending = False

    def run(self) -> None:
        wake_in, wake_out = socket.socketpair()
        for end in (wake_in, wake_out):
            end.setblocking(False)
        signal.set_wakeup_fd(wake_out.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        selector = selectors.DefaultSelector()
        selector.register(self.control, selectors.EVENT_READ)
        selector.register(wake_in, selectors.EVENT_READ)
        while not (self.ending and not self.children):
            for key, _ in selector.select(self._patience()):
                if key.fileobj is wake_in:
                    with contextlib.suppress(BlockingIOError):
                        wake_in.recv(4096)
                elif not self._read():
                    selector.unregister(self.control)
                    self._end()
            self._reap()
            self._overdue()
        self._sweep()

    def _patience(self) -> float | None:
        due = [child.kill_at for child in self.children.values() if child.kill_at is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _read(self) -> bool:
        """One read from the socket; False where the other side is gone."""
        try:
            data, outputs, _, _ = socket.recv_fds(self.control, 65536, 16)
        except OSError:
            return False
        self.outputs += outputs
        if not data:
            return False
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))
        return True

    def _obey(self, order: dict[str, Any]) -> None:
        if order["do"] == "start":
            output = self.outputs.pop(0)
            try:
                if not self.ending:
                    self._start(order, output)
            finally:
                os.close(output)
        elif order["do"] == "stop":
            for child in self.children.values():
                if child.pid == order["pid"]:
                    self._ask(child, float(order["seconds"]))
        elif order["do"] == "end":
            self._end(at_once=bool(order.get("at_once")))

    def _start(self, order: dict[str, Any], output: int) -> None:
        stop_signal = int(order["stop_signal"])

        def settle() -> None:
            for number in IGNORED:
                signal.signal(number, signal.SIG_DFL)  # else the child would ignore them too
            # After the change of user, which would clear it. Only a second rope: the keeper itself ends its children.
            _prctl(PR_SET_PDEATHSIG, stop_signal)

        user: dict[str, Any] = {}
        if order.get("uid") is not None:
            user = {"user": order["uid"], "group": order["gid"], "extra_groups": []}
        try:
            process = subprocess.Popen(
                order["argv"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=order["cwd"],
                env=order["env"],
                start_new_session=True,
                preexec_fn=settle,  # this process has one thread
                **user,
            )
        except (OSError, subprocess.SubprocessError) as error:
            self._tell(event="failed", name=order["name"], reason=str(error))
            return
        self.children[process.pid] = Child(order["name"], process.pid, int(order["stage"]), stop_signal, process)
        self._tell(event="started", name=order["name"], pid=process.pid)

    def _ask(self, child: Child, seconds: float) -> None:
        child.tell(child.stop_signal)
        child.kill_at = time.monotonic() + seconds

    def _end(self, *, at_once: bool = False) -> None:
        self.ending = True
        if at_once:
            for child in self.children.values():
                child.tell(signal.SIGKILL)
        self._next_stage()

    def _next_stage(self) -> None:
        if not self.children:
            return
        stage = max(child.stage for child in self.children.values())
        for child in self.children.values():
            if child.stage == stage and child.kill_at is None:
                self._ask(child, STAGE_SECONDS)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            child = self.children.pop(pid, None)
            if child is None:
                continue  # a grandchild that came to us
            child.tell(signal.SIGKILL)  # what is left of its group
            child.process.returncode = code = os.waitstatus_to_exitcode(status)
            self._tell(event="exited", name=child.name, pid=pid, code=code)
        if self.ending:
            self._next_stage()

    def _overdue(self) -> None:
        now = time.monotonic()
        for child in self.children.values():
            if child.kill_at is not None and child.kill_at <= now:
                child.tell(signal.SIGKILL)
                child.kill_at = now + 1.0

    def _tell(self, **event: object) -> None:
        with contextlib.suppress(OSError):
            self.control.sendall(json.dumps(event).encode() + b"\n")

    def _sweep(self) -> None:
        """Grandchildren that made sessions of their own and lost their parent; they came to us (Linux)."""
        deadline = time.monotonic() + 2.0
        while LINUX:
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            left = _own_children()
            if not left:
                return
            if time.monotonic() > deadline:
                for pid in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)


def _own_children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:  # noqa: PTH123 - pathlib is slow to import here
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def main() -> None:
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    control = socket.socket(fileno=int(sys.argv[1]))
    Keeper(control).run()


if __name__ == "__main__":
    main()
