"""What a process in a view of its own sees, under whatever this machine allows; and that it leaves nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.cluster.pod_manifests import until
from tests.cluster.pods.launch import NOT_ALLOWED
from tests.cluster.pods.processes import View

pytestmark = pytest.mark.cluster  # as the node itself: Linux, and namespaces that are allowed

LOOK = "cat /etc/hosts /var/run/of/nobody/file /deep/er/file; touch /var/run/of/nobody/new /deep/er/new"
PLAIN: list[str] = []
# root without the right to mount: a user namespace is the way, as for an ordinary user
NO_ADMIN = ["setpriv", "--bounding-set=-sys_admin"]
# neither: within a user namespace that may have none below it
_NO_MORE = 'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-sys_admin "$@"'
NEITHER = ["unshare", "--user", "--map-root-user", "sh", "-c", _NO_MORE, "sh"]


def view(folder: Path) -> View:
    (folder / "hosts").write_text("127.9.9.9 of-its-own\n")
    (folder / "held").mkdir()
    (folder / "held" / "file").write_text("held\n")
    return View(
        folder / "view",
        [
            {"source": str(folder / "hosts"), "target": "/etc/hosts", "read_only": False},
            {"source": str(folder / "held"), "target": "/var/run/of/nobody", "read_only": True},
            {"source": str(folder / "held"), "target": "/deep/er", "read_only": False},
        ],
    )


def run(*argv: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("allowed", [PLAIN, NO_ADMIN], ids=["mount namespace", "user namespace"])
def test_a_view(tmp_path: Path, allowed: list[str]):
    if allowed and os.geteuid() != 0:
        pytest.skip("an ordinary user takes the way of a user namespace anyway")
    seen = view(tmp_path)

    done = run(*allowed, *seen.prefix(), "sh", "-c", LOOK)

    assert done.stdout == "127.9.9.9 of-its-own\nheld\nheld\n"
    assert done.stderr == "touch: cannot touch '/var/run/of/nobody/new': Read-only file system\n"
    assert sorted(path.name for path in (tmp_path / "held").iterdir()) == ["file", "new"]
    # This machine has got nothing of it.
    assert not Path("/var/run/of").exists()
    assert not Path("/deep").exists()
    assert str(tmp_path) not in Path("/proc/mounts").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can share mounts")
def test_what_is_mounted_for_a_process_is_seen_by_it_alone(tmp_path: Path):
    """Where the machine shares what is mounted between its namespaces, as many do."""
    shared = ["unshare", "--mount", "--propagation", "shared", "sh", "-c", '"$@" && cat /proc/self/mounts', "sh"]

    done = run(*shared, *view(tmp_path).prefix(), "true")

    assert " / " in done.stdout
    assert str(tmp_path) not in done.stdout


def test_where_nothing_is_allowed_it_says_so(tmp_path: Path):
    done = run(*NEITHER, *view(tmp_path).prefix(), "true")

    assert done.returncode == NOT_ALLOWED
    assert "pods run in mount namespaces of their own, and this machine allows none: run as root" in done.stderr


def test_a_volume_over_what_the_program_needs(tmp_path: Path):
    """/tmp is a favourite place for a volume, and this Python may well stand there."""
    program = tmp_path / "program"
    program.mkdir()
    (program / "script").write_text("echo still here")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    mounts = [{"source": str(scratch), "target": str(tmp_path), "read_only": False}]
    seen = View(tmp_path / "view", mounts, keep=(str(program),))

    done = run(*seen.prefix(), "sh", str(program / "script"))

    assert (done.stdout, done.stderr) == ("still here\n", "")
    assert [path.name for path in scratch.iterdir()] == ["program"]


def test_nothing_outlives_its_node(tmp_path: Path):
    """Killed the hard way."""
    code = f"""
import asyncio
from pathlib import Path
from tests.cluster.pods.processes import Processes, View
async def main():
    folder = Path({str(tmp_path)!r})
    view, environment = View(folder / "v", []), {{"PATH": "/usr/bin:/bin"}}
    started = await Processes().start(view, ["sleep", "600"], environment, folder / "log")
    print(started.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
    root = str(Path(__file__).parents[2])
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root) as node:
        assert node.stdout is not None
        pid = int(node.stdout.readline())
        until(lambda: psutil.Process(pid).cmdline() == ["sleep", "600"], "the process")

        node.send_signal(signal.SIGKILL)

    until(lambda: not psutil.pid_exists(pid), "its end", 20)
    assert str(tmp_path) not in Path("/proc/mounts").read_text()
