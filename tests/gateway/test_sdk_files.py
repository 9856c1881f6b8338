"""What the snippet may do, and its files."""

import base64
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from handrail_contracts.snippet_config import Look


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
        "targets": [],
        "target_share": 0.2,
        "theme": Look(accent="#4f46e5").model_dump(),
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
        assert answer.json()["detail"], path
        assert answer.headers["access-control-allow-origin"] == "*"


async def test_a_snippet_that_is_not_built(start_gateway: Any, tmp_path: Any, sdk_folder: Any) -> None:
    later = tmp_path / "later"
    running = await start_gateway(sdk_folder=later)
    answer = await running.client.get("/sdk/v1/onboarding-agent-sdk.js")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "not built" in answer.json()["detail"]
    sdk_folder.rename(later)
    assert (await running.client.get("/sdk/v1/onboarding-agent-sdk.js")).status_code == 200


def _build(folder: Path, version: str) -> None:
    """A build of the snippet as scripts/build.mjs leaves it."""
    files = {
        "onboarding-agent-sdk.js": f"/* {version} */".encode() + b" " * 1000,
        "onboarding-agent-sdk.mjs": b"export const init = 1",
        "live.mjs": b"export const startLive = 1",
        "live.mjs.map": b'{"version":3}',
        "licenses.txt": "MIT, © somebody".encode(),
    }
    place = folder / version
    place.mkdir(parents=True)
    for name, body in files.items():
        (place / name).write_bytes(body)
    hashes = {
        name: "sha384-" + base64.b64encode(hashlib.sha384(body).digest()).decode() for name, body in files.items()
    }
    (place / "manifest.json").write_text(json.dumps({"version": version, "files": hashes}))


async def test_every_release_is_served_for_ever(start_gateway: Any, tmp_path: Path) -> None:
    for version in ("1.0.0", "1.2.0", "1.10.0"):
        _build(tmp_path, version)
    running = await start_gateway(sdk_folder=tmp_path, local=False)
    types = {
        "onboarding-agent-sdk.js": "text/javascript; charset=utf-8",
        "onboarding-agent-sdk.mjs": "text/javascript; charset=utf-8",
        "live.mjs": "text/javascript; charset=utf-8",
        "live.mjs.map": "application/json",
        "licenses.txt": "text/plain; charset=utf-8",
    }
    for version, cache in (
        ("1.0.0", "public, max-age=31536000, immutable"),
        ("1.10.0", "public, max-age=31536000, immutable"),
        ("v1", "public, max-age=300"),
    ):
        for name, media_type in types.items():
            answer = await running.client.get(f"/sdk/{version}/{name}", headers={"Accept-Encoding": "identity"})
            body = (tmp_path / ("1.10.0" if version == "v1" else version) / name).read_bytes()
            assert (answer.status_code, answer.content) == (200, body), (version, name)
            assert answer.headers["content-type"] == media_type
            assert answer.headers["cache-control"] == cache
            # Hashes and modules of another origin need the first, pages under COEP the second.
            assert answer.headers["access-control-allow-origin"] == "*"
            assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
            assert answer.headers["timing-allow-origin"] == "*"
            assert answer.headers.get("sourcemap") == ("live.mjs.map" if name == "live.mjs" else None)
    for unknown in ("/sdk/1.3.0/live.mjs", "/sdk/1.0.0/ui.mjs", "/sdk/v2/onboarding-agent-sdk.js"):
        answer = await running.client.get(unknown)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert "immutable" not in answer.headers["cache-control"]


@pytest.mark.parametrize(("local", "newest"), [(False, "1.2.0"), (True, "1.2.1-dev")])
async def test_what_is_not_released_is_for_development(
    start_gateway: Any, tmp_path: Path, local: bool, newest: str
) -> None:
    _build(tmp_path, "1.2.0")
    _build(tmp_path, "1.2.1-dev")
    running = await start_gateway(sdk_folder=tmp_path, local=local)
    answer = await running.client.get("/sdk/v1/onboarding-agent-sdk.js")
    assert answer.text.startswith(f"/* {newest} */")
    assert answer.headers["cache-control"] == ("no-cache" if local else "public, max-age=300")
    # Its files change, and the core holds its chunks by hash.
    chunk = await running.client.get("/sdk/1.2.1-dev/live.mjs")
    assert chunk.headers["cache-control"] == "no-cache"
    shutil.rmtree(tmp_path / "1.2.1-dev")
    _build(tmp_path, "1.2.1-dev")
    (tmp_path / "1.2.1-dev" / "live.mjs").write_bytes(b"export const startLive = 2")
    assert (await running.client.get("/sdk/1.2.1-dev/live.mjs")).content == b"export const startLive = 2"


async def test_without_a_release_the_working_build_is_the_newest(start_gateway: Any, tmp_path: Path) -> None:
    _build(tmp_path, "0.1.0-dev")
    running = await start_gateway(sdk_folder=tmp_path, local=False)
    answer = await running.client.get("/sdk/v1/onboarding-agent-sdk.js")
    assert answer.text.startswith("/* 0.1.0-dev */")
    assert answer.headers["cache-control"] == "no-cache"
