"""One name in a tenant's record stands for several instances of realtime, and for others a moment later."""

import asyncio
import contextlib
import http
from collections.abc import AsyncIterator, Iterable
from typing import Any
from urllib.parse import quote

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from handrail_cli.embedded.ports import free_port
from handrail_contracts import link
from handrail_gateway.instances import Instance, Instances
from handrail_gateway.link import choose

NAME = "realtime.handrail-acme.svc"


class Realtime:
    """One instance on its own address: links, and an API that says which it is."""

    def __init__(self, address: str, port: int) -> None:
        self.address, self.port = address, port
        self.hosts: set[str] = set()
        self.users: dict[int, str] = {}
        self._server: Server | None = None

    async def start(self) -> None:
        self._server = await serve(self._link, self.address, self.port, compression=None, process_request=self._request)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close(code=1012)
            await self._server.wait_closed()
            self._server = None

    def _request(self, connection: ServerConnection, request: Request) -> Response | None:
        self.hosts.add(request.headers["Host"])
        return None if request.path == link.PATH else connection.respond(http.HTTPStatus.OK, self.address)

    async def _link(self, connection: ServerConnection) -> None:
        try:
            with contextlib.suppress(Exception):
                async for message in connection:
                    assert isinstance(message, bytes)
                    for frame in link.decode_for_realtime(message):
                        if isinstance(frame, link.Attach):
                            self.users[frame.sid] = frame.user_id
                        elif isinstance(frame, link.Detach):
                            self.users.pop(frame.sid, None)
        finally:
            self.users.clear()


class Resolver:
    """What a cluster's name server would say."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked = 0

    async def __call__(self, host: str, _port: int) -> Iterable[str]:
        assert host == NAME
        self.asked += 1
        if not self.addresses:
            raise OSError("no such name")
        return self.addresses


@pytest.fixture
async def three() -> AsyncIterator[list[Realtime]]:
    port = free_port()
    made = [Realtime(f"127.0.0.{number}", port) for number in (1, 2, 3)]
    for one in made:
        await one.start()
    yield made
    for one in made:
        await one.stop()


@contextlib.asynccontextmanager
async def browsers(running: Any, tenant: Any, make: Any, count: int) -> AsyncIterator[list[str]]:
    users = [make.anonymous() for _ in range(count)]
    async with contextlib.AsyncExitStack() as stack:
        for user_id in users:
            token = await running.token(tenant, user_id)
            path = f"/ws/{quote(user_id)}"
            await stack.enter_async_context(
                running.socket(path, key=tenant.keys["publishable"], token=token, origin=make.origin)
            )
        yield users


async def test_each_address_of_a_name_is_an_instance_and_follows_its_changes(
    start_gateway: Any, make_tenant: Any, make: Any, three: list[Realtime]
) -> None:
    resolver = Resolver("127.0.0.1", "127.0.0.2")
    running = await start_gateway(resolve=resolver)
    base = f"http://{NAME}:{three[0].port}"
    tenant = await make_tenant(migrate=False, realtime=[base])
    await running.knows(tenant)

    def placed(users: list[str], *addresses: str) -> bool:
        instances = [Instance(f"http://{one}:{three[0].port}", base, one) for one in addresses]
        wanted = {one.address: {user for user in users if choose(instances, user).address == one.address}  # type: ignore[union-attr]
                  for one in three}  # fmt: skip
        return {one.address: set(one.users.values()) for one in three} == wanted

    async with browsers(running, tenant, make, 12) as users:
        await running.until(lambda: placed(users, "127.0.0.1", "127.0.0.2"))
        assert three[0].users
        assert three[1].users
        # Another one comes: it gets its share.
        resolver.addresses = ("127.0.0.3", "127.0.0.2", "127.0.0.1")
        await running.until(lambda: placed(users, "127.0.0.1", "127.0.0.2", "127.0.0.3"))
        # One goes: its link breaks, the name is looked up at once, and its users are elsewhere.
        resolver.addresses = ("127.0.0.3", "127.0.0.2")
        await three[0].stop()
        await running.until(lambda: placed(users, "127.0.0.2", "127.0.0.3"))
        # A name that cannot be looked up takes nobody's instance away.
        resolver.addresses = ()
        asked = resolver.asked
        await running.until(lambda: resolver.asked > asked + 1)
        assert placed(users, "127.0.0.2", "127.0.0.3")
        assert {host for one in three for host in one.hosts} == {f"{NAME}:{three[0].port}"}


async def test_the_api_is_asked_of_any_address_and_of_another_where_one_is_away(
    start_gateway: Any, make_tenant: Any, three: list[Realtime]
) -> None:
    resolver = Resolver("127.0.0.1", "127.0.0.2", "127.0.0.3")
    running = await start_gateway(resolve=resolver)
    tenant = await make_tenant(migrate=False, realtime=[f"http://{NAME}:{three[0].port}"])
    await running.knows(tenant)

    async def ask() -> tuple[int, str]:
        answer = await running.client.get("/api/v1/users", headers=running.secret(tenant))
        return answer.status_code, answer.text.strip()

    found = {await ask() for _ in range(40)}
    assert found == {(200, one.address) for one in three}
    assert resolver.asked < 5
    await three[1].stop()
    assert {await ask() for _ in range(20)} == {(200, "127.0.0.1"), (200, "127.0.0.3")}
    assert {host for one in three for host in one.hosts} == {f"{NAME}:{three[0].port}"}


async def test_the_machines_own_names_are_looked_up() -> None:
    instances = Instances()
    try:
        found = await instances.now(["http://localhost:4100", "http://127.0.0.9:4100"])
    finally:
        await instances.stop()
    assert Instance("http://127.0.0.1:4100", "http://localhost:4100", "127.0.0.1") in found
    assert found[-1] == Instance("http://127.0.0.9:4100", "http://127.0.0.9:4100")
    assert found[-1].host == "127.0.0.9:4100"


async def test_an_address_of_the_longer_kind_is_written_as_such() -> None:
    async def resolve(_host: str, _port: int) -> list[str]:
        return ["fd00::7"]

    instances = Instances(resolve)
    try:
        [found] = await instances.now([f"http://{NAME}:8080"])
        [literal] = await instances.now(["http://[fd00::8]:8080"])
    finally:
        await instances.stop()
    assert (found.url, found.host, found.dialled) == ("http://[fd00::7]:8080", f"{NAME}:8080", "fd00::7")
    assert (literal.url, literal.host, literal.dialled) == ("http://[fd00::8]:8080", "[fd00::8]:8080", "fd00::8")


async def test_only_names_that_are_in_use_are_asked_for_again() -> None:
    resolver = Resolver("127.0.0.1")
    changed: list[str] = []
    instances = Instances(resolver, every=0.05)
    instances.subscribe(changed.append)
    base = f"http://{NAME}:8080"
    try:
        assert instances.keep("acme", [base]) == []
        async with asyncio.timeout(5):
            while not changed:  # noqa: ASYNC110 - told by a plain call
                await asyncio.sleep(0.01)
            assert [one.address for one in instances.keep("acme", [base])] == ["127.0.0.1"]
            while resolver.asked < 3:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
            instances.release("acme")
            before = -1
            while before != resolver.asked:
                before = resolver.asked
                await asyncio.sleep(1.2)
        assert changed == ["acme"]
    finally:
        await instances.stop()
