"""The evaluator says what the reference of NetworkPolicies says."""

from typing import Any

import pytest
from tests.operator.manifests.evaluator import Cluster, End

NAMESPACES = {"a": {"team": "a"}, "b": {"team": "b"}}
WEB = End("10.0.0.1", "a", {"app": "web"})
DATABASE = End("10.0.0.2", "a", {"app": "database"})
OTHER = End("10.0.0.3", "b", {"app": "web"})
OUTSIDE = End("8.8.8.8")


def policy(spec: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"namespace": "a"}, "spec": spec}


def ingress(*rules: dict[str, Any]) -> dict[str, Any]:
    return policy({"podSelector": {"matchLabels": {"app": "database"}}, "ingress": list(rules)})


def lets(sender: End, receiver: End, *policies: dict[str, Any], port: int = 80, protocol: str = "TCP") -> bool:
    return Cluster(NAMESPACES, policies).lets(sender, receiver, port, protocol)


def test_a_pod_that_nothing_selects_is_open():
    assert lets(OUTSIDE, WEB, ingress())
    assert not lets(OUTSIDE, DATABASE, ingress())


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ({"podSelector": {"matchLabels": {"app": "web"}}}, {"web"}),
        ({"namespaceSelector": {}}, {"web", "other"}),
        ({"namespaceSelector": {"matchLabels": {"team": "b"}}}, {"other"}),
        ({"namespaceSelector": {"matchLabels": {"team": "b"}}, "podSelector": {"matchLabels": {"app": "x"}}}, set()),
        ({"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/31"]}}, {"other", "outside"}),
    ],
)
def test_a_peer_is_who_fits_all_of_it(peer, expected):
    ends = {"web": WEB, "other": OTHER, "outside": OUTSIDE}
    assert {name for name, end in ends.items() if lets(end, DATABASE, ingress({"from": [peer]}))} == expected


def test_a_rule_without_peers_is_for_all_and_one_policy_is_enough():
    assert lets(OUTSIDE, DATABASE, ingress(), ingress({"ports": [{"port": 80}]}))
    assert not lets(OUTSIDE, DATABASE, ingress({"ports": [{"port": 80}]}), port=81)
    assert not lets(OUTSIDE, DATABASE, ingress({"ports": [{"port": 80}]}), protocol="UDP")
    assert lets(OUTSIDE, DATABASE, ingress({"ports": [{"port": 80, "endPort": 90}]}), port=85)


def test_both_ends_must_agree():
    shut = policy({"podSelector": {}, "policyTypes": ["Egress"]})
    assert not lets(WEB, OUTSIDE, shut)
    assert not lets(WEB, OTHER, shut)
    assert lets(OTHER, WEB, shut)


def test_expressions():
    def selected(**expression: Any) -> bool:
        selector = {"matchExpressions": [{"key": "app", **expression}]}
        return not lets(OUTSIDE, DATABASE, policy({"podSelector": selector}))

    assert selected(operator="In", values=["database"])
    assert not selected(operator="NotIn", values=["database"])
    assert selected(operator="Exists")
    assert not selected(operator="DoesNotExist")
