"""The tenant's own API, paths, methods: asked for what is not there and with what does not belong there."""

from collections.abc import Iterator
from typing import Any

from tests.hostile.bodies import NOT_JSON, WRONG_ROOTS
from tests.hostile.cases import CONFIG, EVENTS, IDENTIFY, JSON, KEYS, TEN_MB, Case, case

LISTS = ("events", "users", "sessions", "nudges", "decisions", "escalations", "targets")


def api() -> Iterator[Case]:  # noqa: C901 - a table
    secret: dict[str, Any] = {"kind": "secret"}
    for method in ("POST", "PATCH"):
        for name, body in NOT_JSON.items():
            yield case(f"config {name}", method, CONFIG, 422, 413, body=body, headers=(JSON,), **secret)
        for body in (*WRONG_ROOTS, b'{"origins": [1]}', b'{"displayName": "\\ud800"}', b'{"tone": null, "x": 1}'):
            yield case(f"config {body[:9]!r}", method, CONFIG, 422, body=body, headers=(JSON,), **secret)
        yield case("config 10 MB", method, CONFIG, 413, body=b" " * TEN_MB, headers=(JSON,), **secret)
    stale = (JSON, ("If-Match", '"no such"'))
    yield case("config stale", "PATCH", CONFIG, 412, body=b'{"tone": {"voice": "formal"}}', headers=stale, **secret)
    yield case("platform field", "PATCH", CONFIG, 403, body=b'{"plan": "small"}', headers=(JSON,), **secret)
    for body in (*NOT_JSON.values(), *WRONG_ROOTS, b'{"kind": "root"}', b'{"kind": ["secret"]}', b'{"kind": null}'):
        yield case(f"keys {body[:9]!r}", "POST", KEYS, 422, 413, body=body, headers=(JSON,), **secret)
    for key_id in ("x", "..", "%2e%2e", "%00", "%ff", "*", "a" * 3000, "%F0%9F%98%80", "..%2fevents"):
        yield case(f"revoke {key_id:.9}", "DELETE", f"{KEYS}/{key_id}", 404, 422, **secret)
    for name in LISTS:
        for query in QUERIES:
            yield case(f"{name}?{query[:20]}", "GET", f"/api/v1/{name}?{query}", 200, 422, **secret)
        yield case(f"{name} publishable", "GET", f"/api/v1/{name}", 403)
        yield case(
            f"{name} with origin", "GET", f"/api/v1/{name}", 403, headers=(("Origin", "https://app.test"),), **secret
        )
    for user in (
        "%ff",
        "%00",
        "a%00b",
        ".",
        "..",
        "%2e",
        "%2E%2e",
        "x" * 201,
        "%F0%9F%98%80" * 201,
        "%none",
        "%zz",
        "%c0%ae",
    ):
        yield case(f"users/{user:.12}", "GET", f"/api/v1/users/{user}", 404, 422, **secret)
    for path in (
        "deadletters",
        "runs",
        "deadletters/x/retry",
        "runs/%00",
        "runs/x/resume",
        "erasures/x",
        "escalations/x/close",
    ):
        for method in ("GET", "POST", "DELETE"):
            yield case(f"{method} {path}", method, f"/api/v1/{path}", 200, 404, 405, 422, **secret)


QUERIES = (
    "limit=0",
    "limit=501",
    "limit=-1",
    "limit=" + "9" * 5000,
    "limit=1e3",
    "limit=NaN",
    "limit=%00",
    "limit=1&limit=x",
    "cursor=x",
    "cursor=%ff",
    "cursor=" + "A" * 5000,
    "cursor=eyJ4IjoxfQ",
    "user_id=%ff",
    "user_id=%00",
    "user_id=%ed%a0%80",
    "user_id=",
    "user_id=" + "x" * 201,
    "user_id=%27%3B%20drop%20table%20users",
    "user_id[]=1",
    "session_id=%00",
    "event_type=" + "x" * 100,
    "since=yesterday",
    "since=0000-01-01T00:00:00Z",
    "since=9999-12-31T23:59:59Z",
    "until=-1",
    "until=2026-01-31T12:00:00%2B25:00",
    "unknown=1",
    "&&&===",
    "%ff=%ff",
    "a=" + "b" * 20_000,
    "&".join(f"p{number}=1" for number in range(2000)),
)


PATHS: tuple[str | bytes, ...] = (
    "/",
    "//",
    "/..",
    "/../../etc/passwd",
    "/sdk/v1/../../../main.py",
    "/sdk/v1/..%2f..%2fmain.py",
    "/sdk/%2e%2e/manifest.json",
    "/sdk/v1/manifest.json%00",
    "/sdk/v1/%00",
    "/sdk/v1/%ff",
    "/sdk/v1/" + "x" * 5000,
    "/api/v1/events/",
    "/api//v1/events",
    "/api/v1/%65vents/x",
    "/api/v2/events",
    "/webhooks/x/y",
    "/link",
    "/internal",
    "/ws/alice",
    "/.env",
    "/%",
    "/%zz",
    "/\u202e".encode(),
    "/x?" + "q" * 30_000,
    "/api/v1/users/",
    "/api/v1/users/a/b",
    "http://evil.test/nothing",
)
METHODS = ("TRACE", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "PROPFIND", "LINK")


def routes() -> Iterator[Case]:
    for path in PATHS:
        yield case(f"path {path[:20]!r}", "GET", path, 400, 404, 405, kind="")
    for method in METHODS:
        for path in (
            EVENTS,
            IDENTIFY,
            CONFIG,
            KEYS,
            "/sdk/v1/config",
            "/healthz",
            "/docs",
            "/metrics",
            "/openapi.json",
        ):
            fine = {200, 204, 400, 401, 404, 405, 415, 422, 429}
            yield case(f"{method} {path}", method, path, *fine, kind="")
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs", "/metrics"):
        yield case(path, "GET", path, 200, kind="")
        yield case(f"POST {path}", "POST", path, 405, body=b"{}", kind="")
    for path in (EVENTS, IDENTIFY, "/sdk/v1/config"):
        preflight = (("Origin", "https://evil.test"), ("Access-Control-Request-Method", "POST"))
        yield case(f"preflight {path}", "OPTIONS", path, 204, headers=preflight, kind="")
    yield case("absolute form", "GET", "http://platform.test/healthz", 200, kind="")
    yield case(
        "many headers", "GET", "/healthz", 200, 413, headers=tuple((f"X-{n}", "v") for n in range(2000)), kind=""
    )
    for request_id in ("x" * 500, "a b", "\xff", "<script>", "a;b", ""):
        yield case(
            f"request id {request_id:.9}", "GET", "/healthz", 200, headers=(("X-Request-ID", request_id),), kind=""
        )
