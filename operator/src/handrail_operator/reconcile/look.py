"""What one look at one tenant has found out so far."""

from dataclasses import dataclass, field
from typing import Any

from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.plans import Plan
from handrail_operator.provision.keyring import TenantSecrets
from handrail_operator.provision.servers import Ensured
from handrail_operator.reconcile.conditions import Findings
from handrail_operator.reconcile.references import Resolved
from handrail_operator.reconcile.steps import Key

Object = dict[str, Any]


@dataclass
class Look:
    """What one look at one tenant has gathered so far."""

    tenant: Object
    found: Findings = field(default_factory=Findings)
    again: float | None = None
    """Seconds until something is to be seen that no watch tells."""
    namespace: Object = field(default_factory=dict)
    fresh: bool = False
    """The namespace was made in this very look: nothing stands in it yet."""
    revision: str = ""
    """Of the config that was published."""
    version: str = ""
    """Of the runtime that was applied."""

    def mark(self, annotation: str) -> str:
        """What was noted on the namespace."""
        return str(self.namespace["metadata"].get("annotations", {}).get(annotation, ""))

    def heard_of(self, kind: str) -> bool:
        """Whether the tenant's status says that a condition holds, or that it does not."""
        told = (self.tenant.get("status") or {}).get("conditions") or []
        return any(one.get("type") == kind and one.get("status") in ("True", "False") for one in told)

    @property
    def name(self) -> str:
        return str(self.tenant["metadata"]["name"])

    @property
    def uid(self) -> str:
        return str(self.tenant["metadata"]["uid"])

    @property
    def generation(self) -> int:
        return int(self.tenant["metadata"].get("generation", 0))


@dataclass
class Known:
    """What was gathered of a tenant whose spec can be brought about."""

    spec: TenantSpec
    plan: Plan
    secrets: TenantSecrets = field(repr=False)
    resolved: Resolved
    ensured: Ensured
    standing: dict[Key, Object]
