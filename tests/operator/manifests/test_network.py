"""Who reaches whom: two tenants, the shared servers, the gateway, strangers, metadata services, the internet."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.operator.manifests import places
from tests.operator.manifests.evaluator import Cluster, End

from handrail_contracts import names, outbound_policy
from handrail_operator.installation import Installation
from handrail_operator.manifests import tenant
from handrail_operator.manifests.place import Manifest, Place


def pods(of: Place, third: int) -> dict[str, End]:
    """Those of a tenant, with the labels their templates carry."""
    found = {}
    templates = [one["spec"]["template"] for one in tenant.everything(of) if "template" in one.get("spec", {})]
    for number, template in enumerate(templates, 1):
        labels = template["metadata"]["labels"]
        found[labels[names.LABEL_COMPONENT]] = End(f"10.244.{third}.{number}", of.namespace, labels)
    return found


def in_platform(name: str, ip: str) -> End:
    return End(ip, "handrail", {"app.kubernetes.io/name": name})


def policies(*of: Place) -> list[Manifest]:
    return [one for place in of for one in tenant.foundation(place) if one["kind"] == "NetworkPolicy"]


NAMESPACES = {
    name: {"kubernetes.io/metadata.name": name}
    for name in ("handrail", "handrail-acme", "handrail-globex", "handrail-small", "kube-system", "shop", "metrics")
}
GATEWAY = in_platform("handrail-gateway", "10.244.0.10")
STRANGER = End("10.244.9.9", "shop", {"app.kubernetes.io/name": "handrail-gateway"})
INTRUDER = End("10.244.1.99", "handrail-acme", {"made": "by hand"})
PROMETHEUS = End("10.244.8.1", "metrics", {"app": "prometheus"})
INTERNET = End("93.184.216.34")

WAYS: dict[str, tuple[End, int]] = {
    "nats": (in_platform("nats", "10.244.0.1"), 4222),
    "nats-monitoring": (in_platform("nats", "10.244.0.1"), 8222),
    "postgres": (in_platform("postgres", "10.244.0.2"), 5432),
    "redis": (in_platform("redis", "10.244.0.3"), 6379),
    "redis-elsewhere": (End("10.244.9.3", "shop", {"app.kubernetes.io/name": "redis"}), 6379),
    "gateway": (GATEWAY, 8080),
    "operator": (in_platform("handrail-operator", "10.244.0.11"), 8080),
    "stranger": (STRANGER, 443),
    "dns-elsewhere": (End("10.244.9.53", "shop", {"k8s-app": "kube-dns"}), 53),
    "api-server": (End("10.96.0.1"), 443),
    "node": (End("192.168.1.20"), 443),
    "metadata": (End("169.254.169.254"), 80),
    "metadata-tls": (End("169.254.169.254"), 443),
    "metadata-6": (End("fd00:ec2::254"), 443),
    "metadata-mapped": (End("64:ff9b::a9fe:a9fe"), 443),
    "carrier": (End("100.64.0.1"), 443),
    "internet": (INTERNET, 443),
    "internet-plain": (INTERNET, 80),
    "internet-6": (End("2606:2800:220:1:248:1893:25c8:1946"), 443),
    "internet-ssh": (INTERNET, 22),
}
DNS = End("10.244.0.53", "kube-system", {"k8s-app": "kube-dns"})

ACME, GLOBEX = places.place(), places.place(name="globex")
SMALL = places.place(name="small", plan="small")
ALL = pods(ACME, 1) | {"runtime": pods(SMALL, 3)["runtime"]}
SERVERS = {"nats", "postgres", "redis"}
PUBLIC = {"internet", "internet-6"}
REACHED = {
    "ingest": SERVERS,
    "agent": SERVERS | PUBLIC,
    "realtime": SERVERS,
    "runtime": SERVERS | PUBLIC,
    "migrate": {"postgres"},
}


def cluster(*of: Place) -> Cluster:
    return Cluster(NAMESPACES, policies(*of))


def reached(component: str, at: Cluster, ways: dict[str, tuple[End, int]] = WAYS) -> set[str]:
    return {name for name, (end, port) in ways.items() if at.lets(ALL[component], end, port)}


@pytest.mark.parametrize("component", REACHED)
def test_what_a_pod_reaches(component):
    assert reached(component, cluster(ACME, GLOBEX, SMALL)) == REACHED[component]


@pytest.mark.parametrize("component", REACHED)
def test_names_are_looked_up_at_the_clusters_own_server_alone(component):
    at = cluster(ACME, SMALL)
    for protocol in ("UDP", "TCP"):
        assert at.lets(ALL[component], DNS, 53, protocol)
        assert not at.lets(ALL[component], End("169.254.169.254"), 53, protocol)
        assert not at.lets(ALL[component], INTERNET, 53, protocol)
        assert not at.lets(ALL[component], End("10.244.9.53", "shop", {"k8s-app": "kube-dns"}), 53, protocol)


def test_no_pod_reaches_another_tenants_nor_its_own_tenants_others():
    at = cluster(ACME, GLOBEX, SMALL)
    everyone = [*pods(ACME, 1).values(), *pods(GLOBEX, 2).values(), *pods(SMALL, 3).values()]
    for sender in everyone:
        for receiver in everyone:
            for port in (names.RUNTIME_PORT, 443, 5432, 53):
                assert not at.lets(sender, receiver, port)


def test_that_holds_where_pods_have_public_addresses():
    at = cluster(ACME, GLOBEX)
    other = replace(pods(GLOBEX, 2)["realtime"], ip="93.184.216.40")
    assert at.lets(ALL["agent"], End("93.184.216.40"), 443)
    assert not at.lets(ALL["agent"], other, 443)
    assert not at.lets(ALL["agent"], other, names.RUNTIME_PORT)


def entered(at: Cluster, component: str, port: int = names.RUNTIME_PORT) -> set[str]:
    senders = {
        "gateway": GATEWAY,
        "operator": in_platform("handrail-operator", "10.244.0.11"),
        "stranger": STRANGER,
        "intruder": INTRUDER,
        "prometheus": PROMETHEUS,
        "internet": INTERNET,
        "node": End("192.168.1.20"),
    }
    return {name for name, end in senders.items() if at.lets(end, ALL[component], port)}


@pytest.mark.parametrize("component", REACHED)
def test_only_the_gateway_comes_in_and_only_to_realtime(component):
    expected = {"gateway"} if component in ("realtime", "runtime") else set()
    assert entered(cluster(ACME, SMALL), component) == expected
    assert entered(cluster(ACME, SMALL), component, 9000) == set()


def with_network(**network: Any) -> Installation:
    return places.installation(network=network)


def test_monitoring_reads_every_role_where_it_is_said_who_that_is():
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "metrics"}}}
    at = cluster(places.place(given=with_network(monitoring=peer)))
    assert {one: entered(at, one) - {"gateway"} for one in pods(ACME, 1)} == {
        "ingest": {"prometheus"},
        "agent": {"prometheus"},
        "realtime": {"prometheus"},
        "migrate": set(),
    }


def test_a_gateway_elsewhere():
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}
    assert entered(cluster(places.place(given=with_network(gateway=peer))), "realtime") == {"stranger"}
    shop = replace(ACME, platform_namespace="shop")
    assert entered(cluster(shop), "realtime") == {"stranger"}


@pytest.mark.parametrize("labels", [{"made": "by hand"}, {names.LABEL_COMPONENT: "agent"}], ids=["other", "alike"])
def test_a_pod_made_by_hand_in_the_namespace_is_shut_in(labels):
    at = cluster(ACME)
    intruder = replace(INTRUDER, labels=labels)
    ends = [*WAYS.values(), (DNS, 53), *((one, names.RUNTIME_PORT) for one in pods(ACME, 1).values())]
    assert not any(at.lets(intruder, end, port) for end, port in ends)
    assert not at.lets(GATEWAY, intruder, names.RUNTIME_PORT)


def test_the_plan_changes_no_policy():
    assert places.by_name(policies(places.place(plan="small"))) == places.by_name(policies(ACME))


PRIVATE = {
    "model": (End("10.20.1.5"), 8000),
    "model-tls": (End("10.20.1.5"), 443),
    "hook": (End("192.168.7.7"), 8443),
    "hook-tls": (End("192.168.7.7"), 443),
    "six": (End("fd12::5"), 8000),
    "elsewhere": (End("10.21.1.5"), 443),
    "metadata": (End("169.254.169.254"), 80),
    "loopback": (End("127.0.0.1"), 80),
    "mail": (End("10.50.0.25"), 587),
    "vllm": (End("10.244.7.1", "shop", {"app": "vllm"}), 8000),
}


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ({}, set()),
        ({"outboundAllowed": ["10.20.0.0/16"]}, {"model", "model-tls"}),
        ({"outboundAllowed": ["10.20.1.5"]}, {"model", "model-tls"}),
        ({"outboundAllowed": ["192.168.7.7:8443", "[fd12::5]:8000"]}, {"hook", "six"}),
        ({"outboundAllowed": ["llm.corp.test", "llm.corp.test:8000"]}, set()),
        # A wide network takes no metadata service along; named, it is let out.
        ({"outboundAllowed": ["0.0.0.0/0"]}, PRIVATE.keys() - {"metadata", "loopback", "six"}),
        ({"outboundAllowed": ["169.254.169.254:80"]}, {"metadata"}),
        ({"smtp": {"port": 587, "peers": [{"ipBlock": {"cidr": "10.50.0.0/24"}}]}}, {"mail"}),
        ({"outboundInside": [{"port": 8000, "peers": [{"namespaceSelector": {}}]}]}, {"vllm"}),
    ],
    ids=["none", "network", "address", "host-and-port", "names", "all", "metadata-named", "mail", "inside"],
)
def test_private_networks_are_let_out_where_the_platform_says_so(network, expected):
    at = cluster(places.place(places.spec(**places.MAILED), given=with_network(**network)))
    assert reached("agent", at, PRIVATE) == expected
    for other in ("ingest", "realtime", "migrate"):
        assert reached(other, at, PRIVATE) == set()


def test_the_mail_server_is_reached_by_tenants_that_write_to_somebody():
    network = with_network(smtp={"port": 587, "peers": []}, outboundPorts=[])
    mailed = cluster(places.place(places.spec(**places.MAILED), given=network))
    assert reached("agent", mailed, PRIVATE) == {"mail"}
    assert reached("agent", cluster(places.place(given=network)), PRIVATE) == set()


def test_other_ports_and_none():
    assert reached("agent", cluster(places.place(given=with_network(outboundPorts=[443, 22])))) == (
        SERVERS | PUBLIC | {"internet-ssh"}
    )
    assert reached("agent", cluster(places.place(given=with_network(outboundPorts=[])))) == SERVERS


def test_a_server_without_peers_may_stand_anywhere():
    at = cluster(places.place(given=with_network(redis={"port": 6379})))
    assert reached("ingest", at) == SERVERS | {"redis-elsewhere"}
    assert at.lets(ALL["ingest"], End("52.1.2.3"), 6379)


addresses = st.one_of(
    st.integers(0, 2**32 - 1).map(IPv4Address),
    st.integers(0, 2**128 - 1).map(IPv6Address),
    st.integers(0, 2**125 - 1).map(lambda n: IPv6Address((1 << 125) + n)),
    st.integers(0, 2**32 - 1).map(lambda n: IPv6Address(int(IPv6Address("64:ff9b::")) + n)),
)
AT = cluster(ACME)


def _holds_another(address: IPv4Address | IPv6Address) -> bool:
    """Old forms with an IPv4 address within, which the guard judges by that one, and a policy cannot."""
    if isinstance(address, IPv4Address):
        return False
    isatap = (int(address) >> 32) & 0xFDFFFFFF == 0x5EFE
    return isatap or address.sixtofour is not None or int(address) < 2**64


def agreed(address: IPv4Address | IPv6Address) -> bool:
    return AT.lets(ALL["agent"], End(str(address)), 443) == (outbound_policy.refusal(address) is None)


@given(address=addresses.filter(lambda one: not _holds_another(one)))
def test_the_wall_lets_out_what_the_guard_lets_out(address):
    assert agreed(address)


def test_they_agree_at_the_edges_of_all_that_the_guard_refuses():
    for network, _ in outbound_policy._NETWORKS:
        first, last = int(network.network_address), int(network.broadcast_address)
        for number in (first - 1, first, last, last + 1):
            if 0 <= number < 2**network.max_prefixlen:
                address = type(network.network_address)(number)
                assert _holds_another(address) or agreed(address), address


def test_a_network_the_platform_named_wrongly_is_nothing():
    at = cluster(places.place(given=with_network(outboundAllowed=["10.20.0.0/99", "x:y", ":1", "10.1.1.1:z"])))
    assert reached("agent", at, PRIVATE) == set()
