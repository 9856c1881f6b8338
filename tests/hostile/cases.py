"""Hostile requests as data. Each names the statuses that may answer it; none may do harm."""

import base64
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.hostile.world import World, batch, event

EVENTS, IDENTIFY, CONFIG, KEYS = "/api/v1/events", "/api/v1/identify", "/api/v1/config", "/api/v1/keys"
ANON = "anon-00000000-0000-4000-8000-000000000001"
LISTS = ("events", "users", "sessions", "nudges", "decisions", "escalations")
JSON = ("Content-Type", "application/json")
TEN_MB = 10 * 1024 * 1024


@dataclass(frozen=True)
class Case:
    name: str
    method: str
    target: str | bytes
    expect: frozenset[int]
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = field(default=())
    kind: str = "publishable"
    """Of the key that is sent; "" for none."""

    @property
    def asks_operator(self) -> bool:
        """Whether it is a change of config or keys, which the gateway hands on."""
        return str(self.target).startswith((CONFIG, KEYS)) and self.method != "GET"


def _case(name: str, method: str, target: str | bytes, *expect: int, **more: Any) -> Case:
    return Case(name, method, target, frozenset(expect), **more)


# --- bodies ---------------------------------------------------------------------------------------------------------

NOT_JSON: dict[str, bytes] = {
    "empty": b"",
    "text": b"hello",
    "html": b"<html></html>",
    "cut off": b'{"events": [',
    "two values": b"{} {}",
    "trailing": b'{"events": []} x',
    "single quotes": b"{'events': []}",
    "comment": b'{"events": [] /* */}',
    "utf-16": '{"events": []}'.encode("utf-16"),
    "bom": b"\xef\xbb\xbf{}",
    "latin-1": b'{"user_id": "\xe9"}',
    "nul": b"\0",
    "nan": b'{"user_id": NaN}',
    "infinity": b'{"user_id": -Infinity}',
    "deep list": b"[" * 10_000,
    "deep object": b'{"a":' * 10_000,
    "deep closed": b"[" * 10_000 + b"]" * 10_000,
    "deep closed object": b'{"a":' * 8000 + b"1" + b"}" * 8000,
}
WRONG_ROOTS = (b"null", b"true", b"1", b'"text"', b"[]", b"[{}]", b"1e400", b"9" * 5000, b"-" + b"9" * 5000)
GZIPPED = (("Content-Encoding", "gzip"), JSON)


def _member(data: bytes) -> bytes:
    return gzip.compress(data, 9)


def gzips() -> Iterator[Case]:
    good = json.dumps(batch(ANON)).encode()
    bomb = _member(b" " * 200 * 1024 * 1024)
    many = _member(b" " * 1000) * 2000
    for name, body, expect in (
        ("bomb", bomb, {413}),
        ("bomb of members", many, {413}),
        ("nested bomb", _member(bomb), {413, 422}),
        ("empty members", _member(b"") * 20_000, {413, 422}),
        ("truncated", _member(good)[:-9], {422}),
        ("cut at half", _member(good)[: len(_member(good)) // 2], {422}),
        ("trailing rubbish", _member(good) + b"rubbish", {422}),
        ("trailing nul", _member(good) + b"\0" * 100, {422}),
        ("bad checksum", _member(good)[:-8] + b"\0" * 8, {422}),
        ("no gzip", good, {422}),
        ("zlib", zlib.compress(good), {422}),
        ("empty", b"", {422}),
        ("magic alone", b"\x1f\x8b", {422}),
        ("twice", _member(_member(good)), {422}),
    ):
        for target in (EVENTS, IDENTIFY):
            yield Case(f"gzip {name}", "POST", target, frozenset(expect), body, GZIPPED)


TIMES_TAKEN = (
    "2026-01-31T12:00:00Z",
    "2026-01-31t12:00:00z",
    "2026-01-31T12:00:00.123456789Z",
    "2026-01-31T12:00:00+14:00",
    "2026-01-31T12:00:00-23:59",
    "2024-02-29T00:00:00Z",
    "1970-01-01T00:00:00Z",
    "2099-12-31T23:59:59Z",
)
TIMES_REFUSED: tuple[Any, ...] = (
    "2026-06-30T23:59:61Z",
    "2026-02-30T00:00:00Z",
    "2025-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-31T24:00:01Z",
    "2026-01-31T12:60:00Z",
    "2026-01-31T12:00:00",
    "2026-01-31",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "9999-12-31T23:59:59Z",
    "10000-01-01T00:00:00Z",
    "-2026-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "2100-01-01T00:00:00Z",
    "2026-01-31T12:00:00+25:00",
    "2026-01-31T12:00:00 Z",
    "١٩٧٠-01-01T00:00:00Z",
    "now",
    "",
    0,
    -1,
    1.5,
    1e15,
    None,
    True,
    [],
    {},
)
WRONG_VALUES: tuple[Any, ...] = (None, True, 0, -1, 1.5, [], {}, ["x"], {"a": "b"}, "x" * 10_000, "\0", "")
_WRONG_ID: tuple[Any, ...] = ("", ".", "..", "\0", "a\0b", "x" * 201, "😀" * 201, None, 1, [], {}, True)


def _properties() -> Iterator[tuple[str, bytes]]:
    """Bodies whose one event has properties that cannot be kept; written by hand, for json.dumps will not."""
    shell = json.dumps(batch(ANON, properties={"here": 1})).encode()
    for name, value in (
        ("5,000 digits", b"9" * 5000),
        ("1e400", b"1e400"),
        ("-1e400", b"-1e400"),
        ("nan", b"NaN"),
        ("surrogate", b'"\\ud800"'),
        ("surrogate pair backwards", b'"\\udc00\\ud800"'),
        ("nul", b'"\\u0000"'),
        ("deep", b"[" * 200 + b"]" * 200),
        ("depth 10,000", b"[" * 10_000 + b"]" * 10_000),
        ("20 KiB", b'"' + b"x" * 20_000 + b'"'),
    ):
        yield name, shell.replace(b'{"here": 1}', b'{"here": ' + value + b"}")
    yield "name with nul", shell.replace(b'"here"', b'"\\u0000"')
    yield "name with surrogate", shell.replace(b'"here"', b'"\\udfff"')


def bodies() -> Iterator[Case]:  # noqa: C901 - a table
    """Of events and identify."""
    for name, body in (NOT_JSON | {f"root {root[:8]!r}": root for root in WRONG_ROOTS}).items():
        for target in (EVENTS, IDENTIFY):
            yield _case(f"{target} {name}", "POST", target, 422, body=body, headers=(JSON,))
    for name, body in _properties():
        yield _case(f"properties {name}", "POST", EVENTS, 422, body=body, headers=(JSON,))
        traits = json.dumps({"user_id": ANON, "traits": {}}).encode()
        found = json.loads(json.dumps(name)) and body[body.index(b'"properties": ') + 14 :].rsplit(b"}]}", 1)[0]
        sent = traits.replace(b'"traits": {}', b'"traits": ' + found)
        yield _case(f"traits {name}", "POST", IDENTIFY, 422, body=sent, headers=(JSON,))
    for name in ("event_id", "event_type", "session_id", "url", "target_element", "properties"):
        for value in WRONG_VALUES:
            sent = json.dumps(batch(ANON, **{name: value})).encode()
            yield _case(f"{name} {value!r:.20}", "POST", EVENTS, 202, 422, body=sent, headers=(JSON,))
    for value in _WRONG_ID:
        yield _case(f"user_id {value!r:.9}", "POST", EVENTS, 422, body=json.dumps(batch(value)).encode())
        yield _case(f"identify {value!r:.9}", "POST", IDENTIFY, 422, body=json.dumps({"user_id": value}).encode())
    for value in TIMES_TAKEN:
        yield _case(f"time {value}", "POST", EVENTS, 202, body=json.dumps(batch(ANON, timestamp=value)).encode())
    for value in TIMES_REFUSED:
        yield _case(f"time {value}", "POST", EVENTS, 422, body=json.dumps(batch(ANON, timestamp=value)).encode())
        if value is not None:
            sent = json.dumps(batch(ANON) | {"sent_at": value}).encode()
            yield _case(f"sent_at {value}", "POST", EVENTS, 422, body=sent)
    twice = b'{"events": [], ' + json.dumps(batch(ANON)).encode()[1:]
    yield _case("duplicate names", "POST", EVENTS, 202, 422, body=twice)
    many = {"events": [event(ANON) for _ in range(501)]}
    yield _case("501 events", "POST", EVENTS, 413, 422, body=json.dumps(many).encode())
    for target in (EVENTS, IDENTIFY):
        yield _case("10 MB", "POST", target, 413, body=b" " * TEN_MB, headers=(JSON,))
    keys: tuple[Any, ...] = ("\0", "x" * 300, 1, None, [], "pk_")
    for key in keys:
        sent = json.dumps(batch(ANON) | {"api_key": key}).encode()
        yield _case(f"api_key {key!r:.9}", "POST", EVENTS, 401, 422, 429, body=sent, kind="")
    for media in (
        "text/html",
        "application/xml",
        "multipart/form-data",
        "",
        "application/json;charset=utf-16",
        "x" * 999,
    ):
        yield _case(f"media {media:.9}", "POST", EVENTS, 415, body=b"{}", headers=(("Content-Type", media),))
    for encoding in ("br", "deflate", "zstd", "gzip, gzip", "x" * 999, "\xff"):
        headers = (JSON, ("Content-Encoding", encoding))
        yield _case(f"encoding {encoding:.9}", "POST", EVENTS, 415, body=b"{}", headers=headers)


# --- the tenant's own API ---------------------------------------------------------------------------------------------


def api() -> Iterator[Case]:  # noqa: C901 - a table
    secret: dict[str, Any] = {"kind": "secret"}
    for method in ("POST", "PATCH"):
        for name, body in NOT_JSON.items():
            yield _case(f"config {name}", method, CONFIG, 422, 413, body=body, headers=(JSON,), **secret)
        for body in (*WRONG_ROOTS, b'{"origins": [1]}', b'{"displayName": "\\ud800"}', b'{"tone": null, "x": 1}'):
            yield _case(f"config {body[:9]!r}", method, CONFIG, 422, body=body, headers=(JSON,), **secret)
        yield _case("config 10 MB", method, CONFIG, 413, body=b" " * TEN_MB, headers=(JSON,), **secret)
    stale = (JSON, ("If-Match", '"no such"'))
    yield _case("config stale", "PATCH", CONFIG, 412, body=b'{"tone": {"voice": "formal"}}', headers=stale, **secret)
    yield _case("platform field", "PATCH", CONFIG, 403, body=b'{"plan": "small"}', headers=(JSON,), **secret)
    for body in (*NOT_JSON.values(), *WRONG_ROOTS, b'{"kind": "root"}', b'{"kind": ["secret"]}', b'{"kind": null}'):
        yield _case(f"keys {body[:9]!r}", "POST", KEYS, 422, 413, body=body, headers=(JSON,), **secret)
    for key_id in ("x", "..", "%2e%2e", "%00", "%ff", "*", "a" * 3000, "%F0%9F%98%80", "..%2fevents"):
        yield _case(f"revoke {key_id:.9}", "DELETE", f"{KEYS}/{key_id}", 404, 422, **secret)
    for name in LISTS:
        for query in QUERIES:
            yield _case(f"{name}?{query[:20]}", "GET", f"/api/v1/{name}?{query}", 200, 422, **secret)
        yield _case(f"{name} publishable", "GET", f"/api/v1/{name}", 403)
        yield _case(
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
        yield _case(f"users/{user:.12}", "GET", f"/api/v1/users/{user}", 404, 422, **secret)
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
            yield _case(f"{method} {path}", method, f"/api/v1/{path}", 200, 404, 405, 422, **secret)


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


# --- paths, methods, keys ---------------------------------------------------------------------------------------------

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
        yield _case(f"path {path[:20]!r}", "GET", path, 400, 404, 405, kind="")
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
            yield _case(f"{method} {path}", method, path, *fine, kind="")
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs", "/metrics"):
        yield _case(path, "GET", path, 200, kind="")
        yield _case(f"POST {path}", "POST", path, 405, body=b"{}", kind="")
    for path in (EVENTS, IDENTIFY, "/sdk/v1/config"):
        preflight = (("Origin", "https://evil.test"), ("Access-Control-Request-Method", "POST"))
        yield _case(f"preflight {path}", "OPTIONS", path, 204, headers=preflight, kind="")
    yield _case("absolute form", "GET", "http://platform.test/healthz", 200, kind="")
    yield _case(
        "many headers", "GET", "/healthz", 200, 413, headers=tuple((f"X-{n}", "v") for n in range(2000)), kind=""
    )
    for request_id in ("x" * 500, "a b", "\xff", "<script>", "a;b", ""):
        yield _case(
            f"request id {request_id:.9}", "GET", "/healthz", 200, headers=(("X-Request-ID", request_id),), kind=""
        )


def keys(good: str, secret: str, other: str) -> Iterator[Case]:
    """Wrong keys; `other` is another tenant's secret one."""
    wrong = (
        "x",
        "pk_",
        good[:-1],
        good + "0",
        good.upper(),
        "sk" + good[2:],
        "pk" + secret[2:],
        "\xff" * 9,
        "k" * 9000,
    )
    for key in wrong:
        for target in (EVENTS, CONFIG):
            headers = (("X-API-Key", key), JSON)
            method = "POST" if target == EVENTS else "GET"
            yield _case(f"{target} key {key:.9}", method, target, 401, 429, headers=headers, kind="")
    yield _case("publishable for secret", "GET", CONFIG, 403)
    yield _case("publishable makes keys", "POST", KEYS, 403, body=b'{"kind": "secret"}', headers=(JSON,))
    origin = (("Origin", "https://app.test"), JSON)
    yield _case("secret in a page", "POST", EVENTS, 403, body=b"{}", headers=origin, kind="secret")
    for origin_ in ("null", "https://evil.test", "https://app.test.evil.test", "https://app.test:443", "\xff", "*", ""):
        yield _case(f"origin {origin_:.9}", "POST", EVENTS, 403, headers=(("Origin", origin_), JSON), body=b"{}")
    twice = (("X-API-Key", good), ("X-API-Key", other), JSON)
    yield _case(
        "two keys", "POST", EVENTS, 202, 400, 401, body=json.dumps(batch(ANON)).encode(), headers=twice, kind=""
    )


def tokens() -> Iterator[Case]:
    """Proofs of identity that are none at all."""
    claims = b'{"sub":"alice","exp":9999999999}'
    heads = (b'{"alg":"none"}', b'{"alg":"HS256"}', b'{"alg":"RS256"}', b"{}", b"\xff")
    unsigned = [f"{part(head)}.{part(claims)}." for head in heads]
    for token in (*unsigned, "x", "..", "a.b.c", "\0", "x" * 5000, "é.é.é", "[" * 3000):
        for name in ("identity_token", "token"):
            sent = json.dumps({"user_id": "alice", name: token}).encode()
            yield _case(f"{name} {token:.9}", "POST", IDENTIFY, 403, 422, body=sent)


def part(data: bytes) -> str:
    """One part of a JWT."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def user_path(user_id: str) -> str:
    return f"/api/v1/users/{quote(user_id, safe='')}"


# --- all of it --------------------------------------------------------------------------------------------------------


def whole(good: str, secret: str, other: str) -> Iterator[Case]:
    """Every case. `other` is another tenant's secret key."""
    yield from bodies()
    yield from gzips()
    yield from api()
    yield from routes()
    yield from keys(good, secret, other)
    yield from tokens()


def answered_wrongly(world: World, corpus: Iterable[Case]) -> list[tuple[str, Any]]:
    """Sends them all. What was answered as no case of its kind may be."""
    wrong: list[tuple[str, Any]] = []
    for case in corpus:
        key = world.key(case.kind) if case.kind else None
        try:
            answer = world.send(case.method, case.target, case.body, case.headers, key=key)
        except (AssertionError, KeyError, ValueError, IndexError) as error:
            wrong.append((case.name, repr(error)[:300]))
            continue
        if answer.status not in case.expect:
            wrong.append((case.name, (answer.status, answer.body[:200])))
    return wrong
