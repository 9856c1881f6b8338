"""What events say of nudges and of who a user is."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from handrail_contracts import names

MakeWorld = Callable[..., Awaitable[Any]]
_NUDGE = """
INSERT INTO nudges (nudge_id, user_id, session_id, signal_id, stuck_point, nudge_type, content, seq, sent_at,
                    expires_at, config_revision)
VALUES ($1, $2, 's', $3, '/a', 'tooltip', '{}', $4, now(), now(), 'r')
"""


async def test_only_a_users_own_nudges_follow_events(make_world: MakeWorld, person: Any, frame: Any) -> None:
    world = await make_world()
    await world.start()
    anonymous = f"anon-{uuid.uuid4()}"
    anna, mallory = person("anna"), person("mallory")
    own, before, other = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    for seq, (nudge_id, user_id) in enumerate([(own, "anna"), (before, anonymous), (other, "ben")]):
        await world.rows(_NUDGE, nudge_id, user_id, uuid.uuid4(), seq)
    await world.publish(
        frame([anna.does("identify", traits={"plan": "pro"}, anonymous_id=anonymous)]),
        frame(
            [
                anna.does("nudge_shown", nudge_id=str(own)),
                anna.does("nudge_clicked", nudge_id=str(own), action_id="go"),
                anna.does("nudge_dismissed", nudge_id=str(own)),
                anna.does("nudge_target_missing", nudge_id=str(before)),
                anna.does("nudge_shown", nudge_id="not an id"),
            ]
        ),
        frame([mallory.does("nudge_completed", nudge_id=str(own)), mallory.does("nudge_shown", nudge_id=str(other))]),
    )
    await world.stored(8)
    await world.settled()
    rows = {row["nudge_id"]: row for row in await world.rows("SELECT * FROM nudges")}
    assert {nudge_id: row["status"] for nudge_id, row in rows.items()} == {
        own: "clicked", before: "target_missing", other: "pending",
    }  # fmt: skip
    assert rows[own]["shown_at"] < rows[own]["clicked_at"] < rows[own]["dismissed_at"]
    assert rows[own]["completed_at"] is None
    live = msgspec.json.decode(await world.redis.get(names.session_key(world.tenant.redis_prefix, "anna")))
    assert live["nudges"] == {"/a": 1}


async def test_traits_are_merged_and_the_first_joining_wins(make_world: MakeWorld, person: Any, frame: Any) -> None:
    world = await make_world()
    await world.start()
    anonymous = f"anon-{uuid.uuid4()}"
    anna, mallory = person("anna"), person("mallory")
    await world.publish(
        frame([anna.does("identify", traits={"plan": "free", "team": 3}, anonymous_id=anonymous)]),
        frame([anna.does("identify", traits={"plan": "pro"})]),
        frame([mallory.does("identify", anonymous_id=anonymous), mallory.does("identify", anonymous_id="anna")]),
        frame([anna.does("identify", traits={f"k{n}": "x" * 7000 for n in range(2)}) for _ in range(2)]),
    )
    await world.stored(6)
    assert await world.value("SELECT metadata ->> 'plan' FROM users WHERE user_id = 'anna'") == "pro"
    assert await world.value("SELECT metadata ->> 'team' FROM users WHERE user_id = 'anna'") == "3"
    assert [tuple(row) for row in await world.rows("SELECT anonymous_id, user_id FROM user_aliases")] == [
        (anonymous, "anna")
    ]
    assert await world.value("SELECT count(*) FROM sessions") == 0  # being named is no visit
