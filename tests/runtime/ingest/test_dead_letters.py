"""What cannot be stored is put aside alone, with its reason, and can be put back; an outage puts nothing aside."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import msgspec
import pytest

from handrail_contracts import intake, names, subjects, times
from handrail_runtime.data.dead_letters import Letter
from handrail_runtime.ingest.decoding import alone, decode
from handrail_runtime.ingest.sifting import sift

MakeWorld = Callable[..., Awaitable[Any]]
NUL = {"text": "a\u0000b"}
LETTERS = "SELECT * FROM dead_letters ORDER BY event_id"

# A fault of ours, as far as PostgreSQL is asked: it refuses one event with a state that no value explains.
FAULT = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{state}'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.event_id = '{event_id}')
EXECUTE FUNCTION refuse();
"""


def _frame(found: list[dict[str, Any]], **more: object) -> bytes:
    body = msgspec.json.encode({"events": found, "sent_at": "2026-01-01T00:00:00Z", "token": "secret", **more})
    return intake.frame(intake.BatchMeta(times.micros(datetime.now(UTC)), 7, True, "r1"), body)


async def _owner(world: Any) -> asyncpg.Connection:
    """Who may change tables."""
    database = urlsplit(world.tenant.text(names.DATABASE_URL_FILE).strip()).path.lstrip("/")
    connection: asyncpg.Connection = await asyncpg.connect(world.servers.postgres_admin, database=database)
    return connection


# --- pure -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [set(), {0}, {499}, {3, 250}, set(range(500))])
async def test_sifting_takes_few_tries(bad: set[int]) -> None:
    stored: list[int] = []
    tries = 0

    async def store(items: Any) -> Exception | None:
        nonlocal tries
        tries += 1
        if bad & set(items):
            return ValueError(str(min(bad & set(items))))
        stored.extend(items)
        return None

    refused = await sift(range(500), store)
    assert [place for place, _ in refused] == sorted(bad)
    assert [str(error) for _, error in refused] == [str(place) for place in sorted(bad)]
    assert stored == [one for one in range(500) if one not in bad]
    assert tries <= 1 + 2 * 9 * max(1, len(bad))


def test_a_part_is_one_event_in_the_same_frame(person: Any) -> None:
    anna, ben = person("anna"), person("ben")
    events = [anna.views("/a"), anna.views("/b")]
    broken = {**ben.views("/b"), "timestamp": "yesterday"}
    ends = [ben.views("/c"), ben.views("/d")]
    message = intake.join([_frame(events), _frame([ends[0], broken, ends[1]]), _frame([anna.views("/e")])])
    content = decode(message)
    assert [one.event.event_id for one in content.events] == [
        *(one["event_id"] for one in [*events, *ends]),
        content.events[-1].event.event_id,
    ]
    for number, one in enumerate(content.events):
        part = alone(message, number)
        assert decode(part).events == [one]
        assert b"secret" not in part
        (framed,) = intake.split(part)
        assert (framed.meta.skew, framed.meta.verified, framed.meta.request_id) == (7, True, "r1")
    (letter,) = content.letters
    assert (letter.kind, letter.event_id, letter.user_id) == ("event", broken["event_id"], "ben")
    with pytest.raises(IndexError):
        alone(message, len(content.events))


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        (b"\x00\x00\x00\x09junk", ["message"]),
        (_frame([]) + b"\x00", ["message"]),
        (intake.frame(intake.BatchMeta(0), b"not json"), ["batch"]),
        (intake.frame(intake.BatchMeta(0), b'{"events": 5}'), ["batch"]),
        (_frame([{"event_id": 1}, {"event_id": 2}]), ["batch"]),
        (_frame([{"event_id": "x" * 9000, "user_id": "\u0000"}]), ["event"]),
        (b"", []),
    ],
    ids=["junk", "cut", "no-json", "no-list", "no-events", "no-event", "empty"],
)
def test_the_unreadable_is_kept_whole(message: bytes, kinds: list[str]) -> None:
    content = decode(message)
    assert [letter.kind for letter in content.letters] == kinds
    for letter in content.letters:
        again = decode(letter.payload)
        assert [one.letter_id for one in again.letters] == [letter.letter_id], "put back, it is the same letter"


def test_ids_follow_from_what_is_held() -> None:
    one = Letter("event", "poison", "r", b"a", 1, "id", "anna")
    assert one.letter_id == Letter("event", "bug", "other", b"b", 2, "id", "anna").letter_id
    assert one.letter_id != Letter("event", "poison", "r", b"a", 1, "id", "ben").letter_id
    assert Letter("batch", "poison", "r", b"a").letter_id != Letter("message", "poison", "r", b"a").letter_id


# --- a real process -----------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_one_bad_event_among_500_of_50_users_costs_nobody_else(
    make_world: MakeWorld, person: Any, frame: Any, until: Any
) -> None:
    world = await make_world()
    people = [person(f"user {number}", clock=-1000.0) for number in range(50)]
    batches = [[one.views(f"/{step}") for step in range(10)] for one in people]
    bad = batches[20][4]
    bad["properties"] = NUL
    process = await world.start()
    await world.publish(intake.join([frame(events) for events in batches]))
    await world.stored(499)
    await world.settled()
    (letter,) = await world.rows(LETTERS)
    assert (letter["kind"], letter["class"], letter["state"], letter["attempts"]) == ("event", "poison", "open", 1)
    assert (letter["event_id"], letter["user_id"], letter["event_type"]) == (bad["event_id"], "user 20", "page_view")
    assert letter["reason"].startswith("SQLSTATE 22P05")
    assert [one.event.event_id for one in decode(letter["payload"]).events] == [bad["event_id"]]
    rows = await world.rows("SELECT user_id, event_count FROM sessions")
    assert {row["user_id"]: row["event_count"] for row in rows} == {
        one.user_id: 9 if one.user_id == "user 20" else 10 for one in people
    }
    refused = await process.metric('handrail_ingest_batches_total{outcome="refused"}')
    assert 1 <= refused <= 10, "by halves, not one by one"
    counted = "handrail_ingest_dead_letters_total"
    assert await process.metric(f'{counted}{{class="poison"}}') == 1

    async def gauge() -> bool:
        return bool(await process.metric('handrail_ingest_open_dead_letters{class="poison"}') == 1)

    await until(gauge)
    # The same once more, as after a lost acknowledgement or from a client that sends again.
    await world.publish(frame(batches[20]))
    await world.settled()
    assert [row["attempts"] for row in await world.rows(LETTERS)] == [2]
    assert await world.value("SELECT count(*) FROM events") == 499


@pytest.mark.slow
async def test_kinds_of_poison(make_world: MakeWorld, person: Any, frame: Any) -> None:
    """As a gateway that forgot its checks would let them in."""
    world = await make_world()
    await world.start()
    anna, long = person("anna"), person("lo\u0000ng")
    nul, wide, late = anna.does("custom", **NUL), anna.does("custom"), anna.does("custom")
    # Random, for what repeats is compressed before it is measured.
    wide["session_id"] = "".join(anna.does("x")["event_id"] for _ in range(600))
    late["timestamp"] = "9999-99-99T00:00:00Z"
    nul_user = long.does("custom")
    good = [anna.views(f"/{number}") for number in range(5)]
    await world.publish(frame([good[0], nul, good[1], wide, good[2], late, good[3]]), frame([nul_user]))
    await world.publish(b"\x00\x00\x00\x09junk", frame([good[4]]))
    await world.stored(5)
    await world.settled()
    letters = await world.rows("SELECT kind, class, event_id, reason FROM dead_letters")
    assert {(row["kind"], row["class"], row["event_id"]) for row in letters} == {
        ("event", "poison", nul["event_id"]),
        ("event", "poison", wide["event_id"]),
        ("event", "poison", late["event_id"]),
        ("event", "poison", nul_user["event_id"]),
        ("message", "poison", None),
    }


@pytest.mark.slow
async def test_a_bug_is_told_kept_and_put_back(make_world: MakeWorld, person: Any, frame: Any, until: Any) -> None:
    world = await make_world()
    process = await world.start()
    anna = person("anna")
    events = [anna.views(f"/{number}") for number in range(9)]
    owner = await _owner(world)
    try:
        await owner.execute(FAULT.format(state="P0001", event_id=events[3]["event_id"]))
        await world.publish(frame(events))
        await world.stored(8)
        await world.settled()
        (letter,) = await world.rows(LETTERS)
        assert (letter["class"], letter["event_id"]) == ("bug", events[3]["event_id"])
        log = process.log.read_text()
        assert events[3]["event_id"] in log
        assert "Traceback" in log or "exception" in log
        assert await process.metric('handrail_ingest_dead_letters_total{class="bug"}') == 1

        async def put_back() -> None:
            await world.pool.execute("UPDATE dead_letters SET state = 'retried'")
            headers = {names.HEADER_DEAD_LETTER: str(letter["dead_letter_id"])}
            client = await world.reader("realtime")
            try:
                await client.jetstream().publish(subjects.EVENTS_RETRY, letter["payload"], headers=headers)
            finally:
                await client.close()
            await world.settled()

        await put_back()
        (again,) = await world.rows(LETTERS)
        assert (again["state"], again["attempts"]) == ("open", 2), "it failed again"
        assert again["first_failed_at"] == letter["first_failed_at"] < again["last_failed_at"]
        await owner.execute("DROP TRIGGER refuse ON events")
        await put_back()
        assert await world.rows(LETTERS) == []
        await world.stored(9)
    finally:
        await owner.close()


@pytest.mark.slow
async def test_an_outage_makes_no_dead_letter(make_world: MakeWorld, person: Any, frame: Any, until: Any) -> None:
    """Whatever says "not now" is waited for, also while the dead letter itself is to be written."""
    world = await make_world()
    process = await world.start()
    anna = person("anna")
    owner = await _owner(world)

    async def outages() -> float:
        found: float = await process.metric('handrail_ingest_batches_total{outcome="outage"}')
        return found

    try:
        for state in ("53100", "40001", "57014", "25006", "55P03", "42501"):
            event = anna.views(f"/{state}")
            await owner.execute(FAULT.format(state=state, event_id=event["event_id"]))
            before = await outages()
            await world.publish(frame([event, anna.views("/more")]))

            async def waited(before: float = before) -> bool:
                return await outages() > before

            await until(waited)
            await owner.execute("DROP TRIGGER refuse ON events; DROP FUNCTION refuse()")
        await world.stored(12)
        # A bad event, and no room for its letter.
        await owner.execute("ALTER TABLE dead_letters RENAME TO dead_letters_away")
        await world.publish(frame([anna.does("custom", **NUL), anna.views("/last")]))
        await world.stored(13)

        async def letter_waits() -> bool:
            return "does not take dead letters" in process.log.read_text()

        await until(letter_waits)
        await owner.execute("ALTER TABLE dead_letters_away RENAME TO dead_letters")
    finally:
        await owner.close()
    await world.settled()
    assert [row["class"] for row in await world.rows(LETTERS)] == ["poison"]
    assert await world.value("SELECT count(*) FROM events") == 13
