"""`POST /api/v1/events`: what is taken, what is refused and why, and that 202 means on disk."""

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from handrail_contracts import times, traces


@pytest.fixture(params=[False, True], ids=["below_asgi", "asgi"])
def chunked(request: pytest.FixtureRequest) -> bool:
    """Both ways that a batch can go give the same answers."""
    return bool(request.param)


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


def _one(make: Any, **change: Any) -> dict[str, Any]:
    return {"events": [make.event("anon-00000000-0000-4000-8000-000000000001") | change]}


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


LATE = datetime(2101, 1, 1, tzinfo=UTC).isoformat()
WRONG_FIELDS: list[tuple[dict[str, Any], list[str | int]]] = [
    ({"event_id": "no"}, ["events", 0, "event_id"]),
    ({"event_id": "3f0e7f3a-1f0c-4f0e-9d6a-0123456789ab"}, ["events", 0, "event_id"]),
    ({"event_id": 7}, ["events", 0, "event_id"]),
    ({"event_type": "Page View"}, ["events", 0, "event_type"]),
    ({"event_type": ""}, ["events", 0, "event_type"]),
    ({"user_id": ""}, ["events", 0, "user_id"]),
    ({"user_id": "x" * 201}, ["events", 0, "user_id"]),
    ({"user_id": "."}, ["events", 0, "user_id"]),
    ({"user_id": ".."}, ["events", 0, "user_id"]),
    ({"user_id": "a\0b"}, ["events", 0, "user_id"]),
    ({"user_id": 5}, ["events", 0, "user_id"]),
    ({"session_id": ""}, ["events", 0, "session_id"]),
    ({"session_id": ".."}, ["events", 0, "session_id"]),
    ({"timestamp": "yesterday"}, ["events", 0, "timestamp"]),
    ({"timestamp": "2026-01-01T00:00:00"}, ["events", 0, "timestamp"]),
    ({"timestamp": 1_700_000_000}, ["events", 0, "timestamp"]),
    ({"timestamp": "1969-12-31T23:59:59Z"}, ["events", 0, "timestamp"]),
    ({"timestamp": LATE}, ["events", 0, "timestamp"]),
    ({"url": "x" * 8193}, ["events", 0, "url"]),
    ({"url": None}, ["events", 0, "url"]),
    ({"target_element": "button"}, ["events", 0, "target_element"]),
    ({"target_element": {"selector": 1}}, ["events", 0, "target_element", "selector"]),
    ({"target_element": {"tag": "x" * 101}}, ["events", 0, "target_element", "tag"]),
    ({"target_element": {"role": "x" * 101}}, ["events", 0, "target_element", "role"]),
    ({"target_element": {"name": "x" * 201}}, ["events", 0, "target_element", "name"]),
    ({"properties": []}, ["events", 0, "properties"]),
    ({"properties": {"a": "x" * 16_400}}, ["events", 0, "properties"]),
    ({"properties": _nested(9)}, ["events", 0, "properties"]),
    ({"properties": {"a": ["\0"]}}, ["events", 0, "properties"]),
]


async def test_wrong_fields_are_named(running: Any, tenant: Any, make: Any) -> None:
    for change, loc in WRONG_FIELDS:
        answer = await running.post_events(tenant, _one(make, **change))
        body = answer.json()
        assert (answer.status_code, body["code"]) == (422, "invalid"), change
        assert loc in [item["loc"] for item in body["errors"]], change
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["access-control-allow-origin"] == "*"


WRONG_BODIES: list[tuple[bytes, list[str | int]]] = [
    (b"", []),
    (b"[]", []),
    (b"null", []),
    (b"{", []),
    (b"{}", ["events"]),
    (b'{"events": []}', ["events"]),
    (b'{"events": {}}', ["events"]),
    (b"\xff\xfe", []),
    (b'{"events": [' + b"[" * 5000, []),
    (b'{"events": [], "context": {"time_zone": 1}}', ["context", "time_zone"]),
    (b'{"events": [], "context": {"locale": "' + b"x" * 65 + b'"}}', ["context", "locale"]),
    (b'{"events": [], "context": {"simulated": "yes"}}', ["context", "simulated"]),
    (b'{"events": [], "sent_at": "now"}', ["sent_at"]),
    (b'{"events": [], "sdk_version": 1}', ["sdk_version"]),
    (b'{"events": [], "token": 1}', ["token"]),
    (b'{"events": [], "api_key": 1}', ["api_key"]),
    (b'{"events": [], "sdk_version": "\\ud800"}', ["sdk_version"]),
]


async def test_wrong_bodies_are_refused(running: Any, tenant: Any) -> None:
    for body, loc in WRONG_BODIES:
        answer = await running.post_events(tenant, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), body
        assert loc in [item["loc"] for item in answer.json()["errors"]], body


async def test_the_rest_of_a_bad_batch_can_be_sent(running: Any, tenant: Any, make: Any) -> None:
    body = make.batch(count=5)
    body["events"][3]["timestamp"] = "never"
    body["events"][4]["user_id"] = "another"
    answer = await running.post_events(tenant, body)
    bad = {item["loc"][1] for item in answer.json()["errors"]}
    assert (answer.status_code, 3 in bad) == (422, True)
    del body["events"][3:]
    assert (await running.post_events(tenant, body)).json() == {"accepted": 3}


async def test_too_many_events_and_two_users(running: Any, tenant: Any, make: Any) -> None:
    answer = await running.post_events(tenant, make.batch(count=501))
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["events"])
    body = make.batch(count=2)
    body["events"][1]["user_id"] = make.anonymous()
    answer = await running.post_events(tenant, body)
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["events", 1, "user_id"])


async def test_sizes(running: Any, tenant: Any, make: Any) -> None:
    padding = b" " * (512 * 1024)
    fits = msgspec.json.encode(make.batch())
    fits += b" " * (512 * 1024 - len(fits))
    assert (await running.post_events(tenant, fits)).status_code == 202
    for content, more in (
        (fits + b" ", {}),
        (gzip.compress(fits + b" "), {"Content_Encoding": "gzip"}),
        (gzip.compress(padding * 200), {"Content_Encoding": "gzip"}),
        (gzip.compress(padding) * 3, {"Content_Encoding": "gzip"}),
    ):
        answer = await running.post_events(tenant, content, **more)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert answer.headers["access-control-allow-origin"] == "*"

    async def chunks() -> Any:
        for _ in range(3):
            yield padding

    headers = {"X-API-Key": tenant.keys["publishable"], "Content-Type": "application/json"}
    answer = await running.client.post("/api/v1/events", content=chunks(), headers=headers)
    assert answer.status_code == 413


async def test_bad_gzip(running: Any, tenant: Any) -> None:
    for content in (b"", b"no gzip", gzip.compress(b"{}")[:-6], gzip.compress(b"{}") + b"rest"):
        answer = await running.post_events(tenant, content, Content_Encoding="gzip")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_media_types(running: Any, tenant: Any, make: Any) -> None:
    wrong: list[dict[str, str]] = [
        {"Content-Type": "application/xml"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=latin1"},
        {"Content-Type": ""},
        {"Content-Type": "application/json", "Content-Encoding": "br"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip, gzip"},
    ]
    content = msgspec.json.encode(make.batch())
    for headers in wrong:
        sent = {"X-API-Key": tenant.keys["publishable"]} | headers
        answer = await running.client.post("/api/v1/events", content=content, headers=sent)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type"), headers


async def test_keys_and_origins(running: Any, tenant: Any, make: Any) -> None:
    body = make.batch()
    url, secret = "/api/v1/events", tenant.keys["secret"]
    cases: list[tuple[dict[str, str], int, str]] = [
        ({}, 401, "key_missing"),
        ({"X-API-Key": ""}, 401, "key_missing"),
        ({"X-API-Key": "nonsense"}, 401, "key_unknown"),
        ({"X-API-Key": tenant.keys["publishable"][:-1] + "!"}, 401, "key_unknown"),
        ({"X-API-Key": "sk" + tenant.keys["publishable"][2:]}, 401, "key_unknown"),
        ({"X-API-Key": tenant.keys["publishable"], "Origin": "https://evil.test"}, 403, "origin"),
        ({"X-API-Key": tenant.keys["publishable"], "Origin": "null"}, 403, "origin"),
        ({"X-API-Key": tenant.keys["publishable"], "Origin": make.origin + "."}, 403, "origin"),
        ({"X-API-Key": tenant.keys["publishable"], "Origin": "*"}, 403, "origin"),
        ({"X-API-Key": secret, "Origin": make.origin}, 403, "origin"),
    ]
    for headers, status, code in cases:
        answer = await running.client.post(url, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code), headers
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert (await running.client.post(url, json=body, headers={"X-API-Key": secret})).status_code == 202
    in_body = body | {"api_key": tenant.keys["publishable"][:-1] + "0"}
    assert (await running.client.post(url, json=in_body)).status_code == 401


async def test_star_origin_counts_in_local_mode_alone(
    running: Any, make_tenant: Any, make: Any, write_record: Any
) -> None:
    tenant = await make_tenant(spec={"origins": ["*"]}, migrate=False)
    await running.knows(tenant)
    for origin in ("https://anything.test", "null"):
        assert (await running.post_events(tenant, make.batch(), Origin=origin)).status_code == 202
    record = msgspec.structs.replace(tenant.record, local=False)
    await write_record(record)
    await running.until(lambda: not running.gateway.directory.get(tenant.name).record.local)
    for origin in ("https://anything.test", "null", "*"):
        assert (await running.post_events(tenant, make.batch(), Origin=origin)).status_code == 403
    assert (await running.post_events(tenant, make.batch())).status_code == 202


async def test_named_users_need_their_token(running: Any, tenant: Any, make: Any, stored: Any) -> None:
    token = await running.token(tenant, "alice")
    other = await running.token(tenant, "bob")
    anonymous = make.anonymous()
    anonymous_token = await running.token(tenant, anonymous)
    refused: list[tuple[dict[str, Any], str]] = [
        (make.batch("alice"), "identity_required"),
        (make.batch("anon-not-a-uuid"), "identity_required"),
        (make.batch(anonymous.upper()), "identity_required"),
        (make.batch("alice", token="nonsense"), "identity_invalid"),
        (make.batch("alice", token=other), "identity_invalid"),
        (make.batch("alice", token=make.identity_token(tenant, "alice")), "identity_invalid"),
    ]
    for body, code in refused:
        answer = await running.post_events(tenant, body)
        assert (answer.status_code, answer.json()["code"]) == (403, code), body
    for body in (
        make.batch("alice", token=token),
        make.batch(anonymous, token=anonymous_token),
        make.batch(anonymous, token=token),
    ):
        assert (await running.post_events(tenant, body)).status_code == 202
    assert [found.meta.verified for found in await stored(tenant, 3)] == [True, True, False]


async def test_unenforced_identity(running: Any, make_tenant: Any, make: Any, stored: Any) -> None:
    tenant = await make_tenant(spec={"identity": {"enforce": False}}, migrate=False)
    await running.knows(tenant)
    assert (await running.post_events(tenant, make.batch("alice"))).status_code == 202
    assert [found.meta.verified for found in await stored(tenant, 1)] == [False]


async def test_another_tenants_token_is_refused(running: Any, tenant: Any, make_tenant: Any, make: Any) -> None:
    other = await make_tenant(migrate=False)
    await running.knows(other)
    token = await running.token(other, "alice")
    answer = await running.post_events(tenant, make.batch("alice", token=token))
    assert (answer.status_code, answer.json()["code"]) == (403, "identity_invalid")


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


async def test_limits_count_by_key_and_address(
    start_gateway: Any, make_tenant: Any, make: Any, write_record: Any
) -> None:
    running = await start_gateway(trusted_proxies="127.0.0.1/32, 10.0.0.0/8")
    tenant = await make_tenant(migrate=False)
    limits = msgspec.structs.replace(tenant.record.limits, requests_per_minute=1)
    await write_record(msgspec.structs.replace(tenant.record, limits=limits))
    await running.until(lambda: (t := running.gateway.directory.get(tenant.name)) and t.record.limits == limits)

    async def post(forwarded: str) -> Any:
        return await running.post_events(tenant, make.batch(), X_Forwarded_For=forwarded)

    for _ in range(20):
        assert (await post("203.0.113.9, 10.1.2.3")).status_code == 202
    answer = await post("203.0.113.9, 10.1.2.3")
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert "retry-after" in answer.headers["access-control-expose-headers"].lower()
    # What the client itself wrote before the proxies' own entries is not believed.
    assert (await post("198.51.100.1, 203.0.113.9, 10.1.2.3")).status_code == 429
    assert (await post("198.51.100.1")).status_code == 202


async def test_a_tenants_events_are_limited(running: Any, make_tenant: Any, make: Any, write_record: Any) -> None:
    tenant = await make_tenant(migrate=False)
    limits = msgspec.structs.replace(tenant.record.limits, events_per_second=10)
    await write_record(msgspec.structs.replace(tenant.record, limits=limits))
    await running.until(lambda: (t := running.gateway.directory.get(tenant.name)) and t.record.limits == limits)
    assert (await running.post_events(tenant, make.batch(count=500))).status_code == 202
    answer = await running.post_events(tenant, make.batch(count=500))
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 30


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


async def test_a_tenant_without_credentials_yet(running: Any, make_tenant: Any, make: Any, write_record: Any) -> None:
    tenant = await make_tenant(migrate=False)
    await write_record(msgspec.structs.replace(tenant.record, publish=None))
    await running.until(
        lambda: (t := running.gateway.directory.get(tenant.name)) is not None and t.record.publish is None
    )
    answer = await running.post_events(tenant, make.batch())
    assert (answer.status_code, answer.json()["code"], "retry-after" in answer.headers) == (503, "unavailable", True)


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
