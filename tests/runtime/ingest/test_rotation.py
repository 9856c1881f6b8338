"""A tenant's credentials rotate under traffic: the next process has the new ones, and nothing is lost."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from nats.aio.client import Client, RawCredentials
from nats.errors import Error as NatsError

from handrail_contracts import subjects
from handrail_contracts.record import PublishCredentials
from handrail_operator.provision import nats_jwt
from handrail_operator.provision.servers import open_servers
from handrail_operator.provision.tenant import ProvisionedTenant

MakeWorld = Callable[..., Awaitable[Any]]


class Traffic:
    """Sends one event after another as a gateway does, with the credentials it was told last."""

    def __init__(self, url: str, credentials: PublishCredentials, make: Callable[[], bytes]) -> None:
        self.url, self.credentials, self._make = url, credentials, make
        self.acknowledged = 0
        self.refused = 0

    async def run(self) -> None:
        while True:
            used = self.credentials
            client = Client()
            try:
                creds = RawCredentials(nats_jwt.credentials(used.jwt, used.seed))
                await client.connect(self.url, user_credentials=creds, allow_reconnect=False)
                while used is self.credentials:
                    message = self._make()
                    await client.jetstream(timeout=10).publish(subjects.EVENTS, message)
                    self.acknowledged += 1
                    await asyncio.sleep(0.01)
            except (NatsError, OSError):
                self.refused += 1
                await asyncio.sleep(0.05)
            finally:
                await client.close()


@pytest.mark.slow
async def test_no_event_is_lost_while_credentials_change(
    make_world: MakeWorld, person: Any, frame: Any, until: Any, tmp_path: Path
) -> None:
    world = await make_world(ack_wait=5)
    tenant = world.tenant
    anna = person("anna@example.test")
    old = await world.start()
    traffic = Traffic(world.servers.nats_url, tenant.record.publish, lambda: frame([anna.views("/p", after=0.01)]))
    sending = asyncio.create_task(traffic.run())
    try:
        async with open_servers(world.servers.access, on_change=lambda _: None) as servers:
            await until(lambda: _is(traffic.acknowledged > 20))
            rotated = tenant.keyring.rotated(int(time.time()))
            ensured = await servers.ensure(tenant.name, "small", rotated)
            assert ensured.problems == {}
            # As a rolling update: the new one is ready before the old one ends.
            new = await world.start(folder=_written(tmp_path / "rotated", ensured.provisioned))
            traffic.credentials = ensured.provisioned.publish
            assert await old.stop() == 0
            before = traffic.acknowledged
            await until(lambda: _is(traffic.acknowledged > before + 20))
            assert (await servers.ensure(tenant.name, "small", rotated.settled())).problems == {}
            before = traffic.acknowledged
            await until(lambda: _is(traffic.acknowledged > before + 20))
            assert await new.answers()
            assert traffic.refused == 0
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)

    admin = await _administrator(world)
    try:
        # One more may be on disk whose acknowledgement the sender did not wait for.
        async def stored() -> bool:
            return bool(await admin.fetchval("SELECT count(*) FROM events") >= traffic.acknowledged)

        await until(stored)
        assert await admin.fetchval("SELECT count(*) FROM events") <= traffic.acknowledged + 1
    finally:
        await admin.close()


async def _is(value: bool) -> bool:
    return value


async def _administrator(world: Any) -> Any:
    return await asyncpg.connect(world.servers.postgres_admin.rpartition("/")[0] + f"/{world.tenant.keyring.database}")


def _written(folder: Path, made: ProvisionedTenant) -> Path:
    folder.mkdir()
    for name, text in made.runtime_files.items():
        (folder / name).write_text(text)
    return folder
