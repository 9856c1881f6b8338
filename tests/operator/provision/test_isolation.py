"""Tenant A's real credentials at B's doors, and each credential at the doors it has no business with."""

import asyncio
import dataclasses
from pathlib import Path

import asyncpg
import nats.errors
import pytest
from nats.aio.client import Client
from nats.js.errors import APIError
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from handrail_contracts import names, subjects
from handrail_operator.plans import Plan, PlanLimits
from handrail_operator.provision import nats_jwt
from handrail_operator.provision.tenant import provision_tenant


async def test_the_database_of_another_tenant_is_closed(make_tenant):
    a, b = await make_tenant(migrate=False), await make_tenant(migrate=False)
    own = await asyncpg.connect(a.text(names.DATABASE_URL_FILE))
    assert await own.fetchval("SELECT current_database()") == a.keyring.database
    await own.close()
    for url in (a.text(names.DATABASE_URL_FILE), a.provisioned.owner_files[names.OWNER_DATABASE_URL_FILE]):
        for database in (b.keyring.database, "postgres", "template1"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await asyncpg.connect(url.rsplit("/", 1)[0] + f"/{database}")


async def test_a_wrong_password_is_refused(make_tenant):
    tenant = await make_tenant(migrate=False)
    url = tenant.text(names.DATABASE_URL_FILE).replace(tenant.keyring.app_password, "wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url)


async def test_the_app_role_has_rows_and_no_ddl(make_tenant):
    tenant = await make_tenant(migrate=False)
    owner = await asyncpg.connect(tenant.provisioned.owner_files[names.OWNER_DATABASE_URL_FILE])
    await owner.execute("CREATE SCHEMA extra; CREATE TABLE extra.t (n serial); CREATE TABLE things (n serial)")
    await owner.close()
    app = await asyncpg.connect(tenant.text(names.DATABASE_URL_FILE))
    await app.execute("INSERT INTO things DEFAULT VALUES; INSERT INTO extra.t DEFAULT VALUES")
    for statement in (
        "CREATE TABLE mine (n int)",
        "CREATE TEMPORARY TABLE mine (n int)",
        "CREATE SCHEMA mine",
        "ALTER TABLE things ADD COLUMN m int",
        "DROP TABLE things",
        "TRUNCATE things",
        "CREATE ROLE friend",
        "CREATE DATABASE another",
        "SELECT rolpassword FROM pg_authid",
        "COPY things TO PROGRAM 'true'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)
    await app.close()


async def test_redis_keys_of_another_tenant_are_closed(make_tenant):
    a, b = await make_tenant(migrate=False), await make_tenant(migrate=False)
    async with Redis.from_url(a.text(names.REDIS_URL_FILE)) as redis:
        own = names.session_key(a.redis_prefix, "u")
        await redis.hset(own, "state", "active")
        assert await redis.hgetall(own) == {b"state": b"active"}
        await redis.zadd(names.due_key(a.redis_prefix), {"u": 1.0})
        foreign = names.session_key(b.redis_prefix, "u")
        for command in (
            ["HGETALL", foreign],
            ["SET", foreign, "1"],
            ["EVAL", "while true do end", "0"],
            ["SCRIPT", "LOAD", "return 1"],
            ["COPY", own, foreign],
            ["SCAN", "0"],
            ["KEYS", "*"],
            ["RANDOMKEY"],
            ["DBSIZE"],
            ["FLUSHALL"],
            ["CONFIG", "GET", "*"],
            ["ACL", "LIST"],
            ["CLIENT", "LIST"],
            ["FUNCTION", "LIST"],
            ["SUBSCRIBE", f"{b.redis_prefix}x"],
        ):
            with pytest.raises(NoPermissionError):
                await redis.execute_command(*command)


async def test_redis_knows_no_default_user(servers):
    place = servers.redis_admin.rpartition("@")[2]
    async with Redis.from_url(f"redis://{place}") as redis:
        with pytest.raises(AuthenticationError):
            await redis.ping()


class Errors(list[str]):
    async def add(self, error: Exception) -> None:
        self.append(str(error))

    async def until(self, text: str) -> None:
        async with asyncio.timeout(5):
            while not any(text in error for error in self):  # noqa: ASYNC110 - the list belongs to nats-py
                await asyncio.sleep(0.01)


async def connect(servers, creds: str, folder: Path) -> tuple[Client, Errors]:
    errors = Errors()
    path = folder / "user.creds"
    path.write_text(creds)
    client = Client()
    try:
        await client.connect(
            servers.nats_url, user_credentials=str(path), allow_reconnect=False, error_cb=errors.add, connect_timeout=5
        )
    except nats.errors.Error:
        await client.close()
        raise
    return client, errors


async def test_a_message_of_one_account_is_invisible_in_another(servers, make_tenant, tmp_path):
    a, b = await make_tenant(migrate=False), await make_tenant(migrate=False)
    for tenant, role in ((a, "ingest"), (b, "realtime")):
        (tmp_path / tenant.name).mkdir()
        assert tenant.text(names.creds_file(role))
    sender, _ = await connect(servers, a.text(names.creds_file("agent")), tmp_path / a.name)
    listener, _ = await connect(servers, b.text(names.creds_file("realtime")), tmp_path / b.name)
    friend, _ = await connect(servers, a.text(names.creds_file("realtime")), tmp_path / a.name)
    foreign = await listener.subscribe(subjects.nudge("u"))
    own = await friend.subscribe(subjects.nudge("u"))
    await listener.flush()
    await friend.flush()
    await sender.publish(subjects.nudge("u"), b"psst")
    assert (await own.next_msg(timeout=5)).data == b"psst"
    await listener.flush()
    assert foreign.pending_msgs == 0
    for client in (sender, listener, friend):
        await client.close()


async def test_as_user_of_a_in_the_account_of_b_nobody_gets_in(servers, make_tenant, tmp_path):
    """A's user signed by A's account, its token pointed at B's account."""
    a, b = await make_tenant(migrate=False), await make_tenant(migrate=False)
    seed = a.keyring.role_seeds["ingest"]
    claims = {"type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1}
    claims["issuer_account"] = nats_jwt.public_key(b.keyring.account_seed)
    token = nats_jwt.encode(a.keyring.account_seed, nats_jwt.public_key(seed), "x", claims, issued_at=0)
    with pytest.raises(nats.errors.Error, match=r"(?i)authorization"):
        await connect(servers, nats_jwt.credentials(token, seed), tmp_path)


FORBIDDEN = {
    "ingest": ["events.batch", "nudges.x", "$JS.API.STREAM.DELETE.EVENTS", "$JS.API.STREAM.PURGE.EVENTS",
               "$JS.API.CONSUMER.MSG.NEXT.SIGNALS.agent", "$KV.config.effective", "$JS.API.STREAM.CREATE.MINE"],
    "agent": ["events.batch", "signals.inactivity", "$JS.API.CONSUMER.MSG.NEXT.EVENTS.ingest",
              "$KV.config.effective", "$JS.API.CONSUMER.DELETE.SIGNALS.agent"],
    "realtime": ["events.batch", "signals.inactivity", "nudges.x", "$KV.config.effective",
                 "$JS.API.STREAM.MSG.GET.EVENTS"],
}  # fmt: skip


@pytest.mark.parametrize("role", names.ROLES)
async def test_a_role_may_do_its_own_work_only(servers, make_tenant, tmp_path, role):
    tenant = await make_tenant(migrate=False)
    client, errors = await connect(servers, tenant.text(names.creds_file(role)), tmp_path)
    bucket = await client.jetstream().key_value(names.CONFIG_BUCKET)
    assert (await bucket.get(names.EFFECTIVE_CONFIG)).value
    watcher = await bucket.watch(names.EFFECTIVE_CONFIG)
    assert (await watcher.updates(timeout=5)).value
    assert errors == []
    for subject in FORBIDDEN[role]:
        await client.publish(subject, b"{}")
        await errors.until(f'permissions violation for publish to "{subject.lower()}"')
    await client.subscribe(">")
    await errors.until('permissions violation for subscription to ">"')
    await client.close()


async def test_the_gateways_way_into_a_tenant_is_publishing(servers, make_tenant, tmp_path):
    tenant = await make_tenant(migrate=False)
    publish = tenant.record.publish
    client, errors = await connect(servers, nats_jwt.credentials(publish.jwt, publish.seed), tmp_path)
    js = client.jetstream()
    assert (await js.publish(subjects.EVENTS, b"frame")).stream == names.EVENTS_STREAM
    for subject in ("signals.inactivity", "nudges.x", "$JS.API.STREAM.MSG.GET.EVENTS", "$KV.config.effective"):
        await client.publish(subject, b"{}")
        await errors.until(f'permissions violation for publish to "{subject.lower()}"')
    await client.close()


async def test_the_gateway_reads_tenants_and_notes_the_keys_use(servers, make_tenant, tmp_path):
    tenant = await make_tenant(migrate=False)
    client, errors = await connect(servers, (servers.gateway_secrets / names.GATEWAY_CREDS_FILE).read_text(), tmp_path)
    js = client.jetstream()
    tenants = await js.key_value(names.TENANTS_BUCKET)
    assert tenant.name in await tenants.keys()
    use = await js.key_value(names.KEY_USE_BUCKET)
    await use.put("AAAAAAAA", b"2026-01-01T00:00:00Z")
    assert (await use.get("AAAAAAAA")).value == b"2026-01-01T00:00:00Z"
    await client.publish(subjects.wake(tenant.name), b"")
    assert errors == []
    for subject in (f"$KV.tenants.{tenant.name}", "$JS.API.STREAM.DELETE.KV_tenants"):
        await client.publish(subject, b"{}")
        await errors.until(f'permissions violation for publish to "{subject.lower()}"')
    await client.close()


async def test_a_full_stream_refuses_and_a_smaller_plan_takes_hold(servers, make_tenant, platform, tmp_path):
    tenant = await make_tenant(migrate=False)
    tiny = Plan(limits=PlanLimits(), events_bytes=256 * 1024, signals_bytes=256 * 1024, database_connections=4)
    access = dataclasses.replace(platform.access, plans={"tiny": tiny})
    await provision_tenant(dataclasses.replace(platform, access=access), tenant.name, "tiny", tenant.keyring)
    publish = tenant.record.publish
    client, _ = await connect(servers, nats_jwt.credentials(publish.jwt, publish.seed), tmp_path)
    js = client.jetstream()
    await js.publish(subjects.EVENTS, b"x" * 200 * 1024)
    with pytest.raises(APIError, match="maximum bytes exceeded"):
        await js.publish(subjects.EVENTS, b"x" * 100 * 1024)
    await client.close()
