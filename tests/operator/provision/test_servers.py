"""Servers for a process that runs for long: whatever goes away and comes back, tenants are made whole again."""

import asyncio
import dataclasses
import gc
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis
from tests.operator.provision.own_servers import ALL, NATS, POSTGRES, VALKEY, OwnServers, eventually

from handrail_contracts import names, record, status, subjects
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.errors import ServerRefused, ServerUnavailable
from handrail_operator.plans import DEFAULT, UnknownPlan
from handrail_operator.provision import nats_claims, nats_connection, nats_jwt
from handrail_operator.provision.keyring import PlatformSecrets, TenantSecrets
from handrail_operator.provision.platform import Access
from handrail_operator.provision.servers import Ensured, Servers, open_servers
from handrail_operator.publish import build_record

# The client of NATS leaves a connection to the collector when its server dies while it connects.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
COMPONENT = {NATS: status.MESSAGING, POSTGRES: status.DATABASE, VALKEY: status.CACHE}
NAME = "t-own"


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Such a connection goes here, and not in whatever test comes next."""
    yield
    gc.collect()


def keyring() -> TenantSecrets:
    return TenantSecrets.new("2026-01-01T00:00:00Z")


@asynccontextmanager
async def opened(access: Access) -> AsyncIterator[tuple[Servers, list[str]]]:
    changes: list[str] = []
    async with open_servers(access, on_change=changes.append) as servers:
        yield servers, changes


@pytest.mark.slow
async def test_it_comes_up_before_its_servers_and_finds_each_when_it_is_there(own: OwnServers) -> None:
    await own.kill(*ALL)
    secrets = keyring()
    async with opened(own.access) as (servers, _):
        found = await servers.ensure(NAME, "small", secrets)
        assert {name: type(problem) for name, problem in found.problems.items()} == dict.fromkeys(
            COMPONENT.values(), ServerUnavailable
        )
        assert found.database_id == ""
        assert set(found.provisioned.runtime_files) > {names.DATABASE_URL_FILE}
        for server in (POSTGRES, VALKEY, NATS):
            await own.start(server)
            await eventually(lambda: servers.health()[COMPONENT[server]] is None, 30)  # noqa: B023 - awaited here
            problems = (await servers.ensure(NAME, "small", secrets)).problems
            assert COMPONENT[server] not in problems
        found = await servers.ensure(NAME, "small", secrets)
        assert found.problems == {}
        await all_doors_open(found, own)
        await servers.deprovision(NAME, secrets, data=True)


async def test_what_a_person_reads_names_the_server_and_no_password(own: OwnServers) -> None:
    wrong = own.access.redis_url.replace(own.servers.secrets.redis_password, "not-this-one")
    wrong_too = own.access.postgres_url.replace(own.servers.secrets.postgres_password, "not-this-one")
    access = dataclasses.replace(own.access, redis_url=wrong, postgres_url=wrong_too, secrets=PlatformSecrets.new())
    async with opened(access) as (servers, _):
        problems = (await servers.ensure(NAME, "small", keyring())).problems
        health = servers.health()
    texts = {name: str(problem) for name, problem in problems.items()}
    assert {type(problem) for problem in problems.values()} == {ServerRefused}
    assert re.fullmatch(r"PostgreSQL at 127\.0\.0\.1:\d+ does not take the administrator's name and password",
                        texts[status.DATABASE])  # fmt: skip
    assert re.fullmatch(r"Redis at 127\.0\.0\.1:\d+ does not take the administrator's name and password",
                        texts[status.CACHE])  # fmt: skip
    assert re.fullmatch(r"NATS at 127\.0\.0\.1:\d+ does not know our keys: .*", texts[status.MESSAGING])
    assert {name: str(problem) for name, problem in health.items()} == texts
    assert "not-this-one" not in repr([problems, health])


@pytest.mark.slow
async def test_one_that_hangs_holds_nobody_up_and_is_told_of(own: OwnServers) -> None:
    async with opened(own.access) as (servers, changes):
        before = keyring()
        assert (await servers.ensure("t-before", "small", before)).problems == {}
        for server in ALL:
            secrets = keyring()
            with own.frozen(server):
                found = await servers.ensure(NAME, "small", secrets)
                assert set(found.problems) == {COMPONENT[server]}
                assert isinstance(found.problems[COMPONENT[server]], ServerUnavailable)
                await eventually(lambda: servers.health()[COMPONENT[server]] is not None, 30)  # noqa: B023
                began = time.monotonic()
                again = await servers.ensure("t-before", "small", before)
                # Known to be away: not even what was seen to be well is said to be, and nobody waits for it.
                assert set(again.problems) == {COMPONENT[server]}
                assert time.monotonic() - began < 5
            await eventually(lambda: servers.health()[COMPONENT[server]] is None, 30)  # noqa: B023
            assert COMPONENT[server] in changes
            assert (await servers.ensure(NAME, "small", secrets)).problems == {}
            await servers.deprovision(NAME, secrets, data=True)
        await servers.deprovision("t-before", before, data=True)


@pytest.mark.slow
async def test_what_was_lost_with_a_server_is_made_again(own: OwnServers, spec: TenantSpec) -> None:
    secrets = keyring()
    async with opened(own.access) as (servers, changes):
        before = await servers.ensure(NAME, "small", secrets)
        wanted = build_record(before.provisioned, spec, secrets, phase="Ready")
        for server in ALL:
            changes.clear()
            await own.kill(server)
            await asyncio.to_thread(own.wipe, server)
            await own.start(server)
            await eventually(lambda: COMPONENT[server] in changes and not any(servers.health().values()), 30)  # noqa: B023
            after = await servers.ensure(NAME, "small", secrets)
            assert after.problems == {}
            assert (after.database_id != before.database_id) == (server == POSTGRES)
            await servers.publish(wanted)
            await servers.publish_config(secrets, spec)
            await all_doors_open(after, own)
            await told(own.access, wanted, secrets, spec)
            before = after
        await servers.withdraw(NAME)
        await servers.deprovision(NAME, secrets, data=True)


@pytest.mark.slow
async def test_streams_that_were_emptied_under_a_running_server_are_made_again(
    own: OwnServers, spec: TenantSpec
) -> None:
    secrets = keyring()
    async with opened(own.access) as (servers, changes):
        found = await servers.ensure(NAME, "small", secrets)
        await servers.publish(wanted := build_record(found.provisioned, spec, secrets, phase="Ready"))
        administrator = nats_claims.administrator()
        platform = own.access.secrets.platform_seed
        async with nats_connection.connected(own.access.nats_url, platform, administrator, "test") as client:
            await client.jetstream().delete_stream(f"KV_{names.TENANTS_BUCKET}")
        await eventually(lambda: status.MESSAGING in changes, 20)
        await servers.publish_config(secrets, spec)
        await servers.publish(wanted)
        await told(own.access, wanted, secrets, spec)
        await servers.withdraw(NAME)
        await servers.deprovision(NAME, secrets, data=True)


@pytest.mark.slow
async def test_a_restart_without_a_loss_is_looked_at_again_and_nothing_is_written(own: OwnServers) -> None:
    secrets = keyring()
    async with opened(own.access) as (servers, changes):
        before = await servers.ensure(NAME, "small", secrets)
        await own.kill(*ALL)
        await own.start()
        await eventually(lambda: set(changes) == set(COMPONENT.values()) and not any(servers.health().values()), 30)
        after = await servers.ensure(NAME, "small", secrets)
        assert (after.problems, after.database_id) == ({}, before.database_id)
        await all_doors_open(after, own)
        await servers.deprovision(NAME, secrets, data=True)


async def test_a_look_at_what_is_well_asks_no_server(own: OwnServers, spec: TenantSpec) -> None:
    secrets = keyring()
    async with opened(own.access) as (servers, _):
        found = await servers.ensure(NAME, "small", secrets)
        wanted = build_record(found.provisioned, spec, secrets, phase="Ready")
        await servers.publish(wanted)
        await servers.publish_config(secrets, spec)
        before = await asked(own)
        for _ in range(20):
            assert await servers.ensure(NAME, "small", secrets) == found
            await servers.publish(wanted)
            await servers.publish_config(secrets, spec)
        assert (await asked(own))["connections"] == before["connections"]
        # Another plan, other secrets or other values are looked at at once.
        larger = await servers.ensure(NAME, "standard", secrets)
        assert larger.problems == {}
        assert await limit(own, secrets) == DEFAULT["standard"].database_connections
        other = spec.model_copy(update={"display_name": "Other"})
        await servers.publish_config(secrets, other)
        changed = build_record(larger.provisioned, other, secrets, phase="Sleeping")
        await servers.publish(changed)
        await told(own.access, changed, secrets, other)
        await servers.withdraw(NAME)
        await servers.publish(changed)
        await told(own.access, changed, secrets, other)
        await servers.withdraw(NAME)
        await servers.deprovision(NAME, secrets, data=True)


async def test_who_knows_nothing_looks_at_everything_and_writes_nothing(own: OwnServers, spec: TenantSpec) -> None:
    """As after a restart of the operator: PostgreSQL's own log and Redis' own counts say what was asked."""
    secrets = keyring().rotated(1)
    async with opened(own.access) as (servers, _):
        found = await servers.ensure(NAME, "small", secrets)
        await servers.publish(wanted := build_record(found.provisioned, spec, secrets, phase="Ready"))
        await servers.publish_config(secrets, spec)
    async with postgres(own) as admin, Redis.from_url(own.access.redis_url) as redis:
        await admin.execute("ALTER SYSTEM SET log_statement = 'all'")
        await admin.execute("SELECT pg_reload_conf()")
        await eventually(lambda: _setting(own, "log_statement", "all"))
        at, acl = own.log.stat().st_size, (own.servers.state / "valkey" / "users.acl").stat().st_mtime_ns
        streams = await configs(own.access, secrets)
        before = await acl_calls(redis)
        async with opened(own.access) as (servers, _):
            assert await servers.ensure(NAME, "small", secrets) == found
            servers.forget(NAME)
            # Looked at once more, the database from within, too.
            assert await servers.ensure(NAME, "small", secrets) == found
            await servers.publish(wanted)
            await servers.publish_config(secrets, spec)
            calls = await acl_calls(redis)
        logged = own.log.read_bytes()[at:].decode(errors="replace")
        await admin.execute("ALTER SYSTEM RESET log_statement")
        await admin.execute("SELECT pg_reload_conf()")
        assert (own.servers.state / "valkey" / "users.acl").stat().st_mtime_ns == acl
        assert await configs(own.access, secrets) == streams
        assert (
            {"SELECT"} <= set(re.findall(r"LOG:  (?:statement|execute [^:]*):\s*(\w+)", logged)) <= {"SELECT", "WITH"}
        )
        assert "rolpassword" in logged
        assert "has_schema_privilege" in logged
        assert {name for name in calls if calls[name] != before.get(name, 0)} == {"getuser", "users"}
        await servers_end(own.access, secrets)


async def test_many_at_once_are_made_over_few_connections(own: OwnServers) -> None:
    rings = {f"t-{number}": keyring() for number in range(12)}
    async with opened(own.access) as (servers, _), postgres(own) as admin:
        most = 0

        async def watch() -> None:
            nonlocal most
            while True:
                count = await admin.fetchval(
                    "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()"
                )
                most = max(most, count)
                await asyncio.sleep(0.01)

        watching = asyncio.create_task(watch())
        found = await asyncio.gather(*(servers.ensure(name, "small", ring) for name, ring in rings.items()))
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        assert [one.problems for one in found] == [{}] * len(rings)
        # Three of the server's, two into databases, the watch's; one that ends stands in the list for a moment.
        assert 1 <= most <= 8
        ended = await asyncio.gather(*(servers.deprovision(name, ring, data=True) for name, ring in rings.items()))
        assert ended == [{}] * len(rings)


async def test_rights_that_were_taken_inside_the_database_come_back_on_a_thorough_look(own: OwnServers) -> None:
    secrets = keyring()
    async with opened(own.access) as (servers, _):
        await servers.ensure(NAME, "small", secrets)
        async with postgres(own, secrets.database) as inside:
            await inside.execute(f'REVOKE USAGE ON SCHEMA public FROM "{secrets.app}"')
            servers.forget(NAME)
            await servers.ensure(NAME, "small", secrets)
            assert await inside.fetchval("SELECT has_schema_privilege($1, 'public', 'USAGE')", secrets.app)
        await servers.deprovision(NAME, secrets, data=True)


async def test_a_standing_connection_does_not_expire(own: OwnServers) -> None:
    """nats-py ends one for good when its user does, and a process may run for longer than any lifetime."""
    async with opened(own.access) as (servers, _):
        await eventually(lambda: servers.account)
        assert servers.account is not None
        told = json.loads((await servers.account.request("$SYS.REQ.USER.INFO", timeout=5)).data)
    assert told["data"]["account"] == nats_jwt.public_key(own.access.secrets.platform_seed)
    assert "expires" not in told["data"]


async def test_a_plan_nobody_has_is_said_to_be_so(own: OwnServers) -> None:
    async with opened(own.access) as (servers, _):
        with pytest.raises(UnknownPlan):
            await servers.ensure(NAME, "gold", keyring())


# --- looking ---------------------------------------------------------------------------------------------------------


async def all_doors_open(found: Ensured, own: OwnServers) -> None:
    files = found.provisioned.runtime_files
    app = await asyncpg.connect(files[names.DATABASE_URL_FILE])
    await app.close()
    async with Redis.from_url(files[names.REDIS_URL_FILE]) as redis:
        assert await redis.set(f"{found.provisioned.redis_prefix}x", 1)
    publish = found.provisioned.publish
    async with as_user(own.access, nats_jwt.credentials(publish.jwt, publish.seed)) as client:
        assert (await client.jetstream().publish(subjects.EVENTS, b"x")).stream == names.EVENTS_STREAM


@asynccontextmanager
async def as_user(access: Access, creds: str) -> AsyncIterator[Any]:
    from nats.aio.client import Client, RawCredentials

    client = Client()
    await client.connect(access.nats_url, user_credentials=RawCredentials(creds), allow_reconnect=False)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def postgres(own: OwnServers, database: str = "postgres") -> AsyncIterator[Any]:
    connection = await asyncpg.connect(own.access.postgres_url.rpartition("/")[0] + f"/{database}")
    try:
        yield connection
    finally:
        await connection.close()


async def told(access: Access, wanted: record.TenantRecord, secrets: TenantSecrets, spec: TenantSpec) -> None:
    """Gateway and runtime would read just this."""
    for seed, bucket, key, value in (
        (access.secrets.platform_seed, names.TENANTS_BUCKET, wanted.name, record.encode(wanted)),
        (
            secrets.account_seed,
            names.CONFIG_BUCKET,
            names.EFFECTIVE_CONFIG,
            record.encode(record.effective(spec, local=access.local)),
        ),
    ):
        async with nats_connection.connected(access.nats_url, seed, nats_claims.administrator(), "test") as client:
            assert (await (await client.jetstream().key_value(bucket)).get(key)).value == value


async def asked(own: OwnServers) -> dict[str, int]:
    """How many connections each server has seen that were not this question's, nor the watch's."""
    async with Redis.from_url(own.access.redis_url) as redis:
        redis_seen = (await redis.info("stats"))["total_connections_received"]
    async with postgres(own) as admin:
        sessions = await admin.fetchval("SELECT sum(sessions) FROM pg_stat_database WHERE datname <> 'postgres'")
    return {"redis": redis_seen, "connections": int(sessions or 0)}


async def limit(own: OwnServers, secrets: TenantSecrets) -> int:
    async with postgres(own) as admin:
        found: int = await admin.fetchval("SELECT rolconnlimit FROM pg_roles WHERE rolname = $1", secrets.app)
        return found


async def _setting(own: OwnServers, name: str, value: str) -> bool:
    async with postgres(own) as admin:
        return bool(await admin.fetchval("SELECT current_setting($1) = $2", name, value))


async def configs(access: Access, secrets: TenantSecrets) -> list[Any]:
    """What is kept of the account and its streams, with the numbers of their last writes."""
    administrator = nats_claims.administrator()
    async with nats_connection.connected(access.nats_url, secrets.account_seed, administrator, "test") as client:
        js = client.jetstream()
        streams = [(one.config, one.created, one.state.last_seq) for one in await js.streams_info()]
    from handrail_operator.provision import nats_accounts

    async with nats_connection.connected(access.nats_url, access.secrets.system_seed, administrator, "test") as system:
        return [*streams, await nats_accounts.current(system, secrets.account_seed)]


async def acl_calls(redis: Any) -> dict[str, int]:
    """Subcommand -> how often it was called."""
    stats = await redis.info("commandstats")
    return {name.partition("|")[2]: value["calls"] for name, value in stats.items() if name.startswith("cmdstat_acl|")}


async def servers_end(access: Access, secrets: TenantSecrets) -> None:
    async with opened(access) as (servers, _):
        await servers.withdraw(NAME)
        assert await servers.deprovision(NAME, secrets, data=True) == {}
