"""The migrated database is what the tables say, and the application's role can use it and not change it."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from langgraph.checkpoint.postgres import PostgresSaver
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from handrail_contracts import names
from handrail_runtime.data.migrate import MigrationError, migrate
from handrail_runtime.data.tables import metadata

pytestmark = pytest.mark.slow

CHECKPOINTS = {"checkpoint_migrations", "checkpoints", "checkpoint_blobs", "checkpoint_writes"}
MakeTenant = Callable[..., Awaitable[Any]]


def _owner_url(tenant: Any) -> str:
    return str((tenant.owner_secrets / names.OWNER_DATABASE_URL_FILE).read_text().strip())


def _ours(_object: object, name: str | None, kind: str, *_rest: object) -> bool:
    return not (kind == "table" and name in CHECKPOINTS)


async def test_the_database_is_what_the_tables_say(make_tenant: MakeTenant) -> None:
    tenant = await make_tenant(migrate=False)
    url = _owner_url(tenant)
    # Several replicas may start at once, after a checkpointer's table or before.
    await asyncio.gather(*(asyncio.to_thread(migrate, url) for _ in range(3)))
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=NullPool)

    def compare(connection: Connection) -> tuple[list[Any], set[str], int]:
        context = MigrationContext.configure(
            connection, opts={"include_object": _ours, "compare_server_default": False}
        )
        differences = compare_metadata(context, metadata)
        tables = set(connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")))
        return differences, tables, connection.scalar(text("SELECT max(v) FROM checkpoint_migrations")) or 0

    with engine.connect() as connection:
        differences, tables, checkpoint_version = compare(connection)
    assert differences == []
    assert tables == set(metadata.tables) | CHECKPOINTS | {"alembic_version"}
    assert checkpoint_version == len(PostgresSaver.MIGRATIONS) - 1


async def test_the_application_uses_every_table_and_makes_none(make_tenant: MakeTenant) -> None:
    tenant = await make_tenant()
    app = await asyncpg.connect(tenant.text(names.DATABASE_URL_FILE).strip())
    try:
        for table in sorted(set(metadata.tables) | CHECKPOINTS):
            await app.execute(f'SELECT * FROM "{table}" LIMIT 1')
            for right in ("INSERT", "UPDATE", "DELETE"):
                assert await app.fetchval("SELECT has_table_privilege($1, $2)", table, right), (table, right)
        for statement in ("CREATE TABLE mine (a int)", "DROP TABLE events", "ALTER TABLE events ADD a int"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(statement)
    finally:
        await app.close()


async def test_a_database_of_a_newer_version_is_left_alone(make_tenant: MakeTenant) -> None:
    tenant = await make_tenant()
    owner = await asyncpg.connect(_owner_url(tenant))
    try:
        await owner.execute("UPDATE alembic_version SET version_num = '9999'")
    finally:
        await owner.close()
    with pytest.raises(MigrationError, match=r"newer version \(9999\)"):
        await asyncio.to_thread(migrate, _owner_url(tenant))
    code, output = await _migrate(tenant.name, tenant.owner_secrets)
    assert code == 1
    assert "newer version" in output
    assert "Traceback" not in output


async def test_an_unreachable_database_is_a_sentence_without_the_password(tmp_path: Path) -> None:
    (tmp_path / names.OWNER_DATABASE_URL_FILE).write_text("postgresql://owner:open-sesame@127.0.0.1:1/db")
    code, output = await _migrate("acme", tmp_path)
    assert code == 1
    assert "could not be migrated" in output
    assert "open-sesame" not in output
    assert "Traceback" not in output


async def _migrate(tenant: str, secrets: Path) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "handrail_runtime", "migrate",
        env=os.environ | {"HANDRAIL_TENANT": tenant, "HANDRAIL_SECRETS": str(secrets)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode, output.decode()
