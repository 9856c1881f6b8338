"""The list of elements that the config counts on, on a real database: shape, states, filters, pages, tenants apart."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

pytestmark = pytest.mark.slow

PATH = "/api/v1/targets"
DAY = timedelta(days=1)
TODAY = (datetime.now(UTC) - DAY).replace(hour=12, minute=0, second=0, microsecond=0)
"""Noon of the last day that is over, so that all that happened on it has happened at any hour of the test."""
SPEC = {
    "baselines": [
        {
            "name": "first",
            "success": {"event": "submit", "selector": "form#project"},
            "steps": [
                {"name": "open", "event": "page_view", "path": "/projects"},
                {"name": "new", "event": "click", "selector": "#new", "path": "/projects"},
                {"name": "save", "event": "submit", "selector": "form#project"},
            ],
        },
        {
            "name": "team",
            "success": {"event": "custom"},
            "steps": [{"name": "send", "event": "click", "selector": "#send"}],
        },
    ]
}


async def stands(database: Any, selector: str, page: str, *, run: int = 0, seen: datetime | None = None) -> None:
    since = TODAY if run else None
    await database.execute(
        "INSERT INTO target_pages (selector, page, last_found_at, first_missed_at, last_missed_at, run)"
        " VALUES ($1, $2, $3, $4, $4, $5)",
        selector, page, seen, since, run,
    )  # fmt: skip


async def checked(database: Any, selector: str, page: str, days_ago: int, found: int, missed: int) -> None:
    await database.execute(
        "INSERT INTO target_checks VALUES ($1, $2, $3, $4, $5)",
        selector, page, (TODAY - days_ago * DAY).date(), found, missed,
    )  # fmt: skip


async def named(database: Any, selector: str, page: str, candidate: str, count: int, seen: datetime = TODAY) -> None:
    await database.execute(
        "INSERT INTO target_candidates VALUES ($1, $2, $3, $4, $5)", selector, page, candidate, count, seen
    )


async def nudged(database: Any, target: str | None, status: str, *, hours_ago: float = 1) -> None:
    sent = TODAY - timedelta(hours=hours_ago)
    await database.execute(
        "INSERT INTO nudges (nudge_id, user_id, session_id, signal_id, stuck_point, nudge_type, content, seq, sent_at,"
        " expires_at, status, acknowledged_at, shown_at, config_revision)"
        " VALUES ($1, $2, 's', $1, 'first/new', 'tooltip', jsonb_build_object('target', $3::text), 1, $4::timestamptz,"
        " $4::timestamptz, $5, $4::timestamptz,"
        " CASE WHEN $5 = 'target_missing' THEN NULL ELSE $4::timestamptz END, 'r')",
        uuid4(), uuid4().hex, target, sent, status,
    )  # fmt: skip


def iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


@pytest.fixture
async def world(make_realtime: Callable[..., Awaitable[Any]]) -> Any:
    world = await make_realtime(spec=SPEC)
    database = world.database
    await stands(database, "#new", "/projects", run=4, seen=TODAY - DAY)
    for days_ago, found, missed in ((0, 0, 4), (1, 5, 1), (20, 7, 0)):
        await checked(database, "#new", "/projects", days_ago, found, missed)
    await named(database, "#new", "/projects", "#create", 3)
    await named(database, "#new", "/projects", "#add", 9)
    await named(database, "#new", "/projects", "#long-ago", 50, TODAY - 3 * DAY)
    # It has moved: missing where it was, found where it is.
    await stands(database, "form#project", "/old", run=9, seen=TODAY - 2 * DAY)
    await stands(database, "form#project", "/projects/new", seen=TODAY)
    await checked(database, "form#project", "/projects/new", 0, 2, 0)
    await nudged(database, "#new", "shown", hours_ago=9)
    await nudged(database, "#new", "target_missing")
    for hours_ago in (1, 2, 3):
        await nudged(database, "#only-nudged", "target_missing", hours_ago=hours_ago)
    await nudged(database, "#only-nudged", "clicked", hours_ago=5)
    await nudged(database, "#other", "dismissed")
    await nudged(database, None, "shown")
    # Of a config that is no more.
    await stands(database, "#gone", "/projects", run=9)
    return world


async def items(world: Any, **query: str) -> list[dict[str, Any]]:
    answer = await world.get(f"{PATH}?{urlencode(query)}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_what_is_missing_comes_first_with_all_that_is_known(world: Any) -> None:
    found = await items(world)
    assert [(item["selector"], item["state"]) for item in found] == [
        ("#new", "missing"), ("#only-nudged", "missing"), ("#send", "unknown"), ("#other", "ok"),
        ("form#project", "ok"),
    ]  # fmt: skip
    near = [
        {"selector": "#add", "count": 9, "last_seen_at": iso(TODAY)},
        {"selector": "#create", "count": 3, "last_seen_at": iso(TODAY)},
    ]
    assert found[0] == {
        "selector": "#new",
        "state": "missing",
        "looked_for": True,
        "uses": [
            {"baseline": "first", "step": "new", "event": "click", "path": "/projects", "stuck_point": "first/new"}
        ],
        "nudges": {
            "sent": 2,
            "shown": 1,
            "target_missing": 1,
            "last_sent_at": iso(TODAY - timedelta(hours=1)),
            "last_missing_at": iso(TODAY - timedelta(hours=1)),
            "stuck_points": ["first/new"],
        },
        "found": 5,
        "missed": 5,
        "found_share": 0.5,
        "last_seen_at": iso(TODAY - timedelta(hours=9)),
        "first_missed_at": iso(TODAY),
        "nearest": near,
        "pages": [
            {
                "path": "/projects",
                "state": "missing",
                "found": 5,
                "missed": 5,
                "found_share": 0.5,
                "missed_in_a_row": 4,
                "last_found_at": iso(TODAY - DAY),
                "last_used_at": None,
                "first_missed_at": iso(TODAY),
                "last_missed_at": iso(TODAY),
                "nearest": near,
                "days": [
                    {"day": TODAY.date().isoformat(), "found": 0, "missed": 4},
                    {"day": (TODAY - DAY).date().isoformat(), "found": 5, "missed": 1},
                ],
            }
        ],
    }
    moved = found[-1]
    assert [(page["path"], page["state"]) for page in moved["pages"]] == [("/old", "missing"), ("/projects/new", "ok")]
    assert [use["step"] for use in moved["uses"]] == ["save", None]
    assert found[1]["uses"] == found[1]["pages"] == []
    assert not found[1]["looked_for"]
    assert found[2]["pages"] == []


async def test_filters_and_pages(world: Any) -> None:
    whole = [item["selector"] for item in await items(world)]
    assert [item["selector"] for item in await items(world, state="missing")] == whole[:2]
    assert [item["selector"] for item in await items(world, baseline="team")] == ["#send"]
    assert [item["selector"] for item in await items(world, selector="#other")] == ["#other"]
    assert (await items(world, selector="#new", since=iso(TODAY - 30 * DAY)))[0]["found"] == 12
    (earlier,) = await items(world, selector="#new", until=iso(TODAY.replace(hour=0)), since=iso(TODAY - 2 * DAY))
    assert (earlier["found"], earlier["missed"], earlier["nudges"]["sent"]) == (5, 1, 0)
    paged: list[str] = []
    cursor = ""
    while True:
        answer = (await world.get(f"{PATH}?limit=2{cursor}")).json()
        paged += [item["selector"] for item in answer["items"]]
        if answer["next"] is None:
            break
        cursor = f"&cursor={answer['next']}"
    assert paged == whole


async def test_what_is_not_valid_is_refused(world: Any) -> None:
    other = (await world.get("/api/v1/users?limit=1")).json()["next"]
    cursor = (await world.get(f"{PATH}?limit=1")).json()["next"]
    assert other is None
    assert cursor
    for query in (
        "user_id=a",
        "state=gone",
        "limit=0",
        "limit=501",
        "cursor=x",
        "since=yesterday",
        f"cursor={cursor}x",
    ):
        answer = await world.get(f"{PATH}?{query}")
        assert answer.status_code == 422, query
        assert answer.json()["errors"][0]["loc"] == [query.partition("=")[0]]
    assert (await world.get(f"/api/v1/events?cursor={cursor}")).status_code == 422
    assert (await world.get(PATH, headers={})).status_code == 401


async def test_another_tenant_sees_none_of_it(world: Any, make_realtime: Callable[..., Awaitable[Any]]) -> None:
    other = await make_realtime()
    assert await items(other) == []
    assert (await other.get(PATH, headers=world.principal())).status_code == 401
