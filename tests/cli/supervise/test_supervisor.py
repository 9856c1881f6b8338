"""Real children, kept running."""

import asyncio
import io
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from handrail_cli.supervise.client import Command
from handrail_cli.supervise.logs import LogStream
from handrail_cli.supervise.supervisor import CouldNotStart, Supervisor

SERVER = """
import pathlib, sys, time
print("line one", flush=True)
pathlib.Path("answers").touch()
time.sleep(600)
"""


@dataclass
class Running:
    supervisor: Supervisor
    out: io.StringIO
    lost: asyncio.Event


@pytest.fixture
async def running(tmp_path):
    out = io.StringIO()
    lost = asyncio.Event()
    made = Supervisor(LogStream("console", out), lambda _name: None, lost.set)
    yield Running(made, out, lost)
    await made.end(at_once=True)


def command(folder: Path, code: str) -> Command:
    return Command("child", [sys.executable, "-c", code], {}, folder)


async def until(holds, seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def test_a_process_is_ready_when_it_answers_and_comes_back_when_killed(running, tmp_path):
    async def answers() -> bool:
        return bool((tmp_path / "answers").exists())

    managed = running.supervisor.add("child", lambda: command(tmp_path, SERVER), answers)
    assert await running.supervisor.until_ready("child", 15)
    assert (managed.state, managed.restarts) == ("running", 0)
    first = managed.pid
    (tmp_path / "answers").unlink()
    os.kill(first, signal.SIGKILL)
    await until(lambda: managed.state == "waiting")
    assert managed.reason == "was ended by SIGKILL"
    assert await running.supervisor.until_ready("child", 15)
    assert managed.pid != first
    assert managed.restarts == 1
    assert "child            | line one" in running.out.getvalue()
    assert "! child was ended by SIGKILL; starting it again in 0.5 s" in running.out.getvalue()
    await running.supervisor.remove("child")
    assert running.supervisor.processes == {}


async def test_the_pause_before_another_start_grows(running, tmp_path):
    async def never() -> bool:
        return False

    managed = running.supervisor.add("child", lambda: command(tmp_path, "import sys; sys.exit(7)"), never)
    assert not await running.supervisor.until_ready("child", 15)
    assert managed.reason == "ended with code 7"
    pauses = [line.split(" in ")[1] for line in running.out.getvalue().splitlines() if "starting it again" in line]
    assert pauses == ["0.5 s", "1 s"]


async def test_a_run_to_the_end_gives_its_code(running, tmp_path):
    assert await running.supervisor.run_once(command(tmp_path, "print('done'); raise SystemExit(4)")) == 4
    await until(lambda: "done" in running.out.getvalue())
    with pytest.raises(CouldNotStart, match="No such file"):
        await running.supervisor.run_once(Command("ghost", ["/no/such/program"], {}, tmp_path))


async def test_a_lost_keeper_is_told(running, tmp_path):
    async def yes() -> bool:
        return True

    running.supervisor.add("child", lambda: command(tmp_path, SERVER), yes)
    assert await running.supervisor.until_ready("child", 15)
    os.kill(running.supervisor._keeper.pid, signal.SIGKILL)
    async with asyncio.timeout(10):
        await running.lost.wait()
    with pytest.raises(CouldNotStart):
        await running.supervisor.run_once(command(tmp_path, "pass"))


def test_lines_for_machines_are_merged_with_the_process():
    out = io.StringIO()
    log = LogStream("json", out)
    log.line("gateway", '{"event": "starts", "port": 1}')
    log.line("postgres", "FATAL: no")
    log.say("ready", "for people", port=8080)
    import json

    first, second, third = (json.loads(line) for line in out.getvalue().splitlines())
    assert first == {"process": "gateway", "event": "starts", "port": 1}
    assert (second["process"], second["event"]) == ("postgres", "FATAL: no")
    assert (third["process"], third["event"], third["port"]) == ("handrail", "ready", 8080)


def test_a_stream_nobody_reads_is_told():
    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    log = LogStream("console", Closed())
    told = []
    log.on_closed = lambda: told.append(True)
    log.say("anything")
    assert told == [True]
