"""The rules that need no cluster: references between variables, names of Services, phases, addresses."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cluster.pods import environment, hosts, status
from tests.cluster.pods.addresses import Addresses, real, told
from tests.cluster.pods.images import GATEWAY, RUNTIME, RUNTIME_NEXT, Images
from tests.cluster.pods.volumes import File, write


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("$(A)", "1"),
        ("x$(A)y$(B)", "x1y2"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$(NONE)", "$(NONE)"),
        ("$A $ $( $()", "$A $ $( $()"),
        ("$(C)", "$(A)"),  # what came out is not looked at again
    ],
)
def test_references(text: str, wanted: str):
    assert environment.expand(text, {"A": "1", "B": "2", "C": "$(A)"}) == wanted


@given(st.integers(64, 95), st.integers(0, 255), st.integers(1, 254))
def test_both_addresses_of_a_pod_mean_each_other(a: int, b: int, c: int):
    assert real(told(f"127.{a}.{b}.{c}")) == f"127.{a}.{b}.{c}"


@pytest.mark.parametrize("address", ["10.96.0.1", "192.168.0.1", "127.0.0.1", "fd00::1"])
def test_other_addresses_stay_as_they_are(address: str):
    assert real(address) == address


@pytest.mark.cluster  # Linux: elsewhere all of 127.0.0.0/8 is not this machine's
def test_two_nodes_never_share_an_address():
    nodes = [Addresses() for _ in range(20)]
    try:
        assert len({node.take() for node in nodes}) == 20
    finally:
        for node in nodes:
            node.close()


def a_service(name: str, cluster_address: str = "10.96.0.9") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "ns"}, "spec": {"clusterIP": cluster_address}}


def a_slice(service: str, *endpoints: dict[str, Any]) -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": service}
    return {"metadata": {"name": f"{service}-x", "namespace": "ns", "labels": labels}, "endpoints": list(endpoints)}


def endpoint(last: int, *, ready: bool, serving: bool = True, **more: Any) -> dict[str, Any]:
    return {"addresses": [f"10.64.0.{last}"], "conditions": {"ready": ready, "serving": serving}} | more


def test_names_mean_who_is_ready():
    services = [a_service("proxied"), a_service("headless", "None"), a_service("nobody")]
    both = (endpoint(3, ready=True), endpoint(2, ready=True), endpoint(4, ready=False))
    slices = [a_slice("proxied", *both), a_slice("headless", *both), a_slice("stranger", *both)]

    assert hosts.text(hosts.addresses(services, slices), "other", ("127.64.0.9", "me")) == (
        "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
        "127.64.0.9 me\n"
        "127.64.0.2 headless.ns.svc.cluster.local headless.ns.svc headless.ns\n"
        "127.64.0.3 headless.ns.svc.cluster.local headless.ns.svc headless.ns\n"
        "127.64.0.2 proxied.ns.svc.cluster.local proxied.ns.svc proxied.ns\n"
        "127.64.0.3 proxied.ns.svc.cluster.local proxied.ns.svc proxied.ns\n"
    )


def test_who_is_ending_and_serves_is_the_last_resort_of_a_proxy_alone():
    services = [a_service("proxied"), a_service("headless", "None")]
    ending = (endpoint(2, ready=False), endpoint(3, ready=False, serving=False))

    found = hosts.addresses(services, [a_slice("proxied", *ending), a_slice("headless", *ending)])

    assert found == {("ns", "proxied"): {"": ["127.64.0.2"]}, ("ns", "headless"): {}}


def test_pods_of_a_stateful_set_have_names_of_their_own():
    found = hosts.addresses([a_service("db", "None")], [a_slice("db", endpoint(2, ready=True, hostname="db-0"))])

    assert "127.64.0.2 db-0.db.ns.svc.cluster.local db-0.db.ns.svc db-0.db.ns db-0.db\n" in hosts.text(
        found, "ns", None
    )


def test_hosts_are_rewritten_in_place(tmp_path: Path):
    path = tmp_path / "hosts"
    hosts.write(path, "127.0.0.1 long-name\n")
    before = path.stat().st_ino

    hosts.write(path, "short\n")

    assert path.read_text() == "short\n"
    assert path.stat().st_ino == before


def test_a_folder_of_files_is_replaced_as_a_whole(tmp_path: Path):
    write(tmp_path, {"a": File(b"1", 0o644), "refs/b": File(b"1", 0o644), "gone": File(b"1", 0o644)})
    held = (tmp_path / "..data").resolve()

    write(tmp_path, {"a": File(b"2", 0o600), "refs/b": File(b"2", 0o644)})

    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("..")) == ["a", "refs"]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "refs/b").read_bytes() == b"2"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert not held.exists()


def ended(code: int, restarts: int = 0) -> dict[str, Any]:
    return {"state": {"terminated": {"exitCode": code}}, "restartCount": restarts}


RUNNING: dict[str, Any] = {"state": {"running": {}}, "restartCount": 0}
WAITING: dict[str, Any] = {"state": {"waiting": {}}, "restartCount": 0}
AGAIN: dict[str, Any] = {"state": {"waiting": {}}, "restartCount": 1}


@pytest.mark.parametrize(
    ("policy", "init", "containers", "over", "wanted"),
    [
        ("Always", [], [WAITING], False, "Pending"),
        ("Always", [RUNNING], [WAITING], False, "Pending"),
        ("Always", [], [RUNNING, WAITING], False, "Running"),
        ("Always", [], [AGAIN], False, "Running"),
        ("Always", [], [ended(1)], False, "Running"),
        ("Never", [], [ended(0), RUNNING], False, "Running"),
        ("Never", [], [ended(0), ended(0)], True, "Succeeded"),
        ("OnFailure", [], [ended(0, 3)], True, "Succeeded"),
        ("Never", [], [ended(0), ended(1)], True, "Failed"),
        ("Never", [ended(1)], [WAITING], True, "Failed"),
        ("Always", [ended(0)], [WAITING], True, "Failed"),
    ],
)
def test_phases(policy: str, init: list[Any], containers: list[Any], over: bool, wanted: str):
    assert status.phase(policy, init, containers, over=over) == wanted


def test_images():
    images = Images()

    assert images.find(RUNTIME) == images.find(RUNTIME_NEXT)
    assert images.find(GATEWAY) is not None
    for server in ("nats:2.12-alpine", "docker.io/library/nats", "valkey/valkey:9", "postgres@sha256:00"):
        assert images.find(server) is not None, server
    assert images.find("handrail/runtime:other") is None
    assert images.find("nginx") is None
