"""Everything the builders need to know of one tenant."""

import re
from dataclasses import dataclass, field
from typing import Any

from handrail_contracts import names
from handrail_contracts.tenant_spec import SecretRef, TenantSpec
from handrail_operator.installation import Installation
from handrail_operator.plans import Plan
from handrail_operator.provision.keyring import TenantSecrets
from handrail_operator.provision.tenant import ProvisionedTenant

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Home:
    """A tenant's namespace, before anything stands in it."""

    name: str
    uid: str
    """Of the OnboardingTenant: its children name it as their owner."""
    namespace: str
    """`handrail-<name>`, or one that was labelled for the tenant before."""
    platform_namespace: str
    installation: Installation

    def labels(self, component: str | None = None) -> dict[str, str]:
        """What every child carries, and how it is found again."""
        found = {
            names.LABEL_TENANT: self.name,
            names.LABEL_MANAGED_BY: names.FIELD_MANAGER,
            names.LABEL_NAME: "handrail-runtime",
        }
        return found | ({names.LABEL_COMPONENT: component} if component else {})


@dataclass(frozen=True)
class Place(Home):
    """Values alone; no clock, no randomness."""

    spec: TenantSpec
    plan: Plan
    nats_url: str
    provisioned: ProvisionedTenant = field(repr=False)
    secrets: TenantSecrets = field(repr=False)
    usable_refs: tuple[SecretRef, ...] = ()
    """References of the spec that name an existing, labelled Secret and key of the tenant's namespace."""
    database_id: str = ""
    """Changes when the database was made anew, so that it is migrated again."""
    smtp_url: str = field(default="", repr=False)
    """The platform's mail server, password included; empty: no mail."""
    registries: str = field(default="", repr=False)
    """Docker config with the logins that the runtime's image is pulled with; empty: none is needed."""

    @property
    def mails(self) -> bool:
        """Whether the tenant names anybody to write to: the platform's mail account is given to no other."""
        return bool(self.spec.escalation.email.to)

    @property
    def version(self) -> str:
        """Of the runtime."""
        pods = self.installation.runtime
        if pods.version:
            return pods.version
        # A port of a registry is no tag: a tag comes after the last slash.
        reference, _, digest = pods.image.partition("@")
        return reference.rpartition("/")[2].partition(":")[2] or digest or "latest"

    @property
    def version_label(self) -> str:
        """The version as far as a label can hold it: 63 letters, digits, `-`, `_`, `.`, none of these at an end."""
        return re.sub(r"[^-_.A-Za-z0-9]", "-", self.version)[:63].strip("-_.")
