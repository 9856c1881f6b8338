"""Who floods is slowed down; who does not is served on."""

import asyncio
import contextlib
from collections import Counter
from typing import Any

import msgspec
import pytest


@pytest.fixture
def limit(running: Any, write_record: Any) -> Any:
    """`await limit(tenant, sockets=3)`: the tenant's plan says so, and the gateway knows."""

    async def change(tenant: Any, **limits: int) -> None:
        wanted = msgspec.structs.replace(tenant.record.limits, **limits)
        await write_record(msgspec.structs.replace(tenant.record, limits=wanted))
        await running.until(
            lambda: (t := running.gateway.directory.get(tenant.name)) is not None and t.record.limits == wanted
        )

    return change


def _limited(running: Any, limit: str) -> float:
    name = "handrail_gateway_limited_requests_total"
    return float(running.gateway.metrics.registry.get_sample_value(name, {"limit": limit}) or 0)


async def test_who_tries_keys_is_slowed_down_and_a_good_key_passes(running: Any, tenant: Any, make: Any) -> None:
    wrong = "/api/v1/users"
    statuses = [
        (await running.client.get(wrong, headers={"X-API-Key": f"sk_{number:08}_x"})).status_code
        for number in range(70)
    ]
    assert statuses[:60] == [401] * 60
    assert statuses.count(429) >= 1
    answer = await running.client.post("/api/v1/events", json=make.batch())
    assert answer.status_code in (401, 429)
    assert (await running.post_events(tenant, make.batch())).status_code == 202
    assert _limited(running, "stranger") >= 1


async def test_a_key_has_a_rate_over_all_addresses(
    start_gateway: Any, make_tenant: Any, make: Any, write_record: Any
) -> None:
    running = await start_gateway(trusted_proxies="127.0.0.1/32")
    tenant = await make_tenant(migrate=False)
    limits = msgspec.structs.replace(tenant.record.limits, key_requests_per_minute=1)
    await write_record(msgspec.structs.replace(tenant.record, limits=limits))
    await running.until(lambda: (t := running.gateway.directory.get(tenant.name)) and t.record.limits == limits)

    async def config(number: int) -> Any:
        headers = {"X-Forwarded-For": f"203.0.{number // 250}.{number % 250}"}
        return await running.client.get(f"/sdk/v1/config?key={tenant.keys['publishable']}", headers=headers)

    assert {(await config(number)).status_code for number in range(200)} == {200}
    refused = await config(201)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert int(refused.headers["retry-after"]) >= 1
    # The other key of the same tenant has a rate of its own.
    assert (await running.client.get("/api/v1/config", headers={"X-API-Key": tenant.keys["secret"]})).status_code == 200


async def test_one_address_brings_so_many_new_users_and_known_ones_pass(
    running: Any, tenant: Any, make: Any, limit: Any
) -> None:
    await limit(tenant, new_users_per_minute=1)
    first = make.anonymous()
    assert (await running.post_events(tenant, make.batch(first))).status_code == 202
    token = await running.token(tenant, "named")
    fresh = [await running.identify(tenant, {"user_id": make.anonymous()}) for _ in range(99)]
    assert {answer.status_code for answer in fresh} == {200}
    for answer in (
        await running.identify(tenant, {"user_id": make.anonymous()}),
        await running.post_events(tenant, make.batch()),
    ):
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["access-control-allow-origin"] == "*"
    assert _limited(running, "new_user") == 2
    # Seen before; proven, though new; and with a token of ours.
    assert (await running.post_events(tenant, make.batch(first))).status_code == 202
    assert (await running.post_events(tenant, make.batch("named", token=token))).status_code == 202
    assert await running.token(tenant, "another name")


async def _read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[bytes, bytes]]:
    head = await reader.readuntil(b"\r\n\r\n")
    status, *lines = head.strip().split(b"\r\n")
    headers = {name: value for name, _, value in (line.partition(b": ") for line in lines)}
    await reader.readexactly(int(headers[b"content-length"]))
    return int(status.split()[1]), headers


async def test_a_tenants_flood_leaves_others_their_share(
    start_gateway: Any, make_tenant: Any, make: Any, write_record: Any
) -> None:
    # A hundred in work at once: one tenant alone gets fifty.
    # Patient: all of them share one event loop here, which the connection to NATS waits for, too.
    running = await start_gateway(work_requests=100, connect_timeout=30, publish_timeout=30)
    flooding, quiet = await make_tenant(migrate=False), await make_tenant(migrate=False)
    # No other limit is in its way.
    limits = msgspec.structs.replace(flooding.record.limits, requests_per_minute=10**7, events_per_second=10**7)
    await write_record(msgspec.structs.replace(flooding.record, limits=limits))
    await running.until(lambda: (t := running.gateway.directory.get(flooding.name)) and t.record.limits == limits)
    await running.knows(quiet)
    body = msgspec.json.encode(make.batch(count=1))
    head = f"POST /api/v1/events HTTP/1.1\r\nX-API-Key: {flooding.keys['publishable']}\r\n"
    request = f"{head}Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    statuses: Counter[int] = Counter()
    done = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        connections = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(90)]
        for _, writer in connections:
            stack.callback(writer.close)

        async def flood() -> None:
            while not done.is_set():
                # All at once, so that they are in work at once.
                for _, writer in connections:
                    writer.write(request)
                for reader, _ in connections:
                    status, headers = await _read_answer(reader)
                    statuses[status] += 1
                    assert status == 202 or int(headers[b"retry-after"]) >= 1

        flooded = asyncio.create_task(flood())
        try:
            await running.until(lambda: _limited(running, "share_requests") or flooded.done(), 60)
            answers = [(await running.post_events(quiet, make.batch())).status_code for _ in range(40)]
        finally:
            done.set()
            await flooded
    assert answers == [202] * 40
    assert set(statuses) == {202, 429}
    registry = running.gateway.metrics.registry
    for unit in ("requests", "bytes"):
        assert registry.get_sample_value("handrail_gateway_work_used", {"unit": unit}) == 0


async def test_a_hundred_sockets_of_one_user(running: Any, tenant: Any, make: Any, limit: Any) -> None:
    await limit(tenant, requests_per_minute=1_000_000)
    user = make.anonymous()
    how = {"key": tenant.keys["publishable"], "token": await running.token(tenant, user)}
    other = make.anonymous()
    theirs = {"key": tenant.keys["publishable"], "token": await running.token(tenant, other)}
    opened: list[Any] = []
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(2):
            some = [running.socket(f"/ws/{user}", **how) for _ in range(50)]
            opened += await asyncio.gather(*(stack.enter_async_context(one) for one in some))
        await running.until(lambda: sum(socket.close_code is not None for socket in opened) == 90, 60)
        assert {socket.close_code for socket in opened} == {4409, None}
        async with running.socket(f"/ws/{other}", **theirs) as another:
            await (await another.ping())
    registry = running.gateway.metrics.registry
    closes = registry.get_sample_value("handrail_gateway_socket_closes_total", {"code": "4409"})
    assert closes == 90
    name = "handrail_gateway_sockets"
    await running.until(lambda: registry.get_sample_value(name, {"tenant": tenant.name}) == 0)


async def test_connections_of_one_address(start_gateway: Any) -> None:
    running = await start_gateway(connections_per_address=5)
    await running.client.aclose()
    healthz = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    registry = running.gateway.metrics.registry
    async with contextlib.AsyncExitStack() as stack:

        async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            stack.callback(writer.close)
            return reader, writer

        await running.until(lambda: registry.get_sample_value("handrail_gateway_http_connections") == 0)
        kept = [await connect() for _ in range(5)]
        for reader, writer in kept:
            writer.write(healthz)
            assert b" 200 " in await reader.readuntil(b"}")
        reader, _ = await connect()
        answer = await reader.read()
        assert b" 429 " in answer.splitlines()[0]
        assert b"application/problem+json" in answer
        assert b"retry-after" in answer
        assert registry.get_sample_value("handrail_gateway_refused_connections_total") == 1
        kept[0][1].close()
        await running.until(lambda: registry.get_sample_value("handrail_gateway_http_connections") == 4)
        reader, writer = await connect()
        writer.write(healthz)
        assert b" 200 " in await reader.readuntil(b"}")
    await running.until(lambda: registry.get_sample_value("handrail_gateway_http_connections") == 0)
    assert not running.gateway.connections._open
