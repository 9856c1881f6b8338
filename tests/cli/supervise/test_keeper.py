"""Nothing a keeper started outlives whoever told it to."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from handrail_cli.supervise.client import STAGE_PROGRAMS, STAGE_SERVERS, Command, Event, KeeperClient


def until(holds: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def command(folder: Path, code: str, name: str = "child", **more) -> Command:
    return Command(name, [sys.executable, "-c", code], {"PATH": os.environ["PATH"]}, folder, **more)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def keeper():
    made = KeeperClient()
    yield made
    made.close()


@pytest.fixture
def output(tmp_path):
    with (tmp_path / "output").open("wb") as file:
        yield file.fileno()


def events(keeper: KeeperClient, count: int) -> list[Event]:
    found: list[Event] = []
    while len(found) < count:
        found += keeper.read() or []
    return found


SLEEPER = "import time; time.sleep(600)"
STUBBORN = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)
FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session={session})
print(child.pid, flush=True)
time.sleep(600)
"""


def test_a_child_is_started_and_its_end_is_told(keeper, output, tmp_path):
    keeper.start(command(tmp_path, "import sys; print('hello'); sys.exit(3)"), output)
    started, exited = events(keeper, 2)
    assert (started.event, started.name) == ("started", "child")
    assert (exited.event, exited.pid, exited.code) == ("exited", started.pid, 3)
    assert (tmp_path / "output").read_text() == "hello\n"


def test_what_cannot_be_started_is_told(keeper, output, tmp_path):
    keeper.start(Command("ghost", ["/no/such/program"], {}, tmp_path), output)
    (failed,) = events(keeper, 1)
    assert (failed.event, failed.name) == ("failed", "ghost")
    assert "No such file" in failed.reason


def test_who_does_not_end_when_asked_is_ended(keeper, output, tmp_path):
    keeper.start(command(tmp_path, STUBBORN), output)
    (started,) = events(keeper, 1)
    until(lambda: (tmp_path / "output").read_text() == "up\n")
    keeper.stop(started.pid, seconds=0.2)
    (exited,) = events(keeper, 1)
    assert exited.code == -signal.SIGKILL


def test_programs_end_before_the_servers_they_use(keeper, output, tmp_path):
    keeper.start(command(tmp_path, SLEEPER, "server", stage=STAGE_SERVERS), output)
    keeper.start(command(tmp_path, SLEEPER, "program", stage=STAGE_PROGRAMS), output)
    events(keeper, 2)
    keeper.end()
    assert [event.name for event in events(keeper, 2)] == ["program", "server"]
    assert keeper.read() is None


@pytest.mark.parametrize("session", [False, True])
def test_grandchildren_end_too(keeper, output, tmp_path, session):
    if session and not sys.platform.startswith("linux"):
        pytest.skip("only Linux hands a lost grandchild to the keeper")
    keeper.start(command(tmp_path, FAMILY.format(session=session)), output)
    events(keeper, 1)
    until(lambda: (tmp_path / "output").read_text().endswith("\n"))
    grandchild = int((tmp_path / "output").read_text())
    keeper.close()
    assert gone(grandchild)


PARENT = """
import sys, time
from pathlib import Path
from handrail_cli.supervise.client import Command, KeeperClient
keeper = KeeperClient()
folder = Path(sys.argv[1])
pids = [keeper.pid]
with (folder / "output").open("wb") as output:
    for code in ("import time; time.sleep(600)", {stubborn!r}):
        keeper.start(Command("child", [sys.executable, "-c", code], {{}}, folder), output.fileno())
        pids += [event.pid for event in keeper.read()]
print(*pids, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("victim", ["parent", "keeper", "both"])
def test_after_kill_9_nothing_is_left(tmp_path, victim):
    if victim != "parent" and not sys.platform.startswith("linux"):
        pytest.skip("elsewhere `up` itself ends the children of a lost keeper")
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(stubborn=STUBBORN), str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 3
    keeper, sleeper, stubborn = pids
    if victim in ("keeper", "both"):
        os.kill(keeper, signal.SIGKILL)
    if victim in ("parent", "both"):
        parent.kill()
    until(lambda: gone(sleeper))
    if victim == "parent":
        until(lambda: gone(keeper) and gone(stubborn))
    else:  # nobody is left who could insist; the programs we run all heed SIGTERM
        os.kill(stubborn, signal.SIGKILL)
    parent.kill()
    parent.wait()
    parent.stdout.close()


COUNTING = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"asked\\n"))
os.write(1, b"up\\n")
while True:
    time.sleep(600)
"""


def test_everybody_is_asked_once(keeper, tmp_path):
    logs = [tmp_path / f"{number}.log" for number in range(30)]
    for log in logs:
        with log.open("wb") as file:
            keeper.start(command(tmp_path, COUNTING, log.stem), file.fileno())
    started = events(keeper, len(logs))
    until(lambda: all(log.read_text() == "up\n" for log in logs))

    for one in started:
        keeper.stop(one.pid, 1.0)

    events(keeper, len(logs))
    assert [log.read_text() for log in logs] == ["up\nasked\n"] * len(logs)
