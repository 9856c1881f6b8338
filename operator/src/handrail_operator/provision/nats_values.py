"""What is kept in NATS's buckets for gateway and runtime. Writes only where something differs."""

from nats.js.errors import KeyNotFoundError

from handrail_contracts import names, record
from handrail_contracts.nats_client import Client
from handrail_contracts.record import EffectiveConfig, TenantRecord
from handrail_operator.provision.keyring import TenantSecrets
from handrail_operator.provision.platform import Access
from handrail_operator.provision.tenant import inside


async def put_record(account: Client, wanted: TenantRecord) -> bool:
    """`account`: a connection into the platform's account. Whether anything was written."""
    return await _put(account, names.TENANTS_BUCKET, wanted.name, record.encode(wanted))


async def purge_record(account: Client, name: str) -> None:
    bucket = await account.jetstream().key_value(names.TENANTS_BUCKET)
    await bucket.purge(name)


async def put_config(access: Access, secrets: TenantSecrets, wanted: EffectiveConfig) -> bool:
    """Into the tenant's account. Whether anything was written."""
    async with inside(access, secrets) as client:
        return await _put(client, names.CONFIG_BUCKET, names.EFFECTIVE_CONFIG, record.encode(wanted))


async def _put(client: Client, bucket_name: str, key: str, value: bytes) -> bool:
    bucket = await client.jetstream().key_value(bucket_name)
    try:
        if (await bucket.get(key)).value == value:
            return False
    except KeyNotFoundError:
        pass
    await bucket.put(key, value)
    return True
