"""A probe says where events stop. That one gets through is `tests/runtime/ingest/test_probe.py`."""

import dataclasses
from typing import Any

import pytest

from handrail_cli.embedded.ports import free_port
from handrail_contracts import names, status, subjects
from handrail_operator.errors import ServerUnavailable
from handrail_operator.provision.probe import NotTaken, StreamMissing, probe
from handrail_operator.provision.servers import open_servers
from handrail_operator.provision.tenant import inside


async def test_a_probe_that_nobody_takes_is_told_and_does_not_stay(make_tenant: Any, servers: Any) -> None:
    tenant = await make_tenant(migrate=False)
    async with inside(servers.access, tenant.keyring) as client:
        js = client.jetstream()
        with pytest.raises(NotTaken, match=r"ingest did not take it within 0\.2 s$"):
            await probe(servers.access, tenant.keyring, 0.2)
        assert (await js.stream_info(names.EVENTS_STREAM)).state.messages == 0
        for _ in range(2):
            await js.publish(subjects.EVENTS, b"x")
        # In the same words, whatever waits before it: a status that says the same is not written again.
        with pytest.raises(NotTaken, match=r"ingest did not take it within 0\.2 s$"):
            await probe(servers.access, tenant.keyring, 0.2)
        assert (await js.stream_info(names.EVENTS_STREAM)).state.messages == 2


async def test_a_stream_that_is_missing_is_told(make_tenant: Any, servers: Any) -> None:
    tenant = await make_tenant(migrate=False)
    async with inside(servers.access, tenant.keyring) as client:
        await client.jetstream().delete_stream(names.EVENTS_STREAM)
    async with open_servers(servers.access, on_change=lambda _: None) as opened:
        with pytest.raises(StreamMissing, match=r"EVENTS"):
            await opened.probe(tenant.keyring)
        assert opened.health()[status.MESSAGING] is None


async def test_nats_that_is_away_is_told(make_tenant: Any, servers: Any) -> None:
    tenant = await make_tenant(migrate=False)
    away = dataclasses.replace(servers.access, nats_url=f"nats://127.0.0.1:{free_port(set())}")
    async with open_servers(away, on_change=lambda _: None) as opened:
        with pytest.raises(ServerUnavailable, match=r"NATS at 127\.0\.0\.1:\d+ cannot be reached"):
            await opened.probe(tenant.keyring)
        with pytest.raises(ServerUnavailable, match=r"NATS"):
            await opened.publish(tenant.record)
