"""`/ws/{user_id}` and the link to realtime, whose other end here speaks the real protocol over a real socket."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import InvalidStatus

from handrail_contracts import link, names, principal
from handrail_gateway.identity import UserToken, UserTokens
from handrail_gateway.instances import Instance
from handrail_gateway.link import choose


class Peer:
    """A realtime instance's end of the link: keeps what came, sends what it is told to."""

    def __init__(self) -> None:
        self.received: list[link.ToRealtime] = []
        self.principals: list[str] = []
        self.connections: list[ServerConnection] = []
        self.server: Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self.server = await serve(self._handle, "127.0.0.1", self.port, compression=None)
        self.port = next(iter(self.server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        if self.server is not None:
            self.server.close(code=1012)
            await self.server.wait_closed()
            self.server = None

    async def _handle(self, connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None
        assert request.path == link.PATH
        self.principals.append(request.headers[names.HEADER_PRINCIPAL])
        self.connections.append(connection)
        with contextlib.suppress(Exception):
            async for message in connection:
                assert isinstance(message, bytes)
                self.received += link.decode_for_realtime(message)
        self.connections.remove(connection)

    async def send(self, *frames: link.ToGateway) -> None:
        await self.connections[-1].send(link.encode(list(frames)))

    def attached(self, user_id: str) -> list[link.Attach]:
        return [frame for frame in self.received if isinstance(frame, link.Attach) and frame.user_id == user_id]


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    made = Peer()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def linked(running: Any, make_tenant: Any, peer: Peer) -> Any:
    tenant = await make_tenant(migrate=False, realtime=[peer.url])
    await running.knows(tenant)
    return tenant


CloseCode = Callable[[Any], Awaitable[int]]


def _path(user_id: str) -> str:
    return f"/ws/{quote(user_id, safe='')}"


async def test_frames_go_both_ways(running: Any, linked: Any, peer: Peer, make: Any) -> None:
    user_id = "team/alice ä*>.."
    token = await running.token(linked, user_id)
    key = linked.keys["publishable"]
    async with running.socket(_path(user_id), key=key, token=token, origin=make.origin) as browser:
        assert browser.subprotocol == "handrail.v1"
        [attach] = await running.until(lambda: peer.attached(user_id))
        assert (attach.greeted, attach.last_seq, attach.config) == (False, 0, "")
        await peer.send(link.ToBrowser(attach.sid, 4, '{"type":"hello","seq":4}', "digest"))
        assert json.loads(await browser.recv()) == {"type": "hello", "seq": 4}
        await browser.send('{"type": "resume", "last_seq": 4}')
        await browser.send('{"type": "hologram", "of": "a newer snippet"}')
        await browser.send('{"type": "ack", "seq": 4}')
        wanted = ['{"type": "resume", "last_seq": 4}', '{"type": "ack", "seq": 4}']
        await running.until(lambda: [f.text for f in peer.received if isinstance(f, link.FromBrowser)] == wanted)
    await running.until(lambda: link.Detach(attach.sid) in peer.received)
    keys = KeySet.import_key_set(json.loads((linked.secrets / names.PRINCIPAL_KEYS_FILE).read_text()))
    claims = jwt.decode(peer.principals[0], keys, algorithms=[principal.ALGORITHM]).claims
    assert (claims["iss"], claims["aud"], claims["scope"]) == (principal.ISSUER, linked.name, "link")
    assert 0 < claims["exp"] - time.time() <= principal.TTL


async def test_key_and_token_by_query(running: Any, linked: Any, peer: Peer, make: Any) -> None:
    user_id = make.anonymous()
    token = await running.token(linked, user_id)
    key = linked.keys["publishable"]
    async with running.socket(f"{_path(user_id)}?key={key}&token={token}"):
        await running.until(lambda: peer.attached(user_id))


async def test_a_restarted_realtime_is_not_noticed(running: Any, linked: Any, peer: Peer, make: Any) -> None:
    user_id = make.anonymous()
    token = await running.token(linked, user_id)
    async with running.socket(_path(user_id), key=linked.keys["publishable"], token=token) as browser:
        [first] = await running.until(lambda: peer.attached(user_id))
        await peer.send(link.ToBrowser(first.sid, 7, "hello", "digest"))
        assert await browser.recv() == "hello"
        await peer.stop()
        peer.received.clear()
        await browser.send('{"type": "ack", "seq": 7}')
        await browser.send('{"type": "resume", "last_seq": 7}')
        await peer.start()
        [again] = await running.until(lambda: peer.attached(user_id))
        assert (again.greeted, again.last_seq, again.config) == (True, 7, "digest")
        texts = ['{"type": "ack", "seq": 7}', '{"type": "resume", "last_seq": 7}']
        await running.until(lambda: [f.text for f in peer.received if isinstance(f, link.FromBrowser)] == texts)
        await peer.send(link.ToBrowser(again.sid, 8, "nudge"))
        assert await browser.recv() == "nudge"
        await peer.send(link.Close(again.sid, 4401, "because"))
        assert await _code(browser) == 4401


async def _code(browser: Any) -> int:
    async with asyncio.timeout(10):
        await browser.wait_closed()
    return int(browser.close_code or 0)


async def test_a_sleeping_tenant_is_woken_and_its_sockets_held(
    running: Any, make_tenant: Any, peer: Peer, make: Any, platform: Any, write_record: Any
) -> None:
    tenant = await make_tenant(migrate=False, phase="Sleeping", realtime=[])
    await running.knows(tenant)
    woken: list[str] = []

    async def note(message: Any) -> None:
        woken.append(message.subject)

    subscription = await platform.account.subscribe("wake.*", cb=note)
    await platform.account.flush()
    user_id = make.anonymous()
    token = await running.token(tenant, user_id)
    async with running.socket(_path(user_id), key=tenant.keys["publishable"], token=token):
        await running.until(lambda: f"wake.{tenant.name}" in woken)
        await write_record(msgspec.structs.replace(tenant.record, phase="Ready", realtime=[peer.url]))
        await running.until(lambda: peer.attached(user_id))
    await subscription.unsubscribe()


async def test_refusals_bear_their_codes(
    running: Any, linked: Any, make: Any, make_tenant: Any, close_code: CloseCode
) -> None:
    other = await make_tenant(migrate=False)
    await running.knows(other)
    keys = KeySet.import_key_set(json.loads(running.gateway.settings.secret(names.USER_TOKEN_KEYS_FILE)))
    expired = UserTokens(keys).sign(linked.name, UserToken("alice", time.time() - 1, time.time(), proven=True))
    unproven = UserTokens(keys).sign(linked.name, UserToken("alice", time.time() + 60, time.time(), proven=False))
    key, secret = linked.keys["publishable"], linked.keys["secret"]
    token = await running.token(linked, "alice")
    cases: list[tuple[str, dict[str, Any], int]] = [
        ("/ws/alice", {"token": token}, 4403),
        ("/ws/alice", {"key": "nonsense", "token": token}, 4403),
        ("/ws/alice", {"key": make.another_key(key), "token": token}, 4403),
        ("/ws/alice", {"key": key, "token": token, "origin": "https://evil.test"}, 4403),
        ("/ws/alice", {"key": secret, "token": token, "origin": make.origin}, 4403),
        ("/ws/alice", {"key": key}, 4401),
        ("/ws/alice", {"key": key, "token": "nonsense"}, 4401),
        ("/ws/bob", {"key": key, "token": token}, 4401),
        ("/ws/%FF", {"key": key, "token": token}, 4401),
        ("/ws/alice", {"key": key, "token": expired}, 4401),
        ("/ws/alice", {"key": key, "token": unproven}, 4401),
        ("/ws/alice", {"key": key, "token": await running.token(other, "alice")}, 4401),
        ("/ws/alice", {"key": key, "token": make.identity_token(linked, "alice")}, 4401),
        ("/ws/alice", {"key": other.keys["publishable"], "token": token}, 4401),
    ]
    for path, how, code in cases:
        async with running.socket(path, **how) as browser:
            assert await close_code(browser) == code, (path, how)
    async with running.socket("/ws/alice", key=secret, token=token) as browser:
        await (await browser.ping())
    for path in ("/ws/", "/ws/a/b", "/elsewhere"):
        with pytest.raises(InvalidStatus) as caught:
            async with running.socket(path, key=key, token=token):
                pass
        assert caught.value.response.status_code == 404
        assert json.loads(caught.value.response.body or b"")["code"] == "not_found"


async def test_frames_that_are_none(running: Any, linked: Any, make: Any, close_code: CloseCode) -> None:
    user_id = make.anonymous()
    token = await running.token(linked, user_id)
    key = linked.keys["publishable"]
    cases: list[tuple[Any, int]] = [
        ("x" * 4097, 4413),
        ("x" * 1_000_000, 4413),
        (["x" * 3000, "x" * 3000], 4413),
        (b"binary", 1003),
        ("no json", 1007),
        ("[]", 1007),
        ('{"type": 1}', 1007),
        ('{"type": "ack"}', 1007),
        ('{"type": "ack", "seq": -1}', 1007),
        ('{"type": "ack", "seq": "1"}', 1007),
        ('{"type": "resume", "last_seq": null}', 1007),
    ]
    for frame, code in cases:
        async with running.socket(_path(user_id), key=key, token=token) as browser:
            await browser.send(frame)
            assert await close_code(browser) == code, str(frame)[:40]
    async with running.socket(_path(user_id), key=key, token=token) as browser:
        with contextlib.suppress(Exception):
            for seq in range(200):
                await browser.send(f'{{"type": "ack", "seq": {seq}}}')
        assert await close_code(browser) == 4429


async def test_too_many_sockets_of_one_user(
    running: Any, linked: Any, make: Any, write_record: Any, close_code: CloseCode
) -> None:
    limits = msgspec.structs.replace(linked.record.limits, sockets_per_user=2)
    await write_record(msgspec.structs.replace(linked.record, limits=limits))
    await running.until(lambda: running.gateway.directory.get(linked.name).record.limits == limits)
    user_id = make.anonymous()
    how = {"key": linked.keys["publishable"], "token": await running.token(linked, user_id)}
    registry, name = running.gateway.metrics.registry, "handrail_gateway_sockets"
    async with running.socket(_path(user_id), **how), running.socket(_path(user_id), **how):
        async with running.socket(_path(user_id), **how) as third:
            assert await close_code(third) == 4409
        assert registry.get_sample_value(name, {"tenant": linked.name}) == 2
    await running.until(lambda: registry.get_sample_value(name, {"tenant": linked.name}) == 0)
    async with running.socket(_path(user_id), **how) as again:
        await (await again.ping())


async def test_a_revoked_key_closes_its_sockets(
    running: Any, linked: Any, make: Any, new_key: Any, write_record: Any, close_code: CloseCode
) -> None:
    user_id = make.anonymous()
    token = await running.token(linked, user_id)
    text, record = new_key()
    with_two = msgspec.structs.replace(linked.record, keys=[*linked.record.keys, record])
    await write_record(with_two)
    await running.until(lambda: running.gateway.directory.find(text))
    async with (
        running.socket(_path(user_id), key=text, token=token) as revoked,
        running.socket(_path(user_id), key=linked.keys["publishable"], token=token) as kept,
    ):
        await write_record(linked.record)
        assert await close_code(revoked) == 4403
        await (await kept.ping())


async def test_two_unanswered_pings(start_gateway: Any, make_tenant: Any, make: Any) -> None:
    running = await start_gateway(ping_every=0.15)
    tenant = await make_tenant(migrate=False)
    await running.knows(tenant)
    user_id = make.anonymous()
    token = await running.token(tenant, user_id)
    key = tenant.keys["publishable"]
    async with running.socket(_path(user_id), key=key, token=token) as answering:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        lines = [
            f"GET {_path(user_id)}?key={key}&token={token} HTTP/1.1",
            "Host: gateway",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101")
        async with asyncio.timeout(10):
            rest = await reader.read()
        # Two pings of four bytes, then a close frame with its code.
        assert [rest[0], rest[6], rest[12]] == [0x89, 0x89, 0x88]
        assert int.from_bytes(rest[14:16]) == 4408
        writer.close()
        await (await answering.ping())


async def test_a_browser_that_does_not_read_is_let_go(
    running: Any, linked: Any, peer: Peer, make: Any, close_code: CloseCode
) -> None:
    user_id = make.anonymous()
    token = await running.token(linked, user_id)
    async with running.socket(_path(user_id), key=linked.keys["publishable"], token=token, max_queue=1) as browser:
        [attach] = await running.until(lambda: peer.attached(user_id))
        for _ in range(100):
            await peer.send(link.ToBrowser(attach.sid, 1, "x" * 200_000))
        await running.until(lambda: link.Detach(attach.sid) in peer.received)
        with contextlib.suppress(Exception):
            async for _ in browser:
                pass
        assert await close_code(browser) in (1013, 1006)


async def test_the_gateway_says_when_it_restarts(
    start_gateway: Any, make_tenant: Any, make: Any, close_code: CloseCode
) -> None:
    running = await start_gateway()
    tenant = await make_tenant(migrate=False)
    await running.knows(tenant)
    user_id = make.anonymous()
    token = await running.token(tenant, user_id)
    async with running.socket(_path(user_id), key=tenant.keys["publishable"], token=token) as browser:
        await (await browser.ping())
        await running.end()
        assert await close_code(browser) == 1012


def test_few_users_move_when_an_instance_comes() -> None:
    a, b, c = (Instance(url, url) for url in ("http://a", "http://b", "http://c"))
    two, three = [a, b], [c, b, a]
    users = [f"user-{number}" for number in range(3000)]
    before = {user: choose(two, user) for user in users}
    after = {user: choose(three, user) for user in users}
    assert choose([], "alice") is None
    moved = [user for user in users if before[user] != after[user]]
    assert {after[user] for user in moved} == {c}
    assert 800 < len(moved) < 1200
