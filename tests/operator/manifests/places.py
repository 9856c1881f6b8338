"""A tenant's place, as the reconcile would put it together."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from handrail_contracts.tenant_spec import SecretRef, TenantSpec
from handrail_operator.installation import Installation, decode
from handrail_operator.manifests.place import Manifest, Place
from handrail_operator.provision.keyring import PlatformSecrets, TenantSecrets
from handrail_operator.provision.platform import Access
from handrail_operator.provision.tenant import provisioned

UID = "0b9f6c1e-7d0c-4a52-9a3f-5f2f5f7f1a11"
DIGEST = "registry.test/handrail/runtime@sha256:" + "ab" * 32
ACCESS = Access(
    nats_url="nats://nats.handrail.svc:4222",
    postgres_url="postgresql://postgres:secret@postgres.handrail.svc:5432/postgres",
    redis_url="redis://redis.handrail.svc:6379",
    secrets=PlatformSecrets.new(),
)
SECRETS = TenantSecrets.new("2026-01-01T00:00:00Z")


def of_platform(name: str) -> dict[str, Any]:
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "handrail"}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": name}},
    }


INSTALLATION: dict[str, Any] = {
    "runtime": {"image": "registry.test:5000/handrail/runtime:1.2.3"},
    "network": {
        "nats": {"port": 4222, "peers": [of_platform("nats")]},
        "postgres": {"port": 5432, "peers": [of_platform("postgres")]},
        "redis": {"port": 6379, "peers": [of_platform("redis")]},
    },
}


def installation(runtime: dict[str, Any] | None = None, network: dict[str, Any] | None = None) -> Installation:
    """The usual one, with some of it otherwise."""
    changed = {
        "runtime": INSTALLATION["runtime"] | (runtime or {}),
        "network": INSTALLATION["network"] | (network or {}),
    }
    return decode(INSTALLATION | changed)


MAILED: dict[str, Any] = {"escalation": {"email": {"to": ["help@acme.test"]}}}
"""Fields of a tenant that writes to somebody."""


def spec(**fields: Any) -> TenantSpec:
    return TenantSpec.model_validate({"displayName": "Acme", "origins": ["https://app.acme.test"]} | fields)


def place(
    wanted: TenantSpec | None = None,
    *,
    plan: str = "standard",
    name: str = "acme",
    given: Installation | None = None,
    secrets: TenantSecrets = SECRETS,
    access: Access = ACCESS,
    usable: Iterable[SecretRef] = (),
    **more: Any,
) -> Place:
    """Without more said: acme, of a plan with a Deployment for each role."""
    found = given or installation()
    made = Place(
        name=name,
        uid=UID,
        namespace=f"handrail-{name}",
        platform_namespace="handrail",
        spec=wanted or spec(),
        plan=found.plans[plan],
        installation=found,
        nats_url=access.nats_url,
        provisioned=provisioned(access, name, found.plans[plan], secrets),
        secrets=secrets,
        usable_refs=tuple(usable),
        database_id="16384",
    )
    return replace(made, **more)


def by_name(manifests: Iterable[Manifest]) -> dict[tuple[str, str], Manifest]:
    """(kind, name) -> manifest; none twice."""
    listed = list(manifests)
    found = {(one["kind"], one["metadata"]["name"]): one for one in listed}
    assert len(found) == len(listed)
    return found
