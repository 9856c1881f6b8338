"""Others' servers before an installation: what will not do is said in one line that says what to do."""

from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import msgspec
import pytest
from redis.asyncio import Redis
from tests.conftest import RunningServers

from handrail_cli.embedded.ports import free_port
from handrail_contracts import names
from handrail_operator.chart_hooks import preflight
from handrail_operator.provision.keyring import PlatformSecrets

PATIENCE = 1.0


def held(secrets: PlatformSecrets) -> dict[str, str]:
    return {names.PLATFORM_FILE: msgspec.json.encode(secrets).decode()}


def folder(at: Path, **urls: str) -> Path:
    for name, url in urls.items():
        (at / name.replace("_", "-")).write_text(url + "\n")
    return at


async def complaints(
    servers: RunningServers,
    path: Path | None = None,
    nats: str = "",
    secrets: PlatformSecrets | None = None,
    ports: dict[str, int] | None = None,
) -> list[str]:
    addresses = {one.name: one.read_text() for one in path.iterdir()} if path else {}
    return await preflight.complaints(nats, addresses, ports or {}, held(secrets or servers.access.secrets), PATIENCE)


async def test_servers_that_will_do(servers: RunningServers, tmp_path: Path):
    path = folder(tmp_path, postgres_url=servers.postgres_admin, admin_redis_url=servers.redis_admin)
    assert await complaints(servers, path, servers.nats_url) == []


async def test_all_that_are_away_are_named_and_no_password_is(servers: RunningServers, tmp_path: Path):
    port = free_port()
    path = folder(
        tmp_path,
        postgres_url=f"postgresql://me:s3cret@127.0.0.1:{port}/postgres",
        admin_redis_url=f"redis://me:s3cret@127.0.0.1:{port}/0",
    )
    found = await complaints(servers, path, f"nats://127.0.0.1:{port}")
    assert [line.partition(" does not answer")[0] for line in found] == [
        f"NATS at 127.0.0.1:{port}",
        f"PostgreSQL at 127.0.0.1:{port}",
        f"Redis at 127.0.0.1:{port}",
    ]
    assert "s3cret" not in "".join(found)


async def test_a_nats_of_another_trust_chain(servers: RunningServers):
    found = await complaints(servers, nats=servers.nats_url, secrets=PlatformSecrets.new())
    assert len(found) == 1
    assert "does not know this platform: give its servers trust.conf of Secret handrail-nats" in found[0]


async def test_wrong_passwords(servers: RunningServers, tmp_path: Path):
    def wrong(url: str) -> str:
        parts = urlsplit(url)
        return parts._replace(netloc=f"{parts.username}:wrong@{parts.hostname}:{parts.port}").geturl()

    path = folder(tmp_path, postgres_url=wrong(servers.postgres_admin), admin_redis_url=wrong(servers.redis_admin))
    found = await complaints(servers, path)
    assert [line.partition(" refuses ")[2] for line in found] == [
        "the user or the password of postgres-url",
        "the user or the password of admin-redis-url",
    ]


async def test_a_postgres_user_without_rights(servers: RunningServers, tmp_path: Path):
    admin = await asyncpg.connect(servers.postgres_admin)
    try:
        await admin.execute("CREATE ROLE preflight_guest LOGIN PASSWORD 'guest'")
        parts = urlsplit(servers.postgres_admin)
        guest = parts._replace(netloc=f"preflight_guest:guest@{parts.hostname}:{parts.port}").geturl()
        # The server's databases are closed to everybody who was not let in.
        await admin.execute("GRANT CONNECT ON DATABASE postgres TO preflight_guest")
        found = await complaints(servers, folder(tmp_path, postgres_url=guest))
        assert "ALTER ROLE preflight_guest CREATEDB CREATEROLE" in found[0]
        await admin.execute("ALTER ROLE preflight_guest CREATEDB CREATEROLE NOINHERIT")
        found = await complaints(servers, tmp_path)
        assert "ALTER ROLE preflight_guest INHERIT" in found[0]
        await admin.execute("ALTER ROLE preflight_guest INHERIT")
        await admin.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        found = await complaints(servers, tmp_path)
        assert "GRANT EXECUTE ON FUNCTION pg_control_system() TO preflight_guest" in found[0]
        await admin.execute("GRANT EXECUTE ON FUNCTION pg_control_system() TO preflight_guest")
        assert await complaints(servers, tmp_path) == []
    finally:
        await admin.execute("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")
        await admin.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM preflight_guest")
        await admin.execute("REVOKE CONNECT ON DATABASE postgres FROM preflight_guest")
        await admin.execute("DROP ROLE preflight_guest")
        await admin.close()


async def test_a_redis_user_without_rights(servers: RunningServers, tmp_path: Path):
    admin = Redis.from_url(servers.redis_admin)
    try:
        await admin.execute_command("ACL", "SETUSER", "preflight-guest", "on", ">guest", "~*", "+@all", "-acl")
        parts = urlsplit(servers.redis_admin)
        guest = parts._replace(netloc=f"preflight-guest:guest@{parts.hostname}:{parts.port}").geturl()
        found = await complaints(servers, folder(tmp_path, admin_redis_url=guest))
        assert "does not let this user manage users" in found[0]
    finally:
        await admin.execute_command("ACL", "DELUSER", "preflight-guest")
        await admin.aclose()


@pytest.mark.parametrize("url", ["", "not an address", "postgresql://me:s3cret@[half/postgres"])
async def test_addresses_that_are_none(servers: RunningServers, tmp_path: Path, url: str):
    found = await complaints(servers, folder(tmp_path, postgres_url=url, admin_redis_url=url))
    assert len(found) == 2
    assert "s3cret" not in "".join(found)


async def test_a_port_that_no_policy_opens(servers: RunningServers, tmp_path: Path):
    path = folder(
        tmp_path,
        postgres_url=servers.postgres_admin,
        admin_redis_url="redis://me:s3cret@redis.example.com/0",
        smtp_url="smtp+starttls://me:s3cret@mail.example.com:2525",
    )
    ports = {names.POSTGRES_URL_FILE: 5432, names.ADMIN_REDIS_URL_FILE: 6380, names.SMTP_URL_FILE: 587}
    port = urlsplit(servers.postgres_admin).port
    found = await complaints(servers, path, ports=ports)
    assert found == [
        (
            f"PostgreSQL at 127.0.0.1:{port} listens on port {port}, and NetworkPolicies open 5432: "
            f"set postgres.port to {port}"
        ),
        "Redis at redis.example.com listens on port 6379, and NetworkPolicies open 6380: set redis.port to 6379",
        (
            "the mail server at mail.example.com:2525 listens on port 2525, and NetworkPolicies open 587: "
            "set mail.port to 2525"
        ),
    ]


async def test_a_mail_server_by_its_schemes_own_port_is_not_asked(servers: RunningServers, tmp_path: Path):
    path = folder(tmp_path, smtp_url="smtps://me:s3cret@mail.example.com")
    assert await complaints(servers, path, ports={names.SMTP_URL_FILE: 465}) == []
