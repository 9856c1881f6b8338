"""Provisioning is level-based: run again, it changes nothing; after damage, it mends."""

import asyncpg
import pytest
from nats.js.errors import KeyNotFoundError
from redis.asyncio import Redis

from handrail_contracts import names, record, subjects
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.plans import UnknownPlan
from handrail_operator.provision import nats_claims, nats_connection
from handrail_operator.provision.keyring import TenantSecrets
from handrail_operator.provision.tenant import deprovision_tenant, provision_tenant
from handrail_operator.publish import publish_config, publish_record, withdraw_record


async def test_a_second_run_gives_the_same_doors_and_keeps_the_data(make_tenant, platform):
    tenant = await make_tenant(migrate=False)
    url = tenant.text(names.DATABASE_URL_FILE)
    owner = await asyncpg.connect(tenant.provisioned.owner_files[names.OWNER_DATABASE_URL_FILE])
    await owner.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    await owner.close()
    async with inside(platform, tenant) as client:
        await client.jetstream().publish(subjects.EVENTS, b"kept")

    again = await provision_tenant(platform, tenant.name, "small", tenant.keyring)

    assert again == tenant.provisioned
    app = await asyncpg.connect(url)
    assert await app.fetchval("SELECT n FROM kept") == 7
    await app.close()
    async with inside(platform, tenant) as client:
        assert (await client.jetstream().stream_info(names.EVENTS_STREAM)).state.messages == 1


async def test_what_was_taken_away_comes_back(make_tenant, platform, servers):
    tenant = await make_tenant(migrate=False)
    admin = await asyncpg.connect(servers.postgres_admin)
    await admin.execute(f'ALTER ROLE "{tenant.keyring.app}" NOLOGIN CREATEDB PASSWORD NULL')
    await admin.close()
    await platform.redis.execute_command("ACL", "DELUSER", tenant.keyring.redis_user)
    async with inside(platform, tenant) as client:
        await client.jetstream().delete_consumer(names.EVENTS_STREAM, names.INGEST_CONSUMER)
        await client.jetstream().delete_stream(names.SIGNALS_STREAM)

    await provision_tenant(platform, tenant.name, "small", tenant.keyring)

    app = await asyncpg.connect(tenant.text(names.DATABASE_URL_FILE))
    assert await app.fetchval("SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user") is False
    await app.close()
    async with Redis.from_url(tenant.text(names.REDIS_URL_FILE)) as redis:
        assert await redis.set(f"{tenant.redis_prefix}x", 1)
    async with inside(platform, tenant) as client:
        js = client.jetstream()
        assert (await js.consumer_info(names.EVENTS_STREAM, names.INGEST_CONSUMER)).config.max_deliver == -1
        assert (await js.consumer_info(names.SIGNALS_STREAM, names.AGENT_CONSUMER)).config.ack_wait == 30


async def test_deleted_without_data_the_doors_are_shut_and_open_again_with_everything(make_tenant, platform):
    tenant = await make_tenant(migrate=False)
    url = tenant.text(names.DATABASE_URL_FILE)
    owner = await asyncpg.connect(tenant.provisioned.owner_files[names.OWNER_DATABASE_URL_FILE])
    await owner.execute("CREATE TABLE kept (n int)")
    await owner.close()
    async with inside(platform, tenant) as client:
        await client.jetstream().publish(subjects.EVENTS, b"kept")

    for _ in range(2):
        await deprovision_tenant(platform, tenant.name, tenant.keyring, data=False)
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(url)

    await provision_tenant(platform, tenant.name, "small", tenant.keyring)
    app = await asyncpg.connect(url)
    assert await app.fetchval("SELECT count(*) FROM kept") == 0
    await app.close()
    async with inside(platform, tenant) as client:
        assert (await client.jetstream().stream_info(names.EVENTS_STREAM)).state.messages == 1


async def test_deleted_with_data_nothing_is_left(make_tenant, platform, servers):
    tenant = await make_tenant(migrate=False)
    async with Redis.from_url(tenant.text(names.REDIS_URL_FILE)) as redis:
        await redis.set(f"{tenant.redis_prefix}x", 1)

    for _ in range(2):
        await deprovision_tenant(platform, tenant.name, tenant.keyring, data=True)

    admin = await asyncpg.connect(servers.postgres_admin)
    left = await admin.fetch(
        "SELECT datname FROM pg_database WHERE datname = $1 UNION ALL SELECT rolname FROM pg_roles WHERE rolname ^@ $1",
        tenant.keyring.database,
    )
    await admin.close()
    assert left == []
    assert await platform.redis.exists(f"{tenant.redis_prefix}x") == 0


async def test_a_plan_nobody_has_is_a_typed_error(platform):
    with pytest.raises(UnknownPlan, match=r"'gold'.*business, small, standard"):
        await provision_tenant(platform, "t-unknown", "gold", TenantSecrets.new("2026-01-01T00:00:00Z"))


async def test_record_and_config_are_written_only_where_they_differ(make_tenant, platform):
    tenant = await make_tenant(migrate=False)
    assert await publish_record(platform, tenant.record) is False
    bucket = await platform.account.jetstream().key_value(names.TENANTS_BUCKET)
    assert record.decode_record((await bucket.get(tenant.name)).value) == tenant.record
    spec = TenantSpec.model_validate(tenant.record.spec)
    assert await publish_config(platform, tenant.keyring, spec) is False
    changed = spec.model_copy(update={"display_name": "Other"})
    assert await publish_config(platform, tenant.keyring, changed) is True
    await withdraw_record(platform, tenant.name)
    with pytest.raises(KeyNotFoundError):
        await bucket.get(tenant.name)


def inside(platform, tenant):
    return nats_connection.connected(
        platform.access.nats_url, tenant.keyring.account_seed, nats_claims.administrator(), "test"
    )
