"""Many tenants at once on the servers of `handrail up`: nothing that each reserves is a bound on how many there are."""

from typing import Any

import pytest

from handrail_contracts import names
from handrail_operator.provision import nats_claims, nats_connection


@pytest.mark.slow
async def test_twenty_tenants_have_their_streams_at_once(make_tenant: Any, servers: Any) -> None:
    tenants = [await make_tenant(migrate=False) for _ in range(20)]
    for tenant in tenants:
        seed = tenant.keyring.account_seed
        async with nats_connection.connected(servers.nats_url, seed, nats_claims.administrator(), "test") as client:
            stream = await client.jetstream().stream_info(names.EVENTS_STREAM)
            assert stream.state.messages == 0
