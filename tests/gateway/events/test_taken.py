"""What is taken goes to the stream as it came, and 202 means on disk; what the stream cannot take is said."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from handrail_contracts import times, traces


async def test_a_batch_is_stored_as_it_came(running: Any, tenant: Any, make: Any, stored: Any) -> None:
    body = msgspec.json.encode(make.batch(count=3, sdk_version="0.1.0", unknown_field=1))
    answer = await running.post_events(tenant, body, X_Request_ID="abc-123", Origin=make.origin)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 3})
    assert answer.headers["x-request-id"] == "abc-123"
    assert answer.headers["access-control-allow-origin"] == "*"
    [found] = await stored(tenant, 1)
    assert found.body == body
    assert found.meta.request_id == "abc-123"
    assert found.meta.verified is False
    assert abs(found.meta.skew) < 1_000_000
    assert abs(times.from_micros(found.meta.received_at) - datetime.now(UTC)) < timedelta(seconds=10)


async def test_gzip_and_text_plain_and_key_in_the_body(running: Any, tenant: Any, make: Any, stored: Any) -> None:
    plain = msgspec.json.encode(make.batch(api_key=tenant.keys["publishable"]))
    headers = {"Content-Type": "text/plain;charset=UTF-8"}
    answer = await running.client.post("/api/v1/events", content=plain, headers=headers)
    assert answer.status_code == 202
    zipped = gzip.compress(msgspec.json.encode(make.batch(count=500)))
    answer = await running.post_events(tenant, zipped, Content_Encoding="gzip")
    assert answer.json() == {"accepted": 500}
    two_members = msgspec.json.encode(make.batch())
    halves = gzip.compress(two_members[:20]) + gzip.compress(two_members[20:])
    assert (await running.post_events(tenant, halves, Content_Encoding="gzip")).status_code == 202
    assert len(await stored(tenant, 3)) == 3


async def test_a_trace_goes_with_its_batch(running: Any, tenant: Any, make: Any, stored: Any) -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    for given in (parent, "", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", parent + "-x", parent.upper()):
        assert (await running.post_events(tenant, make.batch(), traceparent=given)).status_code == 202
    found = [batch.meta.traceparent for batch in await stored(tenant, 5)]
    assert found[0] == parent
    assert all(traces.is_traceparent(text) for text in found)
    assert len({traces.trace_id(text) for text in found}) == 5


async def test_the_clock_of_the_browser_is_measured(running: Any, tenant: Any, make: Any, stored: Any) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=3)
    body = make.batch() | {"sent_at": ahead.isoformat()}
    assert (await running.post_events(tenant, body)).status_code == 202
    [found] = await stored(tenant, 1)
    assert abs(found.meta.skew / 1e6 + 3 * 3600) < 10


async def test_batches_that_arrive_together_share_a_publish(running: Any, tenant: Any, make: Any, stored: Any) -> None:
    answers = await asyncio.gather(*(running.post_events(tenant, make.batch()) for _ in range(60)))
    assert {answer.status_code for answer in answers} == {202}
    registry = running.gateway.metrics.registry
    publishes = registry.get_sample_value("handrail_gateway_publish_group_batches_count")
    joined = registry.get_sample_value("handrail_gateway_publish_group_batches_sum")
    assert joined == 60
    assert publishes < 50
    assert registry.get_sample_value("handrail_gateway_publish_queue_bytes") == 0
    assert len(await stored(tenant, 60)) == 60


async def test_groups_stay_below_the_servers_largest_message(running: Any, tenant: Any, make: Any, stored: Any) -> None:
    bodies = [msgspec.json.encode(make.batch()).ljust(500 * 1024) for _ in range(12)]
    answers = await asyncio.gather(*(running.post_events(tenant, body) for body in bodies))
    assert {answer.status_code for answer in answers} == {202}
    assert len(await stored(tenant, 12)) == 12


async def test_a_full_stream_is_said(running: Any, make_tenant: Any, make: Any, platform: Any) -> None:
    from handrail_contracts import names
    from handrail_operator.provision import nats_claims, nats_connection

    tenant = await make_tenant(migrate=False)
    await running.knows(tenant)
    async with nats_connection.connected(
        platform.access.nats_url, tenant.keyring.account_seed, nats_claims.administrator(), "test"
    ) as client:
        js = client.jetstream()
        config = (await js.stream_info(names.EVENTS_STREAM)).config
        config.max_bytes = 20_000
        await js.update_stream(config)
        answers = [await running.post_events(tenant, make.batch(count=20)) for _ in range(6)]
        full = answers[-1]
        assert (full.status_code, full.json()["code"]) == (503, "stream_full")
        assert int(full.headers["retry-after"]) >= 1
        assert full.headers["access-control-allow-origin"] == "*"
        config.max_bytes = 1_000_000
        await js.update_stream(config)
        assert (await running.post_events(tenant, make.batch())).status_code == 202


async def test_what_was_not_acknowledged_may_be_stored(
    start_gateway: Any, make_tenant: Any, make: Any, stored: Any
) -> None:
    """The answer must not say that the events are lost."""
    running = await start_gateway(publish_timeout=1e-9)
    tenant = await make_tenant(migrate=False)
    await running.knows(tenant)
    answer = await running.post_events(tenant, make.batch())
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "may be stored" in answer.json()["detail"]
    assert len(await stored(tenant, 1)) == 1


async def test_a_tenant_without_credentials_yet(running: Any, make_tenant: Any, make: Any, write_record: Any) -> None:
    tenant = await make_tenant(migrate=False)
    await write_record(msgspec.structs.replace(tenant.record, publish=None))
    await running.until(
        lambda: (t := running.gateway.directory.get(tenant.name)) is not None and t.record.publish is None
    )
    answer = await running.post_events(tenant, make.batch())
    assert (answer.status_code, answer.json()["code"], "retry-after" in answer.headers) == (503, "unavailable", True)


async def test_credentials_that_change_while_a_body_comes(
    running: Any, make_tenant: Any, tenant: Any, make: Any, write_record: Any, stored: Any
) -> None:
    """The request was let in by the record before, whose credentials have ended when its body is there."""
    other = await make_tenant(migrate=False)
    assert tenant.record.publish is not None
    ended = msgspec.structs.replace(tenant.record.publish, seed=other.record.publish.seed)
    await write_record(msgspec.structs.replace(tenant.record, publish=ended))
    await running.until(lambda: running.gateway.directory.get(tenant.name).record.publish == ended)
    body = msgspec.json.encode(make.batch())

    async def slowly() -> AsyncIterator[bytes]:
        yield body[:9]
        await running.until(running.gateway.bus.waiting)
        await write_record(tenant.record)
        await running.until(lambda: running.gateway.directory.get(tenant.name).record.publish != ended)
        yield body[9:]

    headers = {"X-API-Key": tenant.keys["publishable"], "Content-Type": "application/json"}
    headers |= {} if running.chunked else {"Content-Length": str(len(body))}
    answer = await running.client.post("/api/v1/events", content=slowly(), headers=headers)
    assert (answer.status_code, answer.text) == (202, '{"accepted":1}')
    assert (await running.post_events(tenant, make.batch())).status_code == 202
    assert len(await stored(tenant, 2)) == 2


async def test_unknown_parts_of_other_versions_are_counted(running: Any, tenant: Any, make: Any) -> None:
    body = make.batch(sdk_version="99.0.0", extra=1)
    body["events"][0] |= {"event_type": "hologram", "more": 1}
    assert (await running.post_events(tenant, body)).status_code == 202
    own = make.batch(sdk_version="0.1.0", extra=1)
    assert (await running.post_events(tenant, own)).status_code == 202
    registry = running.gateway.metrics.registry
    name = "handrail_gateway_unknown_parts_total"
    assert registry.get_sample_value(name, {"kind": "field"}) == 2
    assert registry.get_sample_value(name, {"kind": "event_type"}) == 1


async def test_what_browsers_gave_up_is_counted(running: Any, tenant: Any, make: Any) -> None:
    for dropped in (0, 7, 5):
        body = make.batch(context={"dropped": dropped})
        assert (await running.post_events(tenant, body)).status_code == 202
    registry = running.gateway.metrics.registry
    name = "handrail_gateway_snippet_dropped_events_total"
    assert registry.get_sample_value(name, {"tenant": tenant.name}) == 12


async def test_idle_connections_are_closed_and_opened_again(start_gateway: Any, make_tenant: Any, make: Any) -> None:
    running = await start_gateway(idle_after=0.2)
    tenant = await make_tenant(migrate=False)
    await running.knows(tenant)
    name = "handrail_gateway_publish_connections"
    registry = running.gateway.metrics.registry
    for _ in range(2):
        assert (await running.post_events(tenant, make.batch())).status_code == 202
        await running.until(lambda: registry.get_sample_value(name) == 0)


async def test_other_methods(running: Any, tenant: Any) -> None:
    answer = await running.client.put("/api/v1/events", json={})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert answer.headers["access-control-allow-origin"] == "*"
    answer = await running.client.options(
        "/api/v1/events", headers={"Origin": "https://x.test", "Access-Control-Request-Method": "POST"}
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert int(answer.headers["access-control-max-age"]) > 0
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert {"content-type", "x-api-key", "content-encoding"} <= {part.strip() for part in allowed.split(",")}
    assert json.loads(json.dumps(dict(answer.headers)))["access-control-allow-origin"] == "*"
