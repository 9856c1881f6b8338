"""Tells the gateway (tenant record) and the tenant's runtime (effective config) what holds now."""

import msgspec

from handrail_contracts import record
from handrail_contracts.record import IdentitySecret, Limits, Phase, TenantRecord
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.provision import nats_values
from handrail_operator.provision.keyring import TenantSecrets
from handrail_operator.provision.platform import Platform
from handrail_operator.provision.tenant import ProvisionedTenant


def build_record(
    provisioned: ProvisionedTenant,
    spec: TenantSpec,
    secrets: TenantSecrets,
    *,
    phase: Phase,
    generation: int = 1,
    local: bool = False,
    realtime: list[str] | None = None,
    more_origins: list[str] | None = None,
    identity_secrets: list[str] | None = None,
) -> TenantRecord:
    """Pure. `more_origins`: allowed beside the spec's. `identity_secrets`: the spec's references, resolved, newest
    first; where the spec names none, the platform's own secret counts."""
    identity = identity_secrets if spec.identity.signing_secret_refs else [secrets.identity_secret]
    return TenantRecord(
        name=provisioned.name,
        generation=generation,
        phase=phase,
        local=local,
        keys=[key.record() for key in secrets.keys],
        origins=list(dict.fromkeys([*spec.origins, *(more_origins or [])])),
        limits=Limits(**msgspec.structs.asdict(provisioned.plan.limits)),
        realtime=realtime or [],
        publish=provisioned.publish,
        identity_secrets=[IdentitySecret(value) for value in identity or []],
        spec=spec.dump(),
        etag=spec.etag(),
    )


async def publish_record(platform: Platform, wanted: TenantRecord) -> bool:
    """Writes the record where it differs; returns whether it did."""
    return await nats_values.put_record(platform.account, wanted)


async def withdraw_record(platform: Platform, name: str) -> None:
    """The gateway forgets the tenant within a second."""
    await nats_values.purge_record(platform.account, name)


async def publish_config(platform: Platform, secrets: TenantSecrets, spec: TenantSpec) -> bool:
    """Writes the effective config into the tenant's account where it differs; returns whether it did."""
    return await nats_values.put_config(platform.access, secrets, record.effective(spec, local=platform.access.local))
