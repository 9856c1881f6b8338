"""Tenant A's real credentials at B's doors."""

import asyncpg
import nats
import nats.errors
import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from handrail_contracts import names


async def test_the_database_of_another_tenant_is_closed(make_tenant):
    a, b = await make_tenant(migrate=False), await make_tenant(migrate=False)
    own = await asyncpg.connect(a.text(names.DATABASE_URL_FILE))
    assert await own.fetchval("SELECT current_database()") == a.keyring.database
    await own.close()
    foreign = a.text(names.DATABASE_URL_FILE).replace(a.keyring.database + "?", "").rsplit("/", 1)[0]
    for database in (b.keyring.database, "postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(f"{foreign}/{database}")
    owner = a.provisioned.owner_files[names.OWNER_DATABASE_URL_FILE].rsplit("/", 1)[0]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(f"{owner}/{b.keyring.database}")
