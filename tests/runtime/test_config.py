"""The config that a tenant's runtime goes by, as the operator of another version wrote it."""

import msgspec

from handrail_contracts import names, record
from handrail_operator.provision import nats_claims, nats_connection
from handrail_runtime.config import ConfigWatch


async def test_a_runtime_starts_with_the_config_of_a_newer_operator(make_tenant, platform):
    tenant = await make_tenant(migrate=False)
    spec = tenant.record.spec | {"addedLater": {"by": ["a newer version"]}}
    later = record.EffectiveConfig(revision="later", spec=spec)
    async with nats_connection.connected(
        platform.access.nats_url, tenant.keyring.account_seed, nats_claims.administrator(), "test"
    ) as client:
        bucket = await client.jetstream().key_value(names.CONFIG_BUCKET)
        await bucket.put(names.EFFECTIVE_CONFIG, msgspec.json.encode(later))
        found = await ConfigWatch(client).load()
    assert found.revision == "later"
    assert found.spec.dump() == tenant.record.spec
