"""Tells the gateway (tenant record) and the tenant's runtime (effective config) what holds now."""

from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError

from handrail_contracts import names, record
from handrail_contracts.record import IdentitySecret, Phase, TenantRecord
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.provision import nats_claims, nats_connection
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
        limits=provisioned.plan.limits,
        realtime=realtime or [],
        publish=provisioned.publish,
        identity_secrets=[IdentitySecret(value) for value in identity or []],
        spec=spec.dump(),
        etag=spec.etag(),
    )


async def publish_record(platform: Platform, wanted: TenantRecord) -> bool:
    """Writes the record where it differs; returns whether it did."""
    return await _put(platform.account.jetstream(), names.TENANTS_BUCKET, wanted.name, record.encode(wanted))


async def withdraw_record(platform: Platform, name: str) -> None:
    """The gateway forgets the tenant within a second."""
    bucket = await platform.account.jetstream().key_value(names.TENANTS_BUCKET)
    await bucket.purge(name)


async def publish_config(platform: Platform, secrets: TenantSecrets, spec: TenantSpec) -> bool:
    """Writes the effective config into the tenant's account where it differs; returns whether it did."""
    access = platform.access
    value = record.encode(record.effective(spec, local=access.local))
    administrator = nats_claims.administrator()
    async with nats_connection.connected(access.nats_url, secrets.account_seed, administrator, "operator") as client:
        return await _put(client.jetstream(), names.CONFIG_BUCKET, names.EFFECTIVE_CONFIG, value)


async def _put(js: JetStreamContext, bucket_name: str, key: str, value: bytes) -> bool:
    bucket = await js.key_value(bucket_name)
    try:
        if (await bucket.get(key)).value == value:
            return False
    except KeyNotFoundError:
        pass
    await bucket.put(key, value)
    return True
