"""What NetworkPolicies let through, as their reference says it: pods and addresses in, yes or no out.

A pod that no policy of a direction selects is open that way; of those that select it, one rule is enough. A way is
open when the sender may send and the receiver may receive. `ipBlock` counts for pods' addresses, too: some network
plugins see it so, and what is shut here is shut with all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any


@dataclass(frozen=True)
class End:
    """One end of a connection: a pod, or where `namespace` is empty, some address outside the cluster."""

    ip: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cluster:
    namespaces: Mapping[str, Mapping[str, str]]
    """Name -> labels, as the API server completes them."""
    policies: Sequence[Mapping[str, Any]]

    def lets(self, sender: End, receiver: End, port: int, protocol: str = "TCP") -> bool:
        out = self._open("Egress", sender, receiver, port, protocol)
        return out and self._open("Ingress", receiver, sender, port, protocol)

    def _open(self, direction: str, of: End, other: End, port: int, protocol: str) -> bool:
        bound = [one for one in self.policies if self._selects(one, of) and direction in _types(one["spec"])]
        rules = [rule for one in bound for rule in self._rules(one, direction)]
        home = of.namespace
        return not bound or any(self._peers(rule, other, home) and _port(rule, port, protocol) for rule in rules)

    def _selects(self, policy: Mapping[str, Any], pod: End) -> bool:
        here = bool(pod.namespace) and policy["metadata"]["namespace"] == pod.namespace
        return here and _matches(policy["spec"]["podSelector"], pod.labels)

    def _rules(self, policy: Mapping[str, Any], direction: str) -> list[dict[str, Any]]:
        field_name, peers = ("egress", "to") if direction == "Egress" else ("ingress", "from")
        return [{"peers": rule.get(peers), "ports": rule.get("ports")} for rule in policy["spec"].get(field_name) or []]

    def _peers(self, rule: Mapping[str, Any], other: End, home: str) -> bool:
        return not rule["peers"] or any(self._peer(one, other, home) for one in rule["peers"])

    def _peer(self, peer: Mapping[str, Any], other: End, home: str) -> bool:
        if (block := peer.get("ipBlock")) is not None:
            return _within(other.ip, block["cidr"]) and not any(_within(other.ip, n) for n in block.get("except", []))
        if not other.namespace:
            return False
        if (wanted := peer.get("namespaceSelector")) is None:
            there = other.namespace == home
        else:
            there = _matches(wanted, self.namespaces[other.namespace])
        return there and _matches(peer.get("podSelector") or {}, other.labels)


def _types(spec: Mapping[str, Any]) -> Sequence[str]:
    return spec.get("policyTypes") or ("Ingress", *(("Egress",) if spec.get("egress") else ()))


def _port(rule: Mapping[str, Any], port: int, protocol: str) -> bool:
    return not rule["ports"] or any(_same(one, port, protocol) for one in rule["ports"])


def _same(one: Mapping[str, Any], port: int, protocol: str) -> bool:
    if one.get("protocol", "TCP") != protocol:
        return False
    first = one.get("port")
    if first is None:
        return True
    assert isinstance(first, int), "named ports are not known here"
    return bool(first <= port <= one.get("endPort", first))


def _within(ip: str, cidr: str) -> bool:
    return ip_address(ip) in ip_network(cidr)


def _matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    exact = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return exact and all(_holds(one, labels) for one in selector.get("matchExpressions") or [])


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, found = expression["key"], labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return found in expression["values"]
        case "NotIn":
            return found not in expression["values"]
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case other:
            raise AssertionError(f"no operator of selectors: {other}")
