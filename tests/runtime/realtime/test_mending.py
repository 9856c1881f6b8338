"""What went wrong, listed and put right: dead letters, failed runs, escalations; also by many at once."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from nats.aio.client import Client

from handrail_contracts import intake, names, subjects
from handrail_operator.provision.nats_server import MAX_PAYLOAD
from handrail_runtime.realtime.api import shown

pytestmark = pytest.mark.slow

EVENT = {"event_id": "e1", "user_id": "anna", "properties": {"text": "a\u0000b"}}
SIGNAL = {"signal_id": "1", "kind": "rage_click", "user_id": "anna", "session_id": "s", "stuck_point": "/p"}


def _payload(*events: Any) -> bytes:
    return intake.frame(intake.BatchMeta(1), json.dumps({"events": events, "sent_at": None}).encode())


async def _letter(realtime: Any, *, kind: str = "event", payload: bytes | None = None, user_id: str = "anna") -> UUID:
    letter_id = uuid4()
    await realtime.database.execute(
        "INSERT INTO dead_letters (dead_letter_id, kind, class, reason, event_id, user_id, event_type, payload,"
        " stream_sequence) VALUES ($1, $2, 'poison', 'SQLSTATE 22P05: no', 'e1', $3, 'custom', $4, 7)",
        letter_id, kind, user_id, _payload(EVENT) if payload is None else payload,
    )  # fmt: skip
    return letter_id


async def _run(realtime: Any, status: str = "failed") -> UUID:
    run_id = uuid4()
    await realtime.database.execute(
        "INSERT INTO failed_runs (run_id, node, error, signal, state, attempts, status)"
        " VALUES ($1, 'diagnose', 'KeyError', $2, '{\"gates\": []}', 5, $3)",
        run_id, json.dumps({**SIGNAL, "signal_id": str(run_id)}), status,
    )  # fmt: skip
    return run_id


async def _escalation(realtime: Any) -> UUID:
    escalation_id = uuid4()
    await realtime.database.execute(
        "INSERT INTO escalations (escalation_id, signal_id, user_id, session_id, stuck_point, draft)"
        " VALUES ($1, $1, 'anna', 's', '/p', '{}')", escalation_id,
    )  # fmt: skip
    return escalation_id


async def _call(realtime: Any, method: str, path: str, **options: Any) -> httpx2.Response:
    async with httpx2.AsyncClient(base_url=realtime.url, trust_env=False, timeout=30) as client:
        return await client.request(method, f"/api/v1{path}", **{"headers": realtime.principal()} | options)


async def _taken(realtime: Any, role: str, stream: str, consumer: str) -> list[Any]:
    """All that waits in a stream, acknowledged."""
    client = Client()
    await client.connect(
        realtime.nats_url, user_credentials=str(realtime.tenant.secrets / names.creds_file(role)), connect_timeout=5
    )
    try:
        pull = await client.jetstream().pull_subscribe_bind(consumer, stream)
        waiting = (await pull.consumer_info()).num_pending
        found = await pull.fetch(waiting, timeout=10) if waiting else []
        for message in found:
            await message.ack_sync()
        return list(found)
    finally:
        await client.close()


async def _events(realtime: Any) -> list[Any]:
    return await _taken(realtime, "ingest", names.EVENTS_STREAM, names.INGEST_CONSUMER)


async def _state(realtime: Any, letter_id: UUID) -> str | None:
    found: str | None = await realtime.database.fetchval(
        "SELECT state FROM dead_letters WHERE dead_letter_id = $1", letter_id
    )
    return found


async def test_dead_letters_are_listed_with_their_event(realtime: Any) -> None:
    letter_id = await _letter(realtime)
    other = await _letter(realtime, kind="message", payload=b"junk", user_id="ben")
    items = (await _call(realtime, "GET", "/deadletters")).json()["items"]
    assert [item["dead_letter_id"] for item in items] == [str(other), str(letter_id)]
    (item,) = (await _call(realtime, "GET", "/deadletters?user_id=anna&kind=event")).json()["items"]
    assert {name: item[name] for name in ("class", "kind", "reason", "attempts", "state", "event", "size")} == {
        "class": "poison", "kind": "event", "reason": "SQLSTATE 22P05: no", "attempts": 1, "state": "open",
        "event": EVENT, "size": len(_payload(EVENT)),
    }  # fmt: skip
    assert "payload" not in item
    assert items[0]["event"] is None
    page = (await _call(realtime, "GET", "/deadletters?limit=1")).json()
    rest = (await _call(realtime, "GET", f"/deadletters?limit=1&cursor={page['next']}")).json()
    assert [one["items"][0]["dead_letter_id"] for one in (page, rest)] == [str(other), str(letter_id)]
    assert (await _call(realtime, "GET", "/deadletters?state=retried")).json()["items"] == []
    assert (await _call(realtime, "GET", "/deadletters?state=gone")).status_code == 422


async def test_one_is_put_back_once_however_often_it_is_asked(realtime: Any) -> None:
    letter_id = await _letter(realtime)
    answers = await asyncio.gather(*(_call(realtime, "POST", f"/deadletters/{letter_id}/retry") for _ in range(10)))
    assert {answer.status_code for answer in answers} == {204}
    (message,) = await _events(realtime)
    assert (message.subject, message.data) == (subjects.EVENTS_RETRY, _payload(EVENT))
    assert message.headers[names.HEADER_DEAD_LETTER] == str(letter_id)
    assert (await _call(realtime, "GET", "/deadletters")).json()["items"] == []
    (item,) = (await _call(realtime, "GET", "/deadletters?state=retried")).json()["items"]
    assert item["dead_letter_id"] == str(letter_id)
    # As ingest does when it fails again; the next attempt is another message.
    await realtime.database.execute("UPDATE dead_letters SET state = 'open', attempts = 2")
    assert (await _call(realtime, "POST", f"/deadletters/{letter_id}/retry")).status_code == 204
    assert len(await _events(realtime)) == 1


async def test_signals_go_back_to_the_agent(realtime: Any) -> None:
    letter_id = await _letter(realtime, kind="signal", payload=b"half a signal")
    assert (await _call(realtime, "POST", f"/deadletters/{letter_id}/retry")).status_code == 204
    (message,) = await _taken(realtime, "agent", names.SIGNALS_STREAM, names.AGENT_CONSUMER)
    assert (message.subject, message.data) == (subjects.SIGNALS_RESUME, b"half a signal")
    assert await _events(realtime) == []


async def test_all_are_put_back_and_dropped(realtime: Any) -> None:
    ids = [await _letter(realtime) for _ in range(45)]
    both = await asyncio.gather(*(_call(realtime, "POST", "/deadletters/retry") for _ in range(2)))
    assert sum(answer.json()["retried"] for answer in both) == 45
    assert [answer.json()["more"] for answer in both] == [False, False]
    assert {message.headers[names.HEADER_DEAD_LETTER] for message in await _events(realtime)} == set(map(str, ids))
    assert (await _call(realtime, "DELETE", "/deadletters")).json() == {"dropped": 0}, "only open ones"
    await _letter(realtime)
    assert (await _call(realtime, "DELETE", "/deadletters")).json() == {"dropped": 1}
    assert await realtime.database.fetchval("SELECT count(*) FROM dead_letters") == 45


async def test_one_is_dropped(realtime: Any) -> None:
    letter_id = await _letter(realtime)
    answers = await asyncio.gather(*(_call(realtime, "DELETE", f"/deadletters/{letter_id}") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [204, 404, 404, 404, 404]
    answer = await _call(realtime, "POST", f"/deadletters/{letter_id}/retry")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await _events(realtime) == []


async def test_what_the_stream_does_not_take_stays_open(realtime: Any) -> None:
    letter_id = await _letter(realtime, payload=bytes(MAX_PAYLOAD + 1))
    for path in (f"/deadletters/{letter_id}/retry", "/deadletters/retry"):
        answer = await _call(realtime, "POST", path)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert await _state(realtime, letter_id) == "open"


async def test_changes_need_the_right_to_them(realtime: Any) -> None:
    letter_id, run_id, escalation_id = await _letter(realtime), await _run(realtime), await _escalation(realtime)
    for method, path in (
        ("POST", f"/deadletters/{letter_id}/retry"),
        ("POST", "/deadletters/retry"),
        ("DELETE", f"/deadletters/{letter_id}"),
        ("DELETE", "/deadletters"),
        ("POST", f"/runs/{run_id}/resume"),
        ("POST", f"/escalations/{escalation_id}/close"),
    ):
        assert (await _call(realtime, method, path, headers={})).status_code == 401
        assert (await _call(realtime, method, path, headers=realtime.principal("dashboard"))).status_code == 403
        answer = await _call(realtime, method, f"{path}?user_id=anna")
        assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["user_id"]), path
    assert await _state(realtime, letter_id) == "open"
    assert (await _call(realtime, "DELETE", "/deadletters/no-id")).status_code == 422


async def test_runs_are_listed_and_resumed_once(realtime: Any) -> None:
    run_id = await _run(realtime)
    (item,) = (await _call(realtime, "GET", "/runs?user_id=anna&status=failed")).json()["items"]
    assert {name: item[name] for name in item if name != "failed_at"} == {
        "run_id": str(run_id), "user_id": "anna", "session_id": "s", "signal_kind": "rage_click",
        "stuck_point": "/p", "node": "diagnose", "error": "KeyError", "attempts": 5, "status": "failed",
        "resumed_at": None, "state": {"gates": []},
    }  # fmt: skip
    assert (await _call(realtime, "GET", "/runs?user_id=ben")).json()["items"] == []
    answers = await asyncio.gather(*(_call(realtime, "POST", f"/runs/{run_id}/resume") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"conflict"}
    (message,) = await _taken(realtime, "agent", names.SIGNALS_STREAM, names.AGENT_CONSUMER)
    assert message.subject == subjects.SIGNALS_RESUME
    assert json.loads(message.data) == {**SIGNAL, "signal_id": str(run_id)}
    (item,) = (await _call(realtime, "GET", "/runs?status=resuming")).json()["items"]
    assert item["resumed_at"] is not None
    assert (await _call(realtime, "POST", f"/runs/{uuid4()}/resume")).status_code == 404


async def test_escalations_show_their_deliveries_and_are_closed(realtime: Any) -> None:
    escalation_id = await _escalation(realtime)
    await realtime.database.execute(
        "INSERT INTO escalation_deliveries (escalation_id, channel, attempts) VALUES ($1, 'email', 2)", escalation_id
    )
    for number, error in ((1, "refused"), (2, "timeout")):
        await realtime.database.execute(
            "INSERT INTO escalation_attempts (escalation_id, channel, number, outcome, error, began_at, seconds)"
            " VALUES ($1, 'email', $2, 'failed', $3, now(), 0.5)", escalation_id, number, error,
        )  # fmt: skip
    (item,) = (await _call(realtime, "GET", "/escalations")).json()["items"]
    (delivery,) = item["deliveries"]
    assert {name: delivery[name] for name in ("channel", "state", "attempts", "delivered_at", "last_error")} == {
        "channel": "email", "state": "pending", "attempts": 2, "delivered_at": None, "last_error": "timeout",
    }  # fmt: skip
    await realtime.database.execute("UPDATE escalation_deliveries SET state = 'failed'")
    again = (await _call(realtime, "POST", f"/escalations/{escalation_id}/retry")).json()
    assert [(one["state"], one["attempts"]) for one in again["deliveries"]] == [("pending", 2)]
    assert (await _call(realtime, "POST", f"/escalations/{uuid4()}/retry")).status_code == 404
    closed = [(await _call(realtime, "POST", f"/escalations/{escalation_id}/close")).json() for _ in range(2)]
    assert closed[0]["status"] == "closed"
    assert closed[0] == closed[1], "closed stays closed as it was"
    assert [one["state"] for one in closed[0]["deliveries"]] == ["cancelled"], "nobody is alerted any more"
    assert (await _call(realtime, "POST", f"/escalations/{uuid4()}/close")).status_code == 404
    after = (await _call(realtime, "POST", f"/escalations/{escalation_id}/retry")).json()
    assert [one["state"] for one in after["deliveries"]] == ["cancelled"], "nor by being asked to"


def test_a_payload_that_is_no_event_shows_none() -> None:
    for payload in (None, b"", b"junk", _payload(), _payload(1, 2), intake.frame(intake.BatchMeta(0), b"[]")):
        assert shown.dead_letter({"payload": payload, "a": 1}) == {"a": 1, "event": None}
