"""Bodies that are no JSON, no batch, no gzip, too large, too deep; properties and times that cannot be kept."""

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

from tests.hostile.cases import ANON, EVENTS, IDENTIFY, JSON, TEN_MB, Case, case
from tests.hostile.world import batch, event

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
            yield case(f"{target} {name}", "POST", target, 422, body=body, headers=(JSON,))
    for name, body in _properties():
        yield case(f"properties {name}", "POST", EVENTS, 422, body=body, headers=(JSON,))
        traits = json.dumps({"user_id": ANON, "traits": {}}).encode()
        found = json.loads(json.dumps(name)) and body[body.index(b'"properties": ') + 14 :].rsplit(b"}]}", 1)[0]
        sent = traits.replace(b'"traits": {}', b'"traits": ' + found)
        yield case(f"traits {name}", "POST", IDENTIFY, 422, body=sent, headers=(JSON,))
    for name in ("event_id", "event_type", "session_id", "url", "target_element", "properties"):
        for value in WRONG_VALUES:
            sent = json.dumps(batch(ANON, **{name: value})).encode()
            yield case(f"{name} {value!r:.20}", "POST", EVENTS, 202, 422, body=sent, headers=(JSON,))
    for value in _WRONG_ID:
        yield case(f"user_id {value!r:.9}", "POST", EVENTS, 422, body=json.dumps(batch(value)).encode())
        yield case(f"identify {value!r:.9}", "POST", IDENTIFY, 422, body=json.dumps({"user_id": value}).encode())
    for value in TIMES_TAKEN:
        yield case(f"time {value}", "POST", EVENTS, 202, body=json.dumps(batch(ANON, timestamp=value)).encode())
    for value in TIMES_REFUSED:
        yield case(f"time {value}", "POST", EVENTS, 422, body=json.dumps(batch(ANON, timestamp=value)).encode())
        if value is not None:
            sent = json.dumps(batch(ANON) | {"sent_at": value}).encode()
            yield case(f"sent_at {value}", "POST", EVENTS, 422, body=sent)
    twice = b'{"events": [], ' + json.dumps(batch(ANON)).encode()[1:]
    yield case("duplicate names", "POST", EVENTS, 202, 422, body=twice)
    many = {"events": [event(ANON) for _ in range(501)]}
    yield case("501 events", "POST", EVENTS, 413, 422, body=json.dumps(many).encode())
    for target in (EVENTS, IDENTIFY):
        yield case("10 MB", "POST", target, 413, body=b" " * TEN_MB, headers=(JSON,))
    keys: tuple[Any, ...] = ("\0", "x" * 300, 1, None, [], "pk_")
    for key in keys:
        sent = json.dumps(batch(ANON) | {"api_key": key}).encode()
        yield case(f"api_key {key!r:.9}", "POST", EVENTS, 401, 422, 429, body=sent, kind="")
    for media in (
        "text/html",
        "application/xml",
        "multipart/form-data",
        "",
        "application/json;charset=utf-16",
        "x" * 999,
    ):
        yield case(f"media {media:.9}", "POST", EVENTS, 415, body=b"{}", headers=(("Content-Type", media),))
    for encoding in ("br", "deflate", "zstd", "gzip, gzip", "x" * 999, "\xff"):
        headers = (JSON, ("Content-Encoding", encoding))
        yield case(f"encoding {encoding:.9}", "POST", EVENTS, 415, body=b"{}", headers=headers)
