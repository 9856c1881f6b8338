"""The proxy that makes mistakes: kubectl behind it sees each of them, and the book tells what was asked."""

import json
import subprocess
import time
from collections.abc import Iterator

import pytest
from tests.cluster import binaries, proxy
from tests.cluster.api_calls import Call
from tests.cluster.api_faults import REASONS, Fault, Rule
from tests.cluster.control_plane import ControlPlane, kubectl
from tests.cluster.proxy import Proxy

pytestmark = pytest.mark.cluster

WATCH = "/api/v1/namespaces/{}/configmaps?watch=1&timeoutSeconds=60"


@pytest.fixture(scope="module")
def space(plane: ControlPlane) -> Iterator[str]:
    kubectl(plane, "create", "namespace", "behind-proxy")
    yield "behind-proxy"
    kubectl(plane, "delete", "namespace", "behind-proxy", "--wait=false")


@pytest.fixture
def through(plane: ControlPlane, tmp_path) -> Iterator[Proxy]:
    with proxy.running(plane, tmp_path) as made:
        yield made


def asked(through: Proxy, *arguments: str, timeout: float = 60) -> "subprocess.CompletedProcess[str]":
    command = [str(binaries.kubectl()), f"--kubeconfig={through.kubeconfig()}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def created(through: Proxy, space: str, name: str, *more: str) -> "subprocess.CompletedProcess[str]":
    return asked(through, "create", "configmap", name, "-n", space, "--from-literal=a=b", "--validate=false", *more)


def stands(plane: ControlPlane, space: str, name: str) -> bool:
    return kubectl(plane, "get", "configmap", name, "-n", space, "--ignore-not-found", "-o", "name") != ""


def creates(call: Call) -> bool:
    return (call.verb, call.kind) == ("create", "configmaps")


def without_digest(calls: list[Call]) -> list[tuple[str, str, str, str]]:
    return [(call.verb, call.kind, call.namespace, call.name) for call in calls]


def test_what_is_asked_stands_in_the_book(through, space):
    manifest = through.folder / "one.json"
    manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "noted"}}))
    assert created(through, space, "noted").returncode == 0
    assert asked(through, "apply", "--server-side", "-n", space, "-f", str(manifest)).returncode == 0
    assert asked(through, "get", "namespace", space, "-o", "name").stdout == f"namespace/{space}\n"
    assert asked(through, "get", "configmaps", "-n", space, "-o", "name").stdout.split()[-1] == "configmap/noted"
    assert asked(through, "delete", "configmap", "noted", "-n", space, "--wait=false").returncode == 0
    assert without_digest(through.calls()) == [
        ("create", "configmaps", space, ""),
        ("apply", "configmaps", space, "noted"),
        ("get", "namespaces", "", space),
        ("list", "configmaps", space, ""),
        ("delete", "configmaps", space, "noted"),
    ]
    assert [call.verb for call in through.calls(writes=True)] == ["create", "apply", "delete"]
    assert {entry.fault for entry in through.book} == {None}
    assert [entry.code for entry in through.book if entry.call.writes] == [201, 200, 200]


def test_the_same_calls_have_the_same_entries(through, space):
    for _ in range(2):
        assert created(through, space, "again", "--dry-run=server").returncode == 0
    first, second = through.calls(writes=True)
    assert first == second
    assert created(through, space, "other", "--dry-run=server").returncode == 0
    assert through.calls(writes=True)[-1].digest != first.digest


@pytest.mark.parametrize("fault", [Fault.CONFLICT, Fault.INVALID, Fault.ERROR, Fault.UNAVAILABLE])
def test_a_refusal_is_one_and_nothing_is_done(plane, through, space, fault):
    through.rule(Rule(fault, creates))
    answer = created(through, space, f"refused-{fault}")
    code, _, words = REASONS[fault]
    assert answer.returncode == 1
    assert words in answer.stderr
    assert [entry.code for entry in through.faults()] == [code]
    assert not stands(plane, space, f"refused-{fault}")
    assert created(through, space, f"refused-{fault}").returncode == 0, "once only"


def test_a_throttled_client_comes_again(plane, through, space):
    through.rule(Rule(Fault.THROTTLED, creates, times=2))
    assert created(through, space, "throttled").returncode == 0
    assert [entry.code for entry in through.book if creates(entry.call)] == [429, 429, 201]
    assert stands(plane, space, "throttled")


@pytest.mark.parametrize(("fault", "done"), [(Fault.RESET_BEFORE, False), (Fault.RESET_AFTER, True)])
def test_a_reset_loses_the_request_or_the_answer(plane, through, space, fault, done):
    name = f"reset-{str(done).lower()}"
    through.rule(Rule(fault, creates))
    answer = created(through, space, name)
    assert answer.returncode == 1
    assert "reset by peer" in answer.stderr or "EOF" in answer.stderr
    assert stands(plane, space, name) is done
    assert [(entry.fault, entry.code) for entry in through.faults()] == [(fault, 0)]


@pytest.mark.parametrize(("fault", "done"), [(Fault.HANG_BEFORE, False), (Fault.HANG_AFTER, True)])
def test_a_call_that_hangs_has_been_done_or_not(plane, through, space, fault, done):
    name = f"hang-{str(done).lower()}"
    through.rule(Rule(fault, creates))
    answer = created(through, space, name, "--request-timeout=2s")
    assert answer.returncode == 1
    assert "Client.Timeout" in answer.stderr or "deadline exceeded" in answer.stderr
    assert stands(plane, space, name) is done


def test_a_slow_answer_comes(through, space):
    through.rule(Rule(Fault.SLOW, creates))
    began = time.monotonic()
    assert created(through, space, "slow").returncode == 0
    assert time.monotonic() - began >= proxy.SLOW_BY


def told(through: Proxy, space: str) -> list[dict[str, object]]:
    """All that a watch says until it ends."""
    answer = asked(through, "get", "--raw", WATCH.format(space))
    assert answer.returncode == 0, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


def test_a_watch_is_closed_early(through, space):
    assert created(through, space, "seen").returncode == 0
    through.rule(Rule(Fault.WATCH_CLOSED, lambda call: call.verb == "watch"))
    events = told(through, space)
    assert {event["type"] for event in events} == {"ADDED"}


def test_a_watch_ends_with_gone(through, space):
    through.rule(Rule(Fault.WATCH_GONE, lambda call: call.verb == "watch"))
    last = told(through, space)[-1]
    assert (last["type"], last["object"]["code"], last["object"]["kind"]) == ("ERROR", 410, "Status")  # type: ignore[index]


def test_a_watch_stalls_without_a_word(plane, through, space):
    """A sound one beside it sees what happens."""
    through.rule(Rule(Fault.WATCH_STALLED, lambda call: call.verb == "watch"))
    command = [str(binaries.kubectl()), f"--kubeconfig={through.kubeconfig()}", "get", "--raw", WATCH.format(space)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stalled:
        deadline = time.monotonic() + 30
        while not through.watches_stalled and time.monotonic() < deadline:
            time.sleep(0.05)
        assert through.watches_stalled == 1
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sound:
            kubectl(plane, "create", "configmap", "later", "-n", space)
            assert sound.stdout is not None
            assert any('"name":"later"' in line for line in sound.stdout)
            sound.kill()
        assert stalled.poll() is None
        stalled.kill()
        assert stalled.stdout is not None
        assert '"name":"later"' not in stalled.stdout.read()


def test_every_call_may_fail_and_still_all_gets_done(plane, through, space):
    through.at_random(0.4, 7, Fault.ERROR, Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.CONFLICT)
    for number in range(12):
        deadline = time.monotonic() + 60
        while not stands(plane, space, f"many-{number}") and time.monotonic() < deadline:
            created(through, space, f"many-{number}")
        assert stands(plane, space, f"many-{number}")
    assert {entry.fault for entry in through.faults() if entry.call.writes} >= {Fault.ERROR, Fault.RESET_BEFORE}
