"""What holds for all tenants of this installation: plans, the runtime's image, where the shared servers stand.

One YAML file, `HANDRAIL_INSTALLATION`; the chart writes it. Unknown names in it are refused.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from handrail_operator.plans import DEFAULT, Plan, PlanName


class InstallationInvalid(Exception):
    """The file cannot be used; the text says where and why."""


class Peer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """One destination of a NetworkPolicy, as Kubernetes writes it: either selectors or an `ipBlock`."""

    namespace_selector: dict[str, Any] | None = None
    pod_selector: dict[str, Any] | None = None
    ip_block: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.ip_block is not None and not {"cidr"} <= self.ip_block.keys() <= {"cidr", "except"}:
            raise ValueError("an ipBlock has a `cidr`, and may have an `except`")


class Destination(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A shared server as tenants' pods reach it. No peers: anywhere, on this port."""

    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    peers: tuple[Peer, ...] = ()


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Ways in and out of tenants' pods."""

    dns: Destination = Destination(
        53,
        (
            Peer(
                namespace_selector={"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                pod_selector={"matchLabels": {"k8s-app": "kube-dns"}},
            ),
        ),
    )
    nats: Destination = Destination(4222)
    postgres: Destination = Destination(5432)
    redis: Destination = Destination(6379)
    smtp: Destination | None = None
    gateway: Peer | None = None
    """None: pods of the platform's namespace labelled `app.kubernetes.io/name: handrail-gateway`."""
    monitoring: Peer | None = None
    """Who may read the roles' metrics; None: nobody."""
    outbound_ports: tuple[int, ...] = (443,)
    """Of models and webhooks on public addresses."""
    outbound_allowed: tuple[str, ...] = ()
    """Networks (CIDR), hosts, host:port that are private and may be reached all the same. NetworkPolicies know
    addresses alone: where a host is named, its network is wanted, too, or a destination below."""
    outbound_inside: tuple[Destination, ...] = ()
    """Models and webhooks within the cluster, which pods are told by, not addresses."""


class RuntimePods(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What tenants' pods are made of."""

    image: str
    """Reference of the runtime's image; its digest or tag is what a migration belongs to."""
    version: str = ""
    """For status and labels; empty: the image's tag."""
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()
    """Secrets of the platform's namespace with logins of registries: see `registries.py`."""
    node_selector: dict[str, str] = {}
    tolerations: tuple[dict[str, Any], ...] = ()
    priority_class: str = ""
    log_format: str = "json"
    mail_from: str = "handrail@localhost"


class TenantAccess(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What the operator may do in tenants' namespaces alone: bound there, before anything else is made."""

    service_account: str
    """The operator's own, of the platform's namespace."""
    cluster_role: str


class Installation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The whole file."""

    runtime: RuntimePods
    network: Network = Network()
    tenant_access: TenantAccess | None = None
    """None: the operator's rights hold in all namespaces."""
    plans: Mapping[PlanName, Plan] = msgspec.field(default_factory=lambda: dict(DEFAULT))


def read(path: Path) -> Installation:
    """Raises InstallationInvalid."""
    try:
        return decode(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InstallationInvalid(f"{path} cannot be read: {error.strerror}") from error
    except YAMLError as error:
        raise InstallationInvalid(f"{path} is not YAML: {error}") from error
    except msgspec.ValidationError as error:
        raise InstallationInvalid(f"{path}: {error}") from error


def decode(document: Any) -> Installation:
    """Raises msgspec.ValidationError."""
    return msgspec.convert(document, Installation)
