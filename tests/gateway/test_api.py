"""The tenant's own API, the snippet's files and the manners of every answer."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from handrail_contracts import names, principal


def _secret(tenant: Any, **more: str) -> dict[str, str]:
    return {"X-API-Key": tenant.keys["secret"]} | more


# --- the relay --------------------------------------------------------------------------------------------------


class Realtime:
    """An HTTP server that keeps what it was asked and answers the same to all."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answer = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: "e"\r\nX-Internal: no\r\n'
        self.body = b'{"items":[],"next":null}'
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        self.asked.append((head[0], {name.lower(): value for name, value in headers.items()}))
        length = f"Content-Length: {len(self.body)}\r\nConnection: close\r\n\r\n".encode()
        writer.write(self.answer + length + self.body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def realtime() -> AsyncIterator[Realtime]:
    made = Realtime()
    server = await asyncio.start_server(made.handle, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield made
    server.close()
    await server.wait_closed()


async def test_reads_are_relayed_with_a_principal(running: Any, make_tenant: Any, realtime: Realtime) -> None:
    dead = "http://127.0.0.1:1"
    tenant = await make_tenant(migrate=False, realtime=[dead, realtime.url])
    await running.knows(tenant)
    paths = [
        "/api/v1/events?user_id=a%2Fb&limit=5",
        "/api/v1/users",
        "/api/v1/users/a%2Fb%20%C3%A4%3F..%2E",
        "/api/v1/sessions",
        "/api/v1/nudges?since=2026-01-01T00%3A00%3A00Z",
        "/api/v1/decisions",
        "/api/v1/escalations",
    ]
    for path in paths:
        answer = await running.client.get(path, headers=_secret(tenant, **{"X-Request-ID": "r-1"}))
        assert (answer.status_code, answer.json()) == (200, {"items": [], "next": None}), path
        assert (answer.headers["etag"], answer.headers["x-request-id"]) == ('"e"', "r-1")
        assert "x-internal" not in answer.headers
    assert [line for line, _ in realtime.asked] == [f"GET {path} HTTP/1.1" for path in paths]
    sent = realtime.asked[0][1]
    assert "x-api-key" not in sent
    assert sent["x-request-id"] == "r-1"
    keys = KeySet.import_key_set(json.loads((tenant.secrets / names.PRINCIPAL_KEYS_FILE).read_text()))
    claims = jwt.decode(sent["x-handrail-principal"], keys, algorithms=[principal.ALGORITHM]).claims
    key_id = next(key.key_id for key in tenant.record.keys if key.kind == "secret")
    assert (claims["aud"], claims["sub"], claims["scope"]) == (tenant.name, key_id, "secret")
    assert claims["exp"] <= time.time() + principal.TTL


ITEM = "0198c0de-0000-7000-8000-000000000001"
CHANGES = (
    ("DELETE", "/api/v1/deadletters"),
    ("POST", "/api/v1/deadletters/retry"),
    ("DELETE", f"/api/v1/deadletters/{ITEM}"),
    ("POST", f"/api/v1/deadletters/{ITEM}/retry"),
    ("POST", f"/api/v1/runs/{ITEM}/resume"),
    ("POST", f"/api/v1/escalations/{ITEM}/close"),
)


async def test_changes_are_relayed_for_a_secret_key_alone(running: Any, make_tenant: Any, realtime: Realtime) -> None:
    tenant = await make_tenant(migrate=False, realtime=["http://127.0.0.1:1", realtime.url])
    await running.knows(tenant)
    publishable = {"X-API-Key": tenant.keys["publishable"]}
    for method, path in CHANGES:
        for headers, status in (
            ({}, 401),
            (publishable, 403),
            (_secret(tenant, Origin="https://app.acme.test"), 403),
        ):
            assert (await running.client.request(method, path, headers=headers)).status_code == status, (method, path)
        answer = await running.client.request(method, path, headers=_secret(tenant), content=b'{"ids": []}')
        assert (answer.status_code, answer.json()["errors"][0]["msg"]) == (422, "no body is taken here")
        answer = await running.client.request(method, path, headers=_secret(tenant), content=b" " * 2000)
        assert answer.status_code == 413
        assert not realtime.asked
        answer = await running.client.request(method, path, headers=_secret(tenant))
        assert (answer.status_code, answer.json()) == (200, {"items": [], "next": None})
        assert [line for line, _ in realtime.asked] == [f"{method} {path} HTTP/1.1"]
        realtime.asked.clear()
    for method, path in (
        ("DELETE", "/api/v1/deadletters/a%2Fretry"),
        ("POST", f"/api/v1/runs/..%2F{ITEM}/resume"),
        ("POST", f"/api/v1/escalations/{ITEM}%2F/close"),
    ):
        answer = await running.client.request(method, path, headers=_secret(tenant))
        assert answer.status_code == 422, path
    assert not realtime.asked


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_change_is_never_sent_twice(running: Any, make_tenant: Any, when: str) -> None:
    """Two instances that both hang up: the second is not asked, for the first may have done it."""
    asked: list[bytes] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        if when == "after":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{")
            await writer.drain()
        writer.close()

    servers = [await asyncio.start_server(hang_up, "127.0.0.1", 0) for _ in range(2)]
    urls = [f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers]
    try:
        tenant = await make_tenant(migrate=False, realtime=urls)
        await running.knows(tenant)
        answer = await running.client.post("/api/v1/deadletters/retry", headers=_secret(tenant))
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert len(asked) == 1
    finally:
        for server in servers:
            server.close()
            await server.wait_closed()


async def test_what_realtime_says_comes_back(running: Any, make_tenant: Any, realtime: Realtime) -> None:
    tenant = await make_tenant(migrate=False, realtime=[realtime.url])
    await running.knows(tenant)
    realtime.answer = b"HTTP/1.1 422 Unprocessable\r\nContent-Type: application/problem+json\r\n"
    realtime.body = b'{"code":"invalid"}'
    answer = await running.client.get("/api/v1/events?limit=9999", headers=_secret(tenant))
    assert (answer.status_code, answer.json()) == (422, {"code": "invalid"})
    realtime.answer = b"HTTP/1.1 401 No\r\nContent-Type: application/problem+json\r\n"
    answer = await running.client.get("/api/v1/events", headers=_secret(tenant))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_reads_while_nobody_is_there(running: Any, make_tenant: Any, platform: Any, write_record: Any) -> None:
    tenant = await make_tenant(migrate=False, realtime=["http://127.0.0.1:1"])
    await running.knows(tenant)
    woken: list[str] = []

    async def note(message: Any) -> None:
        woken.append(message.subject)

    subscription = await platform.account.subscribe("wake.*", cb=note)
    await platform.account.flush()
    for phase, code in (("Ready", "unavailable"), ("Suspended", "suspended"), ("Sleeping", "asleep")):
        await write_record(msgspec.structs.replace(tenant.record, phase=phase))
        await running.until(lambda phase=phase: running.gateway.directory.get(tenant.name).record.phase == phase)
        answer = await running.client.get("/api/v1/users", headers=_secret(tenant))
        assert (answer.status_code, answer.json()["code"]) == (503, code)
        assert int(answer.headers["retry-after"]) >= 1
        config = await running.client.get("/api/v1/config", headers=_secret(tenant))
        assert config.status_code == 200
    await running.until(lambda: woken == [f"wake.{tenant.name}"])
    await subscription.unsubscribe()


async def test_who_may_read(running: Any, tenant: Any, make: Any) -> None:
    paths = ["/api/v1/events", "/api/v1/users", "/api/v1/users/a", "/api/v1/config", "/api/v1/keys"]
    for path in paths:
        cases: list[tuple[dict[str, str], int, str]] = [
            ({}, 401, "key_missing"),
            ({"X-API-Key": "x"}, 401, "key_unknown"),
            ({"X-API-Key": tenant.keys["publishable"]}, 403, "scope"),
            (_secret(tenant, Origin=make.origin), 403, "origin"),
        ]
        for headers, status, code in cases:
            answer = await running.client.get(path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (status, code), (path, headers)
            assert answer.headers["content-type"] == "application/problem+json"
    for user_id in ("%2E", "%2E%2E", "%00", "%FF", "x" * 201):
        answer = await running.client.get(f"/api/v1/users/{user_id}", headers=_secret(tenant))
        assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["user_id"]), user_id


# --- config and keys --------------------------------------------------------------------------------------------


class Operator:
    """Answers the gateway's requests in the platform's account."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.reply: dict[str, Any] = {}

    async def handle(self, message: Any) -> None:
        self.asked.append((message.subject, json.loads(message.data)))
        await message.respond(json.dumps(self.reply).encode())


@pytest.fixture
async def operator(platform: Any) -> AsyncIterator[Operator]:
    made = Operator()
    subscription = await platform.account.subscribe("operator.*.*", cb=made.handle)
    await platform.account.flush()
    yield made
    await subscription.unsubscribe()


async def test_config_is_read_from_the_record(running: Any, tenant: Any) -> None:
    answer = await running.client.get("/api/v1/config", headers=_secret(tenant))
    assert (answer.status_code, answer.json()) == (200, tenant.record.spec)
    assert answer.headers["etag"] == tenant.record.etag
    headers = _secret(tenant, **{"If-None-Match": f'"other", W/{tenant.record.etag}'})
    answer = await running.client.get("/api/v1/config", headers=headers)
    assert (answer.status_code, answer.content) == (304, b"")
    answer = await running.client.head("/api/v1/config", headers=_secret(tenant))
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 100


async def test_config_is_changed_by_the_operator(running: Any, tenant: Any, operator: Operator) -> None:
    operator.reply = {"value": {"spec": {"displayName": "New"}, "etag": '"abc"'}}
    headers = _secret(tenant, **{"If-Match": '"old"', "Content-Type": "application/merge-patch+json"})
    answer = await running.client.patch("/api/v1/config", content=b'{"displayName": "New"}', headers=headers)
    assert (answer.status_code, answer.json(), answer.headers["etag"]) == (200, {"displayName": "New"}, '"abc"')
    key_id = next(key.key_id for key in tenant.record.keys if key.kind == "secret")
    subject, asked = operator.asked[0]
    assert subject == f"operator.config.{tenant.name}"
    assert asked == {
        "mode": "merge", "body": {"displayName": "New"}, "if_match": '"old"', "by": key_id, "platform": False,
    }  # fmt: skip
    answer = await running.client.post("/api/v1/config", json=tenant.record.spec, headers=_secret(tenant))
    assert (answer.status_code, operator.asked[1][1]["mode"]) == (200, "replace")
    for code, status in (
        ("platform_field", 403), ("conflict", 409), ("precondition_failed", 412), ("invalid", 422),
    ):  # fmt: skip
        errors = [{"loc": ["tone", "voice"], "msg": "is owned by kubectl"}]
        operator.reply = {"problem": {"code": code, "detail": "why", "errors": errors}}
        answer = await running.client.patch("/api/v1/config", json={"tone": {}}, headers=_secret(tenant))
        body = answer.json()
        assert (answer.status_code, body["code"], body["detail"], body["errors"]) == (status, code, "why", errors)


async def test_bad_config_requests(start_gateway: Any, make_tenant: Any) -> None:
    running = await start_gateway(operator_timeout=0.3)
    tenant = await make_tenant(migrate=False)
    await running.knows(tenant)
    for content, content_type, status in (
        (b"{", "application/json", 422),
        (b"[]", "application/json", 422),
        (b"[" * 5000, "application/json", 422),
        (b"{}", "text/plain", 415),
        (b" " * 300_000, "application/json", 413),
    ):
        headers = _secret(tenant, **{"Content-Type": content_type})
        answer = await running.client.patch("/api/v1/config", content=content, headers=headers)
        assert answer.status_code == status, content[:10]
    answer = await running.client.patch("/api/v1/config", json={}, headers=_secret(tenant))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "retry-after" in answer.headers


async def test_keys(start_gateway: Any, make_tenant: Any, make: Any, operator: Operator, platform: Any) -> None:
    running = await start_gateway(key_use_every=0.05)
    tenant = await make_tenant(migrate=False)
    await running.knows(tenant)
    by_kind = {key.kind: key for key in tenant.record.keys}
    answer = await running.client.get("/api/v1/keys", headers=_secret(tenant))
    items = {item["kind"]: item for item in answer.json()["items"]}
    assert (answer.status_code, answer.json()["next"], answer.json()["tenant"]) == (200, None, tenant.name)
    assert items["publishable"] == {
        "key_id": by_kind["publishable"].key_id,
        "kind": "publishable",
        "created_at": by_kind["publishable"].created_at,
        "last_used_at": None,
    }
    assert items["secret"]["last_used_at"].endswith("Z")
    bucket = await platform.account.jetstream().key_value(names.KEY_USE_BUCKET)
    assert (await running.post_events(tenant, make.batch())).status_code == 202

    async def noted() -> bool:
        used = await running.client.get("/api/v1/keys", headers=_secret(tenant))
        return all(item["last_used_at"] for item in used.json()["items"]) and bool(
            await bucket.get(by_kind["publishable"].key_id)
        )

    async def tried() -> bool:
        try:
            return await noted()
        except Exception:  # noqa: BLE001 - not there yet
            return False

    await running.until(tried)
    made = {"key_id": "abcdefgh", "kind": "secret", "created_at": "2026-01-01T00:00:00Z", "key": "sk_..."}
    operator.reply = {"value": made}
    answer = await running.client.post("/api/v1/keys", json={"kind": "secret"}, headers=_secret(tenant))
    assert (answer.status_code, answer.json()) == (201, made)
    assert operator.asked[-1] == (f"operator.key-create.{tenant.name}", {"kind": "secret"})
    operator.reply = {"value": {}}
    key_id = by_kind["publishable"].key_id
    answer = await running.client.delete(f"/api/v1/keys/{key_id}", headers=_secret(tenant))
    assert (answer.status_code, answer.content) == (204, b"")
    assert operator.asked[-1] == (f"operator.key-revoke.{tenant.name}", {"key_id": key_id})
    asked = len(operator.asked)
    answer = await running.client.delete("/api/v1/keys/nobodys1", headers=_secret(tenant))
    assert (answer.status_code, len(operator.asked)) == (404, asked)
    wrong: list[Any] = [{}, {"kind": "master"}, {"kind": "secret", "more": 1}, []]
    for body in wrong:
        answer = await running.client.post("/api/v1/keys", json=body, headers=_secret(tenant))
        assert answer.status_code == 422, body


# --- the snippet ------------------------------------------------------------------------------------------------


async def test_the_snippets_config(running: Any, make_tenant: Any, make: Any) -> None:
    spec = {"privacy": {"captureText": True, "queryParameters": ["tab"]}, "tone": {"language": "de"}}
    tenant = await make_tenant(spec=spec, migrate=False)
    await running.knows(tenant)
    url = f"/sdk/v1/config?key={tenant.keys['publishable']}"
    answer = await running.client.get(url, headers={"Origin": make.origin})
    assert answer.status_code == 200
    assert answer.json() == {
        "enabled": True,
        "sample_rate": 1.0,
        "flush_interval_ms": 5000,
        "flush_count": 10,
        "identity_enforced": True,
        "language": "de",
        "capture": {"text": True, "query_parameters": ["tab"]},
    }
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["timing-allow-origin"] == "*"
    assert "max-age" in answer.headers["cache-control"]
    again = await running.client.get(url, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])
    for wrong, headers, status in (
        ("/sdk/v1/config", {}, 401),
        (url[:-1] + "!", {}, 401),
        (url, {"Origin": "https://evil.test"}, 403),
    ):
        answer = await running.client.get(wrong, headers=headers)
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == "*"


async def test_the_snippets_files(start_gateway: Any, sdk_folder: Any) -> None:
    running = await start_gateway(sdk_folder=sdk_folder)
    newest = await running.client.get("/sdk/v1/onboarding-agent-sdk.js", headers={"Accept-Encoding": "identity"})
    assert (newest.status_code, newest.content[:12]) == (200, b"/* 0.10.0 */")
    assert newest.headers["content-type"] == "text/javascript; charset=utf-8"
    assert newest.headers["cache-control"] == "public, max-age=300"
    assert newest.headers["cross-origin-resource-policy"] == "cross-origin"
    assert newest.headers["timing-allow-origin"] == "*"
    assert newest.headers["access-control-allow-origin"] == "*"
    pinned = await running.client.get("/sdk/0.9.0/onboarding-agent-sdk.js", headers={"Accept-Encoding": "gzip"})
    assert pinned.headers["content-encoding"] == "gzip"
    assert pinned.content.startswith(b"/* 0.9.0 */")
    assert "immutable" in pinned.headers["cache-control"]
    assert pinned.headers["etag"] == '"sha384-0.9.0"'
    same = await running.client.get(
        "/sdk/0.9.0/onboarding-agent-sdk.js", headers={"If-None-Match": pinned.headers["etag"]}
    )
    assert same.status_code == 304
    assert (await running.client.get("/sdk/v1/ui-4f2a.js")).content == b"export {}"
    for path in (
        "/sdk/0.9.0/secret.txt",
        "/sdk/0.9.0/manifest.json",
        "/sdk/0.9.0/..%2F0.10.0%2Fui-4f2a.js",
        "/sdk/..%2F..%2Fetc/passwd",
        "/sdk/%2E%2E/manifest.json",
        "/sdk/9.9.9/onboarding-agent-sdk.js",
        "/sdk/0.9.0/",
        "/sdk/",
    ):
        answer = await running.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        assert answer.headers["access-control-allow-origin"] == "*"


async def test_a_snippet_that_is_not_built(start_gateway: Any, tmp_path: Any, sdk_folder: Any) -> None:
    later = tmp_path / "later"
    running = await start_gateway(sdk_folder=later)
    answer = await running.client.get("/sdk/v1/onboarding-agent-sdk.js")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "not built" in answer.json()["detail"]
    sdk_folder.rename(later)
    assert (await running.client.get("/sdk/v1/onboarding-agent-sdk.js")).status_code == 200


# --- the manners of every answer ---------------------------------------------------------------------------------


async def test_problems_everywhere(running: Any, tenant: Any) -> None:
    for method, path, status, code, allow in (
        ("GET", "/", 404, "not_found", None),
        ("GET", "/api/v1/nothing", 404, "not_found", None),
        ("GET", "/api/v1/config/", 404, "not_found", None),
        ("GET", "/api/v1/users/a/b", 404, "not_found", None),
        ("DELETE", "/api/v1/config", 405, "method_not_allowed", "GET, HEAD, PATCH, POST"),
        ("OPTIONS", "/api/v1/config", 405, "method_not_allowed", "GET, HEAD, PATCH, POST"),
        ("GET", "/api/v1/identify", 405, "method_not_allowed", "OPTIONS, POST"),
        ("POST", "/api/v1/deadletters", 405, "method_not_allowed", "DELETE, GET, HEAD"),
        ("GET", f"/api/v1/deadletters/{ITEM}/retry", 405, "method_not_allowed", "POST"),
        ("DELETE", "/api/v1/runs", 405, "method_not_allowed", "GET, HEAD"),
        ("POST", "/sdk/v1/config", 405, "method_not_allowed", "GET, HEAD, OPTIONS"),
    ):
        answer = await running.client.request(method, path, headers={"Origin": "https://x.test"})
        assert (answer.status_code, answer.json()["code"]) == (status, code), (method, path)
        assert answer.headers.get("allow") == allow
        assert answer.headers["content-type"] == "application/problem+json"
        browser = path.startswith(("/sdk", "/api/v1/identify"))
        assert answer.headers.get("access-control-allow-origin") == ("*" if browser else None), path
        assert answer.json()["request_id"] == answer.headers["x-request-id"] != ""
    for path in ("/api/v1/identify", "/sdk/v1/config", "/sdk/v1/onboarding-agent-sdk.js"):
        answer = await running.client.options(path)
        assert answer.status_code == 204
        assert int(answer.headers["access-control-max-age"]) > 0


async def test_request_ids(running: Any) -> None:
    for given, kept in (("abc-1.2:3_x", True), ("x" * 128, True), ("x" * 129, False), ("a b", False), ("ä", False)):
        headers = {"X-Request-ID": given.encode()}
        answer = await running.client.get("/api/v1/keys", headers=headers)
        assert (answer.headers["x-request-id"] == given) is kept, given
        assert answer.headers["x-request-id"]


async def test_an_unexpected_error_says_nothing(
    start_gateway: Any, make_tenant: Any, sdk_folder: Any, capfd: Any
) -> None:
    running = await start_gateway(sdk_folder=sdk_folder)
    # A part that breaks: the real one replaced by none.
    running.gateway.sdk_files = None
    answer = await running.client.get("/sdk/v1/onboarding-agent-sdk.js", headers={"X-Request-ID": "boom-1"})
    body = answer.json()
    assert (answer.status_code, body["code"], body["detail"], body["errors"]) == (500, "internal", "", [])
    assert (body["request_id"], answer.headers["x-request-id"]) == ("boom-1", "boom-1")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "NoneType" not in answer.text


async def test_probes_and_descriptions(running: Any, start_gateway: Any, tenant: Any, make: Any) -> None:
    assert (await running.client.get("/healthz")).json() == {"status": "ok"}
    ready = await running.client.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert (await running.client.head("/readyz")).status_code == 200
    described = (await running.client.get("/openapi.json")).json()
    assert described["openapi"].startswith("3.1")
    assert {"/api/v1/events", "/api/v1/identify", "/api/v1/config"} <= described["paths"].keys()
    assert (await running.client.get("/docs")).status_code == 200
    assert (await running.post_events(tenant, make.batch(count=4))).status_code == 202
    metrics = (await running.client.get("/metrics")).text
    assert f'handrail_gateway_events_accepted_total{{tenant="{tenant.name}"}} 4.0' in metrics
    assert 'handrail_gateway_requests_total{method="POST",route="/api/v1/events",status="202"} 1.0' in metrics
    assert "handrail_gateway_publish_seconds_bucket" in metrics
    for path in ("/api/v1/users/somebody", "/nowhere", "/sdk/1.2.3/x.js"):
        await running.client.get(path, headers=_secret(tenant))
    metrics = (await running.client.get("/metrics")).text
    for route in ("/api/v1/users/{user_id}", "other", "/sdk/{version}/{name}"):
        assert f'handrail_gateway_requests_total{{method="GET",route="{route}"' in metrics
    assert "somebody" not in metrics
    public = await start_gateway(local=False)
    for path in ("/metrics", "/docs"):
        assert (await public.client.get(path)).status_code == 404


async def test_gzip_of_identify(running: Any, make: Any, tenant: Any) -> None:
    content = gzip.compress(msgspec.json.encode({"user_id": make.anonymous()}))
    headers = {
        "X-API-Key": tenant.keys["publishable"],
        "Content-Encoding": "gzip",
        "Content-Type": "application/json",
    }
    assert (await running.client.post("/api/v1/identify", content=content, headers=headers)).status_code == 200
