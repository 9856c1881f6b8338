"""Whose events are taken: keys, origins, tokens, limits."""

from typing import Any

import msgspec


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
    in_body = body | {"api_key": make.another_key(tenant.keys["publishable"])}
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
