"""What browsers saw of the elements that the config names: counted once, by page and day, whatever else they claim."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from handrail_contracts.targets import target_id

MakeWorld = Callable[..., Awaitable[Any]]
NEW, SAVE = target_id("#new", ""), target_id("form#project", "/projects/*/edit")
SPEC = {
    "baselines": [
        {
            "name": "first",
            "success": {"event": "submit", "selector": "form#project", "path": "/projects/*/edit"},
            "steps": [{"name": "new", "event": "click", "selector": "#new"}],
        }
    ],
    "privacy": {"retentionDays": 7},
}


async def pages(world: Any) -> dict[tuple[str, str], tuple[int, int, int]]:
    """(found, missed, run) by selector and page."""
    rows = await world.rows(
        "SELECT p.selector, p.page, coalesce(sum(c.found), 0) AS found, coalesce(sum(c.missed), 0) AS missed, p.run"
        " FROM target_pages p LEFT JOIN target_checks c USING (selector, page) GROUP BY p.selector, p.page, p.run"
    )
    return {(row["selector"], row["page"]): (row["found"], row["missed"], row["run"]) for row in rows}


async def candidates(world: Any) -> dict[str, int]:
    rows = await world.rows("SELECT candidate, count FROM target_candidates")
    return {row["candidate"]: row["count"] for row in rows}


async def test_looks_count_once_and_make_nobody_active(make_world: MakeWorld, person: Any, frame: Any) -> None:
    world = await make_world(SPEC)
    ingest = await world.start()
    anna, ben = person("anna"), person("ben")
    view = anna.views("/projects")
    look = anna.does("target_check", found=[NEW], missed=[SAVE], after=30)
    elsewhere = ben.does("target_check", missed=[NEW, SAVE], nearest={SAVE: "#plan"})
    elsewhere["url"] = "https://app.example.test/projects/a7c/edit#top"
    batches = [frame([view, look]), frame([elsewhere])]
    # Delivered again, and sent again beside something new.
    await world.publish(*batches, *batches, frame([look, anna.does("click", "#other")]))
    await world.stored(4)
    await world.settled()
    assert await pages(world) == {
        # Found where it was seen; missed where the config wants it, and nowhere else.
        ("#new", "/projects"): (1, 0, 0),
        ("form#project", "/projects/*/edit"): (0, 1, 1),
    }
    assert await candidates(world) == {"#plan": 1}
    session = (await world.rows("SELECT * FROM sessions"))[0]
    assert (session["user_id"], session["event_count"]) == ("anna", 2)
    assert [row["user_id"] for row in await world.rows("SELECT user_id FROM users")] == ["anna"]
    # The looks' own time is 30 s after the view; the click came after.
    assert session["last_seen_time"] - session["start_time"] == timedelta(seconds=31)
    assert await world.value("SELECT last_seen_time FROM users") == session["last_seen_time"]

    for other in ("carl", "dora"):
        one = person(other, path="/projects/a7c/edit")
        await world.publish(frame([one.does("target_check", missed=[SAVE])]))
    # The same visit tells of the same page again.
    await world.publish(frame([dict(elsewhere, event_id=ben.does("x")["event_id"])]))
    await world.stored(7)
    await world.settled()
    assert (await pages(world))["form#project", "/projects/*/edit"] == (0, 3, 3)
    assert await ingest.metric("handrail_ingest_missing_targets") == 1


async def test_a_look_alone_begins_no_visit_and_no_user(make_world: MakeWorld, person: Any, frame: Any) -> None:
    world = await make_world(SPEC)
    await world.start()
    anna = person("anna")
    await world.publish(frame([anna.does("target_check", found=[NEW])]))
    await world.stored(1)
    await world.settled()
    assert await pages(world) == {("#new", "/projects"): (1, 0, 0)}
    assert await world.rows("SELECT FROM users UNION ALL SELECT FROM sessions") == []


async def test_what_is_claimed_is_bounded(make_world: MakeWorld, person: Any, frame: Any) -> None:
    world = await make_world(SPEC)
    await world.start()
    visits = (person("mallory", path="") for _ in range(10_000))

    def claims(path: str, **properties: object) -> dict[str, Any]:
        """By another visit each time."""
        mallory = next(visits)
        mallory.path = path
        return dict(mallory.does("target_check", **properties))

    hostile = [
        claims("/team", found=[SAVE], missed=[SAVE]),
        claims("/projects", found=["x" * 12, "", "0" * 10_000], missed=[target_id("#new", "/team")]),
        claims("/projects", found="everything", missed={"a": 1}),
        claims("/projects", found=[[NEW]], missed=[None]),
        claims("/projects", found=[{"id": NEW}], nearest=[NEW]),
        claims("/projects", nearest={NEW: "#a"}),
        claims("/nowhere", missed=[NEW] * 60),
        claims("/" + "x" * 300, found=[NEW]),
    ]
    many = [claims(f"/page-{chr(97 + number)}", found=[NEW]) for number in range(25)]
    records = [claims(f"/projects/{number}/edit", missed=[SAVE]) for number in range(3)]
    junk = [claims("/projects/7/edit", missed=[SAVE], nearest={SAVE: f"#junk-{number}"}) for number in range(30)]
    wrong = ["#" + "x" * 300, "", 7, None, "a\x1b[31m", "form#project"]
    odd = [claims("/projects/7/edit", missed=[SAVE], nearest={SAVE: value}) for value in wrong]
    named = [claims("/projects/7/edit", missed=[SAVE], nearest={SAVE: "#plan"}) for _ in range(3)]
    twice = [claims("/page-a", found=[NEW, NEW], missed=[NEW])]
    simulated = [claims("/page-a", found=[NEW])]
    for one in [*hostile, *many, *records, *named, *junk, *odd, *twice]:
        await world.publish(frame([one]))
    await world.publish(frame(simulated, simulated=True))
    # One visit, again and again.
    flood = person("mallory", path="/page-b")
    await world.publish(frame([flood.does("target_check", found=[NEW]) for _ in range(150)]))
    flood.path = "/page-c"
    await world.publish(frame([flood.does("target_check", found=[NEW]) for _ in range(150)]))
    await world.settled()
    found = await pages(world)
    learned = {page: counts for (selector, page), counts in found.items() if selector == "#new"}
    assert len(learned) == 20
    assert learned["/page-a"] == learned["/page-b"] == learned["/page-c"] == (2, 0, 0)
    assert learned["/page-d"] == (1, 0, 0)
    # The two with a nearest that is no text cannot be read at all.
    assert found["form#project", "/projects/*/edit"] == (0, 40, 40)
    assert len(found) == 21
    kept = await candidates(world)
    assert len(kept) == 10
    assert kept["#plan"] == 3
    assert await world.value("SELECT count(*) FROM dead_letters") == 0


async def test_a_use_is_a_sight_of_it_too(make_world: MakeWorld, person: Any, frame: Any) -> None:
    world = await make_world(SPEC)
    await world.start()
    anna, ben = person("anna"), person("ben", path="/projects/12/edit")
    await world.publish(
        frame([anna.does("click", "#new", tag="button") for _ in range(3)]),
        frame([ben.does("target_check", missed=[SAVE]), ben.does("submit", "#project", tag="form")]),
        frame([ben.does("click", "#project", tag="div")]),
    )
    await world.settled()
    assert await pages(world) == {("#new", "/projects"): (0, 0, 0), ("form#project", "/projects/*/edit"): (0, 1, 0)}
    uses = await world.rows("SELECT last_used_at, last_found_at FROM target_pages")
    assert all(row["last_used_at"] is not None and row["last_found_at"] is None for row in uses)
    # What is known to be on a page is missed there.
    await world.publish(frame([anna.does("target_check", missed=[NEW])]))
    await world.settled()
    assert (await pages(world))["#new", "/projects"] == (0, 1, 1)


async def test_what_is_older_than_the_retention_goes(make_world: MakeWorld, person: Any, frame: Any) -> None:
    world = await make_world(SPEC)
    await world.start()
    for day, page in ((-9, "/old"), (-5, "/young")):
        await world.rows("INSERT INTO target_checks VALUES ('#new', $2, current_date + $1::int, 1, 0)", day, page)
        await world.rows(
            "INSERT INTO target_pages (selector, page, last_found_at)"
            " VALUES ('#new', $2, now() + $1 * interval '1 day')", day, page,
        )  # fmt: skip
        await world.rows(
            "INSERT INTO target_candidates VALUES ('#new', $2, '#x', 1, now() + $1 * interval '1 day')", day, page
        )
    stale = person("anna", clock=-8 * 86_400).does("target_check", found=[NEW])
    await world.publish(frame([stale]), frame([person("anna").does("target_check", found=[NEW])]))
    await world.stored(2)
    await world.settled()
    assert await pages(world) == {("#new", "/projects"): (1, 0, 0), ("#new", "/young"): (1, 0, 0)}
    assert await world.value("SELECT count(*) FROM target_candidates") == 1


async def test_two_processes_lose_no_look(make_world: MakeWorld, person: Any, frame: Any) -> None:
    world = await make_world(SPEC)
    await asyncio.gather(world.start(), world.start())
    people = [person(f"user-{number}", path=f"/projects/{number}/edit") for number in range(40)]
    looks = [
        frame([one.does("target_check", missed=[SAVE], nearest={SAVE: f"#n{number % 4}"})])
        for number, one in enumerate(people)
    ]
    await asyncio.gather(*(world.publish(look) for look in looks))
    await world.stored(40)
    await world.settled()
    assert await pages(world) == {("form#project", "/projects/*/edit"): (0, 40, 40)}
    assert await candidates(world) == {f"#n{number}": 10 for number in range(4)}
