"""`make cluster`, as a human has it: what it prints works in another shell, and Ctrl-C leaves nothing."""

import http.server
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.cluster.pod_manifests import until

from handrail_cli.embedded.ports import free_port

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
TAKEN = r'port {port} is taken by \S+ \(process {pid}\); choose another one: make cluster ARGS="--port \d+"\n'


class Stranger(http.server.ThreadingHTTPServer):
    daemon_threads = True


class AlwaysWell(http.server.BaseHTTPRequestHandler):
    """Another platform's gateway, as far as a probe can see."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def by_hand(port: int, tmp_path: Path) -> Iterator["tuple[subprocess.Popen[bytes], Path]"]:
    said = tmp_path / "said"
    with said.open("wb") as output:
        command = [sys.executable, "-m", "tests.cluster.cluster", "--port", str(port)]
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=ROOT, start_new_session=True)
    yield process, said
    process.kill()
    process.wait()


def shell(said: str, line: str) -> str:
    """What a line prints in another shell, after what was printed for it."""
    exports = "\n".join(line for line in said.splitlines() if line.startswith("export "))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HANDRAIL_", "KUBE"))}
    done = subprocess.run(
        ["bash", "-c", f"set -eu\n{exports}\n{line}"], capture_output=True, text=True, check=True, env=kept, timeout=60
    )
    return done.stdout.strip()


def test_another_shell_finds_all_of_it(by_hand: "tuple[subprocess.Popen[bytes], Path]", port: int):
    process, path = by_hand
    until(lambda: "\nReady. Ctrl-C ends it all.\n" in path.read_text(), "all of it", 120)
    said = path.read_text()

    assert shell(said, "kubectl get nodes -o name") == "node/local"
    assert shell(said, "kubectl get otn 2>&1") == "No resources found"
    assert shell(said, "kubectl get namespace $HANDRAIL_NAMESPACE -o name") == "namespace/handrail"
    assert shell(said, "ls $HANDRAIL_SECRETS") == "admin-redis-url\nplatform.json\npostgres-url"
    assert shell(said, "echo $GATEWAY; curl -s --noproxy '*' -o /dev/null -w '%{http_code}' $GATEWAY/readyz") == (
        f"http://127.0.0.1:{port}\n200"
    )
    settings = "from handrail_operator.settings import Settings; from handrail_operator.installation import read"
    check = f'python -c "{settings}; s = Settings(); print(read(s.installation).runtime.image, s.nats_url)"'
    assert shell(said, f'[ "$({check})" = "handrail/runtime:test $HANDRAIL_NATS_URL" ] && echo same') == "same"
    folder = Path(shell(said, "dirname $HANDRAIL_SECRETS")).parent
    ours = psutil.Process(process.pid).children(recursive=True)
    assert len(ours) > 8

    process.send_signal(signal.SIGINT)

    assert process.wait(60) == 0
    psutil.wait_procs(ours, timeout=10)
    assert [one for one in ours if one.is_running()] == []
    assert not folder.exists()
    assert str(folder) not in Path("/proc/mounts").read_text()


def test_a_taken_port_is_told_at_once(port: int):
    with socket.socket() as held:
        held.bind(("127.0.0.1", port))
        held.listen()
        done = subprocess.run(
            [sys.executable, "-m", "tests.cluster.cluster", "--port", str(port)],
            capture_output=True, text=True, check=False, cwd=ROOT, timeout=60,
        )  # fmt: skip

    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(TAKEN.format(port=port, pid=os.getpid()), done.stderr)


def test_a_stranger_who_takes_the_port_meanwhile_is_not_taken_for_the_gateway(
    by_hand: "tuple[subprocess.Popen[bytes], Path]", port: int
):
    process, path = by_hand
    # The port was looked at before the first server was started.
    until(lambda: "postgres on" in path.read_text(), "the first server", 60)

    with Stranger(("127.0.0.1", port), AlwaysWell) as stranger:
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        try:
            code = process.wait(120)
        finally:
            stranger.shutdown()

    said = path.read_text()
    assert code == 1
    assert "Ready" not in said
    assert "export " not in said
    assert re.search(TAKEN.format(port=port, pid=os.getpid()), said)
