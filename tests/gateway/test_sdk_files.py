"""What the snippet may do, and its files."""

from typing import Any


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
