"""The manners of every answer: problems, request ids, probes, descriptions."""

import gzip
from typing import Any

import msgspec


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
        ("GET", "/api/v1/deadletters/0198c0de-0000-7000-8000-000000000001/retry", 405, "method_not_allowed", "POST"),
        ("DELETE", "/api/v1/runs", 405, "method_not_allowed", "GET, HEAD"),
        ("POST", "/sdk/v1/config", 405, "method_not_allowed", "GET, HEAD, OPTIONS"),
    ):
        answer = await running.client.request(method, path, headers={"Origin": "https://x.test"})
        assert (answer.status_code, answer.json()["code"]) == (status, code), (method, path)
        assert status != 404 or answer.json()["detail"], path
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
        await running.client.get(path, headers=running.secret(tenant))
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
