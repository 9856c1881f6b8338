"""The few ways in and out of a tenant's pods. What is not written here is shut, both ways."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from handrail_contracts import names
from handrail_operator.installation import Destination, Peer
from handrail_operator.kube import kinds
from handrail_operator.manifests import addresses
from handrail_operator.manifests.objects import child
from handrail_operator.manifests.place import Manifest, Place

_RUNTIME = (*names.ROLES, names.ALL_ROLES)
_OUTBOUND = ("agent", names.ALL_ROLES)
_SERVING = ("realtime", names.ALL_ROLES)


def policies(place: Place) -> list[Manifest]:
    """The same for every plan: a policy speaks of components, whether there are any or not."""
    network = place.installation.network
    servers = [_out(one) for one in (network.nats, network.postgres, network.redis)]
    made = [
        # Of every pod in the namespace, whoever made it.
        _policy(place, "default-deny", {}, inwards=[], outwards=[]),
        _policy(place, "dns", _of(place, *_RUNTIME, names.MIGRATE), outwards=[_out(network.dns, "UDP", "TCP")]),
        _policy(place, "servers", _of(place, *_RUNTIME), outwards=servers),
        _policy(place, "migrate", _of(place, names.MIGRATE), outwards=[_out(network.postgres)]),
        _policy(place, "outbound", _of(place, *_OUTBOUND), outwards=_outbound(place)),
        _policy(place, "from-gateway", _of(place, *_SERVING), inwards=[_in(_gateway(place))]),
    ]
    if network.monitoring is not None:
        watched = _of(place, *_RUNTIME)
        made.append(_policy(place, "from-monitoring", watched, inwards=[_in(_peer(network.monitoring))]))
    return made


def _outbound(place: Place) -> list[dict[str, Any]]:
    """Models, webhooks, mail."""
    network = place.installation.network
    rules = []
    if network.outbound_ports:
        rules.append({"to": list(addresses.public()), "ports": [_port(one) for one in network.outbound_ports]})
    for entry in network.outbound_allowed:
        if (found := addresses.allowed(entry)) is not None:
            peer, port = found
            rules.append({"to": [peer], "ports": [{"protocol": "TCP"} if port is None else _port(port)]})
    rules += [_out(one) for one in network.outbound_inside]
    return rules + ([_out(network.smtp)] if network.smtp is not None and place.mails else [])


def _gateway(place: Place) -> dict[str, Any]:
    given = place.installation.network.gateway
    return _peer(
        given
        or Peer(
            namespace_selector={"matchLabels": {"kubernetes.io/metadata.name": place.platform_namespace}},
            pod_selector={"matchLabels": {names.LABEL_NAME: "handrail-gateway"}},
        )
    )


def _of(place: Place, *components: str) -> dict[str, Any]:
    return {
        "matchLabels": {names.LABEL_TENANT: place.name},
        "matchExpressions": [{"key": names.LABEL_COMPONENT, "operator": "In", "values": sorted(components)}],
    }


def _out(destination: Destination, *protocols: str) -> dict[str, Any]:
    """Without peers: anywhere, on this port. A CIDR for "anywhere" would not match pods with every network plugin."""
    rule: dict[str, Any] = {"ports": [_port(destination.port, one) for one in protocols or ("TCP",)]}
    return rule | ({"to": [_peer(one) for one in destination.peers]} if destination.peers else {})


def _in(peer: dict[str, Any]) -> dict[str, Any]:
    return {"from": [peer], "ports": [_port(names.RUNTIME_PORT)]}


def _port(number: int, protocol: str = "TCP") -> dict[str, Any]:
    return {"protocol": protocol, "port": number}


def _peer(peer: Peer) -> dict[str, Any]:
    return {name: value for name, value in msgspec.to_builtins(peer).items() if value is not None}


def _policy(
    place: Place,
    name: str,
    pods: Mapping[str, Any],
    *,
    inwards: Iterable[dict[str, Any]] | None = None,
    outwards: Iterable[dict[str, Any]] | None = None,
) -> Manifest:
    """None: the policy says nothing of that direction. Nothing in it: no way."""
    spec: dict[str, Any] = {"podSelector": dict(pods), "policyTypes": []}
    for direction, field, rules in (("Ingress", "ingress", inwards), ("Egress", "egress", outwards)):
        if rules is not None:
            spec["policyTypes"].append(direction)
            spec |= {field: found} if (found := list(rules)) else {}
    return child(place, kinds.NETWORK_POLICY, name, spec=spec)
