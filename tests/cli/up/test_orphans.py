"""What an earlier run left behind is ended; a stranger's process with the same number is not."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from handrail_cli.state.folder import State
from handrail_cli.state.live import LiveStatus, ProcessStatus
from handrail_cli.up.orphans import end_orphans

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


def started(stack: ExitStack, cwd: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    cwd.mkdir(parents=True, exist_ok=True)
    process = stack.enter_context(subprocess.Popen([*SLEEP, *arguments], cwd=cwd))
    stack.callback(process.kill)
    return process


def test_only_what_works_in_this_state_is_ended(tmp_path: Path, stack: ExitStack) -> None:
    (tmp_path / "state").mkdir()
    state = State(tmp_path / "state")
    ours = {
        "works-there": started(stack, state.root / "tenants"),
        "names-it": started(stack, tmp_path, str(state.root / "postgres")),
        "names-it-behind-a-sign": started(stack, tmp_path, f"--data={state.root}"),
    }
    strangers = {
        "beside": started(stack, tmp_path / "state2"),
        "names-a-neighbour": started(stack, tmp_path, f"{state.root}2/postgres"),
    }
    known = [ProcessStatus(name, process.pid, "running", 0) for name, process in (ours | strangers).items()]
    known.append(ProcessStatus("never-ran", None, "stopped", 0))
    state.save_live(
        LiveStatus(1, "2026-01-01T00:00:00Z", "", None, ready=True, nats_url="", tenants={}, processes=known)
    )
    assert end_orphans(state) == sorted(ours)
    assert all(process.wait(10) is not None for process in ours.values())
    assert [process.poll() for process in strangers.values()] == [None, None]
