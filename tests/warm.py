"""Programs of ours that start without the second of importing that is most of a short life.

For each program a worker starts one server. It imports what the program does, and forks at each start: the child is a
process like any other, with its own arguments, environment and log, and does what the program's `__main__` does.
Starting itself has tests of its own, and all that `handrail up` and the pods of a cluster run starts for real.
"""

import atexit
import gc
import importlib
import importlib.util
import multiprocessing
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path
from typing import Any


@dataclass
class Process:
    """As subprocess.Popen gives it."""

    pid: int
    _server: "_Server" = field(repr=False)
    _gone: int = field(repr=False)
    """Readable once it has ended: the other end of this pipe is its own."""
    _code: int | None = None
    _asking: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        with self._asking:
            if self._code is None and _is_readable(self._gone):
                self._code = self._server.ended(self.pid)
                os.close(self._gone)
            return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Seconds. Raises subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None and (deadline is None or time.monotonic() < deadline):
            time.sleep(0.01)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Nothing where it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def _is_readable(descriptor: int) -> bool:
    waiting = select.poll()
    waiting.register(descriptor)
    return bool(waiting.poll(0))


@dataclass(frozen=True)
class _Server:
    """It ends with this process, however that ends."""

    process: "subprocess.Popen[bytes]"
    control: "Connection[Any, Any]"
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], output: int, alive: int) -> int:
        with self.lock:
            self.control.send((list(arguments), dict(environment)))
            for descriptor in (output, alive):
                send_handle(self.control, descriptor, self.process.pid)
            return int(self.control.recv())

    def ended(self, pid: int) -> int:
        with self.lock:
            self.control.send(pid)
            return int(self.control.recv())

    def end(self) -> None:
        self.control.close()
        self.process.wait()


@cache
def _server(program: str) -> _Server:
    ours, its = multiprocessing.Pipe()
    with its:
        command = [sys.executable, __file__, str(its.fileno()), program]
        process = subprocess.Popen(
            command, pass_fds=[its.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
    made = _Server(process, ours)
    atexit.register(made.end)
    return made


def start(program: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Process:
    """`python -m program arguments`, its words at the end of `log`."""
    server = _server(program)
    gone, alive = os.pipe()
    try:
        with log.open("ab") as output:
            pid = server.start(arguments, environment, output.fileno(), alive)
    finally:
        os.close(alive)
    return Process(pid, server, gone)


def start_for_real(
    program: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path
) -> "subprocess.Popen[bytes]":
    """The same with all its imports, for what is measured."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", program, *arguments],
            env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL,
        )  # fmt: skip


def _serve(control: "Connection[Any, Any]", program: str) -> None:
    for name in (f"{program}.__main__", f"{program}.running"):
        if importlib.util.find_spec(name):
            importlib.import_module(name)
    gc.freeze()
    while True:
        try:
            asked = control.recv()
        except EOFError:
            return
        if isinstance(asked, int):
            answer = os.waitstatus_to_exitcode(os.waitpid(asked, 0)[1])
        else:
            output, alive = recv_handle(control), recv_handle(control)
            arguments, environment = asked
            if not (answer := os.fork()):
                control.close()
                _become(program, arguments, environment, output)
                sys.exit(importlib.import_module(f"{program}.main").main())
            os.close(output)
            os.close(alive)
        control.send(answer)


def _become(program: str, arguments: list[str], environment: dict[str, str], output: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        os.dup2(output, stream.fileno())
    os.close(output)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [program, *arguments]


if __name__ == "__main__":
    _serve(Connection(int(sys.argv[1])), sys.argv[2])
