"""What is refused for its form, with every bad place named."""

import gzip
from datetime import UTC, datetime
from typing import Any

import msgspec


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


async def test_half_an_emoji_is_told_and_not_taken_for_a_missing_key(running: Any, tenant: Any, make: Any) -> None:
    batch = msgspec.json.encode(make.batch(api_key=tenant.keys["publishable"], note="HALF"))
    for bad in (batch.replace(b"HALF", rb"\ud83d"), batch[:-1], batch.replace(b'"HALF"', b'"\xff"')):
        answer = await running.client.post("/api/v1/events", content=bad, headers={"Content-Type": "text/plain"})
        assert answer.status_code == 422, answer.text
    body = msgspec.json.encode(
        {"user_id": make.anonymous(), "traits": {"a": "HALF"}, "api_key": tenant.keys["publishable"]}
    )
    content = body.replace(b"HALF", rb"\ud83d")
    answer = await running.client.post("/api/v1/identify", content=content, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 422, answer.text
    unknown = batch.replace(b"HALF", rb"\ud83d").replace(tenant.keys["publishable"].encode(), b"pk_" + b"x" * 45)
    answer = await running.client.post("/api/v1/events", content=unknown, headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (401, "key_unknown")
