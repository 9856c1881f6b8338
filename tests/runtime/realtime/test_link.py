"""Nudges over the link: once a socket, again until acknowledged or expired, on every device."""

import asyncio
import base64
import json
import time
from typing import Any
from uuid import uuid4

import pytest
from joserfc.jwk import OKPKey
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from handrail_cli.embedded.ports import free_port
from handrail_contracts import link, names
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.publish import publish_config

pytestmark = pytest.mark.slow

FOREIGN = OKPKey.generate_key("Ed25519")
USER = "ann.*>/ü x"


async def test_hello_then_everything_pending_then_what_comes(realtime):
    first = await realtime.nudge(USER, 1, notice=False)
    await realtime.nudge(USER, 2, status="acknowledged", notice=False)
    await realtime.nudge(USER, 3, expires_in=-1, notice=False)
    second = await realtime.nudge(USER, 4, notice=False)
    gateway = await realtime.link()
    await gateway.send(link.Attach(1, USER))
    hello = await gateway.receive()
    assert (hello.sid, hello.seq, hello.frame["type"], hello.frame["seq"]) == (1, 0, "hello", 4)
    assert hello.frame["config"]["language"] == "en"
    assert hello.config
    got = [await gateway.receive(), await gateway.receive()]
    assert [(it.seq, it.frame["seq"], it.frame["nudge"]["nudge_id"]) for it in got] == [(1, 1, first), (4, 4, second)]
    assert got[0].frame["nudge"]["body"] == "Press **Save** \u2028 \U0001f642"
    third = await realtime.nudge(USER, 5)
    came = await gateway.receive()
    assert (came.seq, came.frame["nudge"]["nudge_id"]) == (5, third)
    await realtime.notice(USER, 5)
    await gateway.nothing_until(2, "somebody else")


async def test_acknowledged_on_one_device_is_ended_on_all(realtime):
    gateway, other = await realtime.link(), await realtime.link()
    for end, sid in ((gateway, 1), (gateway, 2), (other, 1)):
        await end.send(link.Attach(sid, "ann"))
        assert (await end.receive()).frame["type"] == "hello"
    nudge_id = await realtime.nudge("ann", 1)
    assert {(await gateway.receive()).sid, (await gateway.receive()).sid} == {1, 2}
    assert (await other.receive()).seq == 1
    # A new device before the acknowledgement gets it, too.
    await other.send(link.Attach(9, "ann"))
    assert [(await other.receive()).frame["type"], (await other.receive()).frame["type"]] == ["hello", "nudge"]
    await gateway.say(1, type="ack", seq=1)
    await realtime.until_status(nudge_id, "acknowledged")
    await gateway.say(1, type="ack", seq=1)
    await gateway.say(1, type="ack", seq=77)
    await other.say(1, type="resume", last_seq=0)
    await other.nothing_until(3, "ann")
    row = await realtime.database.fetchrow("SELECT status, acknowledged_at FROM nudges")
    assert row["status"] == "acknowledged"
    assert row["acknowledged_at"] is not None


async def test_an_acknowledgement_keeps_what_events_have_told_already(realtime):
    gateway = await realtime.link()
    await gateway.send(link.Attach(1, "ann"))
    await gateway.receive()
    await realtime.nudge("ann", 1)
    await gateway.receive()
    await realtime.database.execute("UPDATE nudges SET status = 'clicked'")
    await gateway.say(1, type="ack", seq=1)
    await realtime.until(lambda: realtime.database.fetchval("SELECT acknowledged_at FROM nudges"))
    assert await realtime.database.fetchval("SELECT status FROM nudges") == "clicked"


async def test_a_user_acknowledges_only_his_own(realtime):
    gateway = await realtime.link()
    await gateway.send(link.Attach(1, "ann"), link.Attach(2, "bob"))
    await gateway.receive()
    await gateway.receive()
    of_ann, of_bob = await realtime.nudge("ann", 1), await realtime.nudge("bob", 1)
    found = {(it.sid, it.frame["nudge"]["nudge_id"]) for it in (await gateway.receive(), await gateway.receive())}
    assert found == {(1, of_ann), (2, of_bob)}
    await gateway.say(2, type="ack", seq=1)
    await realtime.until_status(of_bob, "acknowledged")
    assert await realtime.status_of(of_ann) == "pending"


async def test_resume_sends_what_is_above(realtime):
    for seq in (1, 2, 3):
        await realtime.nudge("ann", seq, notice=False)
    gateway = await realtime.link()
    await gateway.send(link.Attach(1, "ann"))
    assert [(await gateway.receive()).seq for _ in range(4)] == [0, 1, 2, 3]
    await gateway.say(1, type="resume", last_seq=1)
    assert [(await gateway.receive()).seq for _ in range(2)] == [2, 3]


async def test_attached_again_after_kill_without_greeting(realtime):
    gateway = await realtime.link()
    await gateway.send(link.Attach(1, "ann"))
    hello = await gateway.receive()
    await realtime.nudge("ann", 1)
    assert (await gateway.receive()).seq == 1
    await realtime.kill()
    with pytest.raises(ConnectionClosed):
        await gateway.receive()
    await realtime.nudge("ann", 2)
    await realtime.start()
    again = await realtime.link()
    await again.send(link.Attach(7, "ann", True, 1, hello.config))
    got = await again.receive()
    assert (got.sid, got.seq, got.frame["type"]) == (7, 2, "nudge")
    await again.nothing_until(8, "bob")
    # One that was told of another config is told of this one.
    await again.send(link.Attach(9, "bob", True, 0, "an older one"))
    got = await again.receive()
    assert (got.sid, got.seq, got.frame["type"]) == (9, 0, "config")


async def test_detached_gets_nothing(realtime):
    gateway = await realtime.link()
    await gateway.send(link.Attach(1, "ann"), link.Attach(2, "ann"))
    assert {(await gateway.receive()).sid, (await gateway.receive()).sid} == {1, 2}
    await gateway.send(link.Detach(1), link.Detach(5))
    await realtime.nudge("ann", 1)
    assert (await gateway.receive()).sid == 2
    await gateway.nothing_until(3, "bob")


async def test_frames_that_cannot_be_read_harm_nobody(realtime):
    gateway = await realtime.link()
    await gateway.send(link.Attach(1, "ann"))
    await gateway.receive()
    for text in ("", "{", "[]", '{"type":"ack"}', '{"type":"ack","seq":-1}', '{"type":"boo"}', "[" * 5000, "x"):
        await gateway.send(link.FromBrowser(1, text))
    await gateway.send(link.FromBrowser(99, '{"type":"ack","seq":1}'))
    await gateway.nothing_until(2, "bob")
    assert await realtime.counts("handrail_realtime_frames_refused_total 8.0")
    assert await realtime.counts("handrail_realtime_sockets 2.0")


async def test_a_malformed_message_ends_the_link_alone(realtime):
    gateway, other = await realtime.link(), await realtime.link()
    await gateway.connection.send(b"\xc1nonsense")
    with pytest.raises(ConnectionClosed):
        await gateway.receive()
    await other.nothing_until(1, "ann")


async def test_a_changed_config_is_told_and_consumes_no_seq(realtime, platform):
    gateway = await realtime.link()
    await realtime.nudge("ann", 3, status="acknowledged", notice=False)
    await gateway.send(link.Attach(1, "ann"))
    hello = await gateway.receive()
    spec = {"displayName": "x", "origins": ["https://app.example.test"], "plan": "small"}
    changed = TenantSpec.model_validate(spec | {"tone": {"language": "de"}})
    await publish_config(platform, realtime.tenant.keyring, changed)
    got = await gateway.receive()
    assert (got.seq, got.frame["type"], got.frame["seq"]) == (0, "config", 3)
    assert got.frame["config"] == hello.frame["config"] | {"language": "de"}
    assert got.config != hello.config
    # What the snippet does not see is no change for it.
    await publish_config(platform, realtime.tenant.keyring, changed.model_copy(update={"display_name": "y"}))
    await gateway.nothing_until(2, "bob")


@pytest.mark.slow
async def test_a_lost_notice_costs_time_only(realtime):
    gateway = await realtime.link()
    await gateway.send(link.Attach(1, "ann"))
    await gateway.receive()
    await realtime.nudge("ann", 1, notice=False)
    late = await realtime.nudge("ann", 2, expires_in=0, notice=False)
    async with asyncio.timeout(40):
        while True:
            try:
                assert (await gateway.receive()).seq == 1
                break
            except TimeoutError:
                continue
    assert await realtime.status_of(late) == "expired"


async def test_presence_follows_the_sockets(realtime):
    key = names.presence_key(realtime.tenant.redis_prefix, USER)
    gateway = await realtime.link()
    assert not await realtime.redis.exists(key)
    await gateway.nothing_until(1, USER)
    await realtime.until(lambda: realtime.presence_ttl(USER, 31, 60))
    await gateway.send(link.Attach(2, USER))
    await gateway.send(link.Detach(1), link.Detach(2))
    await realtime.until(lambda: realtime.presence_ttl(USER, 1, 30))


async def test_redis_away_costs_reachability_only(realtime):
    await realtime.kill()
    (realtime.tenant.secrets / names.REDIS_URL_FILE).write_text(f"redis://127.0.0.1:{free_port(set())}/0")
    await realtime.start()
    gateway = await realtime.link()
    await gateway.send(link.Attach(1, "ann"))
    assert (await gateway.receive()).frame["type"] == "hello"
    await realtime.nudge("ann", 1)
    assert (await gateway.receive()).seq == 1
    assert (await realtime.get("/readyz")).json() == {
        "ready": True,
        "checks": {"realtime-nats": True, "realtime-database": True, "realtime-redis": False},
        "optional": ["realtime-redis"],
    }
    assert (await realtime.get("/api/v1/nudges")).status_code == 200


async def test_a_link_that_does_not_read_is_closed_alone(realtime):
    sockets = 150
    for seq in range(1, 21):
        await realtime.nudge("ann", seq, notice=False)
    await realtime.database.execute(
        "UPDATE nudges SET content = jsonb_set(content, '{body}', to_jsonb(repeat('x', 20000)))"
    )
    slow, other = await realtime.link(), await realtime.link()
    await slow.send(*(link.Attach(sid, "ann") for sid in range(sockets)))
    await realtime.until(lambda: realtime.counts('handrail_realtime_links_closed_total{reason="slow"} 1.0'))
    await realtime.until(lambda: realtime.counts("handrail_realtime_sockets 0.0"))
    await other.nothing_until(1, "bob")


async def test_a_closed_link_detaches_its_sockets(realtime):
    gateway = await realtime.link()
    await gateway.nothing_until(1, "ann")
    await gateway.connection.close()
    await realtime.until(lambda: realtime.counts("handrail_realtime_sockets 0.0"))


async def test_many_users_are_served_together(realtime):
    gateway = await realtime.link()
    users = [f"user {number}" for number in range(1500)]
    await gateway.send(*(link.Attach(sid, user) for sid, user in enumerate(users)))
    for _ in users:
        assert (await gateway.receive()).frame["type"] == "hello"
    nudges = [realtime.nudge(user, 1) for user in users[:200]]
    for nudge in nudges:
        await nudge
    assert sorted([(await gateway.receive()).sid for _ in range(200)]) == list(range(200))


FOREIGN = OKPKey.generate_key("Ed25519")


async def test_a_link_needs_a_principal(realtime):
    url = f"ws://127.0.0.1:{realtime.port}{link.PATH}"
    cases: list[tuple[int, dict[str, Any]]] = [
        (401, {"exp": 1}),
        (401, {"exp": int(time.time()) + 3600}),
        (401, {"exp": None}),
        (401, {"aud": "somebody-else"}),
        (401, {"aud": None}),
        (401, {"iss": "me"}),
        (401, {"key": FOREIGN}),
        (403, {"scope": "secret"}),
        (403, {"scope": "dashboard"}),
        (401, {"scope": "all"}),
    ]
    tried = [(status, realtime.principal(**({"scope": "link"} | claims))) for status, claims in cases]
    _, payload, _ = realtime.principal("link")[names.HEADER_PRINCIPAL].split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=") + f".{payload}."
    tried += [(401, {}), (401, {names.HEADER_PRINCIPAL: str(uuid4())}), (401, {names.HEADER_PRINCIPAL: unsigned})]
    for status, headers in tried:
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, additional_headers=headers, proxy=None)
        assert refused.value.response.status_code == status
        assert json.loads(refused.value.response.body)["status"] == status


async def test_keys_rotate_without_a_restart(realtime):
    path = realtime.tenant.secrets / names.PRINCIPAL_KEYS_FILE
    old, new = json.loads(path.read_text())["keys"], OKPKey.generate_key("Ed25519")
    headers = realtime.principal(key=new)
    assert (await realtime.get("/api/v1/events", headers)).status_code == 401
    path.write_text(json.dumps({"keys": [new.as_dict(private=False), *old]}))
    assert (await realtime.get("/api/v1/events", headers)).status_code == 200
    assert (await realtime.get("/api/v1/events")).status_code == 200
    path.write_text('{"keys": [half a fi')
    assert (await realtime.get("/api/v1/events", headers)).status_code == 200
    path.write_text(json.dumps({"keys": [new.as_dict(private=False)]}))
    assert (await realtime.get("/api/v1/events")).status_code == 401
