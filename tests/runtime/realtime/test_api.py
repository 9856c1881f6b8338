"""The read API on a real database: pages, filters, hostile ids, bad parameters."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

import asyncpg
import pytest

from handrail_contracts import names
from handrail_runtime.data import tables
from handrail_runtime.realtime.api import models

pytestmark = pytest.mark.slow

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
IDS = [
    "a/b",
    "..%2f",
    "x y",
    "a?b=c#d",
    "ü🙂",
    "line\nbreak\n",
    "%41",
    "*.>",
    "'; DROP TABLE users; --",
    "a//b/",
    "events",
]
LISTS = ("events", "users", "sessions", "nudges", "decisions", "escalations")


async def _fill(database) -> list[UUID]:
    """Seven events, two of them at the same microsecond, with a user, session, nudge, decision, escalation each."""
    ids = [uuid4() for _ in range(7)]
    for number, event_id in enumerate(ids):
        at = BEGAN + timedelta(seconds=max(0, number - 1))
        user, session = f"user {number % 2}", f"s{number % 3}"
        await database.execute(
            "INSERT INTO events (event_id, user_id, session_id, event_type, timestamp, url, properties, received_at,"
            " target_element) VALUES ($1, $2, $3, $4, $5, 'https://x/', $6, $5, $7)",
            event_id, user, session, "click" if number else "page_view", at,
            '{"count": 3, "big": 123456789012345678901234567890}', '{"selector": "#a"}' if number else None,
        )  # fmt: skip
        await database.execute(
            "INSERT INTO users (user_id, signup_date, last_seen_time, metadata)"
            " VALUES ($1, $2, $2, '{\"plan\": \"pro\"}')",
            f"one {number}", at,
        )  # fmt: skip
        await database.execute(
            "INSERT INTO sessions (session_id, user_id, start_time, last_seen_time) VALUES ($1, $2, $3, $3)",
            f"s{number % 3}", f"one {number}", at,
        )  # fmt: skip
        await database.execute(
            "INSERT INTO nudges (nudge_id, user_id, session_id, signal_id, stuck_point, nudge_type, content, seq,"
            " sent_at, expires_at, config_revision) VALUES ($1, $2, 's', $1, '/p', 'chat', '{}', $3, $4, $4, 'r')",
            uuid4(), user, number, at,
        )  # fmt: skip
        await database.execute(
            "INSERT INTO decisions (decision_id, signal_id, signal_kind, user_id, session_id, stuck_point, outcome,"
            " reason, gates, provider, config_revision, created_at)"
            " VALUES ($1, $1, 'inactivity', $2, 's', '/p', 'none', 'cooldown',"
            " '[{\"gate\": \"cooldown\", \"passed\": false}]', 'rules', 'r', $3)",
            uuid4(), user, at,
        )  # fmt: skip
        await database.execute(
            "INSERT INTO escalations (escalation_id, signal_id, user_id, session_id, stuck_point, draft, created_at)"
            " VALUES ($1, $1, $2, 's', $3, '{}', $4)",
            uuid4(), user, f"/p{number}", at,
        )  # fmt: skip
    return ids


async def test_lists_by_pages_newest_first(realtime):
    ids = await _fill(realtime.database)
    wanted = sorted(ids[:2], reverse=True)
    newest_first = [str(one) for one in [*reversed(ids[2:]), *wanted]]
    answer = (await realtime.get("/api/v1/events")).json()
    assert [item["event_id"] for item in answer["items"]] == newest_first
    assert answer["next"] is None
    assert answer["items"][0] == {
        "event_id": str(ids[6]), "user_id": "user 0", "session_id": "s0", "event_type": "click",
        "target_element": {"selector": "#a"}, "timestamp": "2026-03-01T12:00:05Z", "url": "https://x/",
        "properties": {"count": 3, "big": 123456789012345678901234567890}, "received_at": "2026-03-01T12:00:05Z",
        "verified": False, "simulated": False,
    }  # fmt: skip
    for name in LISTS:
        whole = (await realtime.get(f"/api/v1/{name}?limit=500")).json()["items"]
        assert len(whole) == 7
        paged: list[object] = []
        cursor: str | None = ""
        while cursor is not None:
            page = (await realtime.get(f"/api/v1/{name}?limit=3" + (f"&cursor={cursor}" if cursor else ""))).json()
            paged += page["items"]
            cursor = page["next"]
        assert paged == whole, name


async def test_a_page_is_not_moved_by_what_comes(realtime):
    await _fill(realtime.database)
    first = (await realtime.get("/api/v1/users?limit=4")).json()
    await realtime.database.execute(
        "INSERT INTO users (user_id, signup_date, last_seen_time) VALUES ('new', now(), now())"
    )
    rest = (await realtime.get(f"/api/v1/users?limit=4&cursor={first['next']}")).json()
    assert [it["user_id"] for it in first["items"] + rest["items"]] == [f"one {n}" for n in (6, 5, 4, 3, 2, 1, 0)]


async def test_filters(realtime):
    await _fill(realtime.database)

    async def count(name: str, **query: str) -> int:
        answer = await realtime.get(f"/api/v1/{name}?{urlencode(query)}")
        assert answer.status_code == 200, answer.text
        return len(answer.json()["items"])

    assert await count("events", user_id="user 0") == 4
    assert await count("events", user_id="user 1", session_id="s0") == 1
    assert await count("events", event_type="page_view") == 1
    assert await count("events", event_type="no_such") == 0
    assert await count("events", since="2026-03-01T12:00:02Z") == 4
    assert await count("events", until="2026-03-01T12:00:02Z") == 3
    assert await count("events", since="2026-03-01T14:00:02+02:00", until="2026-03-01T12:00:04Z") == 2
    assert await count("users", user_id="one 3") == 1
    assert await count("sessions", session_id="s1", user_id="one 1") == 1
    assert await count("nudges", user_id="user 1", since="2026-03-01T12:00:02Z") == 2
    assert await count("decisions", user_id="user 1") == 3
    assert await count("escalations", user_id="user 1") == 3
    assert await count("escalations", user_id="' OR true --") == 0


async def test_hostile_user_ids(realtime):
    for text in IDS:
        await realtime.database.execute(
            "INSERT INTO users (user_id, signup_date, last_seen_time) VALUES ($1, now(), now())", text
        )
    await realtime.database.execute(
        "INSERT INTO user_aliases (anonymous_id, user_id, joined_at) VALUES ('anon-1', 'a/b', now())"
    )
    for text in IDS:
        answer = await realtime.get("/api/v1/users/" + quote(text, safe=""))
        assert (answer.status_code, answer.json()["user_id"]) == (200, text)
        assert answer.json()["anonymous_ids"] == (["anon-1"] if text == "a/b" else [])
        found = (await realtime.get("/api/v1/users?" + urlencode({"user_id": text}))).json()["items"]
        assert [item["user_id"] for item in found] == [text]
    for path, status in (
        ("a/b", 404), ("nobody", 404), ("%00", 422), ("%ff", 422), ("%ed%a0%80", 422), ("x" * 201, 422),
        ("a%2Fb/", 404),
    ):  # fmt: skip
        answer = await realtime.get(f"/api/v1/users/{path}")
        assert answer.status_code == status, path
        assert answer.headers["content-type"] == "application/problem+json"
    longest = quote("\U0001f642" * 200)
    assert (await realtime.get(f"/api/v1/users/{longest}")).status_code == 404


async def test_bad_parameters_are_named(realtime):
    cursor = (await _two(realtime))["next"]
    flipped = base64.urlsafe_b64encode(
        bytes([*base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[:-1], 7])
    ).decode()
    for query, place in (
        ("limit=0", "limit"), ("limit=501", "limit"), ("limit=x", "limit"), ("limit=", "limit"), ("limit=1e1", "limit"),
        ("cursor=", "cursor"), ("cursor=abc", "cursor"), ("cursor=%00", "cursor"), (f"cursor={flipped}", "cursor"),
        (f"cursor={cursor}x", "cursor"), (f"cursor={'A' * 3000}", "cursor"), (f"cursor={cursor[:-2]}", "cursor"),
        ("user_id=", "user_id"), ("user_id=%00", "user_id"), (f"user_id={'x' * 201}", "user_id"),
        ("session_id=a%00", "session_id"), ("event_type=Click", "event_type"), ("event_type=a%0A", "event_type"),
        ("since=yesterday", "since"), ("since=2026-03-01", "since"), ("since=2026-03-01T00:00:00", "since"),
        ("until=1960-01-01T00:00:00Z", "until"), ("until=2100-01-01T00:00:00Z", "until"), ("user=ann", "user"),
    ):  # fmt: skip
        answer = await realtime.get(f"/api/v1/events?{query}")
        assert answer.status_code == 422, query
        body = answer.json()
        assert (body["code"], body["errors"][0]["loc"]) == ("invalid", [place]), query
    # A cursor belongs to its list.
    assert (await realtime.get(f"/api/v1/users?cursor={cursor}")).status_code == 422
    assert (await realtime.get("/api/v1/users?event_type=click")).status_code == 422


async def _two(realtime):
    await _fill(realtime.database)
    return (await realtime.get("/api/v1/events?limit=2")).json()


async def test_only_the_gateway_reads(realtime):
    for scope, status in (("secret", 200), ("dashboard", 200), ("link", 403)):
        for name in LISTS:
            answer = await realtime.get(f"/api/v1/{name}", realtime.principal(scope))
            assert answer.status_code == status
    for headers in ({}, {names.HEADER_API_KEY: realtime.tenant.keys["secret"]}, realtime.principal(aud="other")):
        for path in (*LISTS, "users/ann"):
            answer = await realtime.get(f"/api/v1/{path}", headers | {names.HEADER_REQUEST_ID: "abc"})
            assert (answer.status_code, answer.json()["code"]) == (401, "principal_invalid")
            assert answer.json()["request_id"] == "abc"


@pytest.mark.slow
async def test_a_read_that_takes_too_long_is_ended(realtime):
    # Another transaction keeps the table: the read waits, and its deadline ends it.
    admin = await asyncpg.connect(realtime.tenant.provisioned.owner_files[names.OWNER_DATABASE_URL_FILE])
    async with admin.transaction():
        await admin.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        reads = [asyncio.create_task(realtime.get("/api/v1/events")) for _ in range(2)]
        gateway = await realtime.link()
        await gateway.nothing_until(1, "ann")  # delivery does not wait for readers
        for answer in await asyncio.gather(*reads):
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
    await admin.close()
    assert (await realtime.get("/api/v1/events")).status_code == 200


def test_every_column_of_the_tables_is_answered():
    for table, model, kept in (
        (tables.events, models.EventItem, set()),
        (tables.users, models.UserItem, {"last_seq"}),
        (tables.sessions, models.SessionItem, {"state"}),
        (tables.nudges, models.NudgeItem, set()),
        (tables.decisions, models.DecisionItem, set()),
        (tables.escalations, models.EscalationItem, {"deliveries"}),
    ):
        assert {column.name for column in table.c} - kept == set(model.model_fields) - kept, table.name
