"""One WebSocket for many browsers: the links between this gateway and the tenants' realtime instances.

A browser belongs to the instance that rendezvous hashing gives for its user, so that all devices of a user meet.
When an instance is away its browsers are held; when it comes back they are attached again, and see nothing of it.
"""

import asyncio
import random
from collections.abc import Iterable, Sequence
from hashlib import blake2b

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from handrail_contracts import link, names
from handrail_gateway.directory import Directory, Tenant
from handrail_gateway.instances import Instance, Instances
from handrail_gateway.metrics import Metrics
from handrail_gateway.principals import Principals
from handrail_gateway.wire_protocol import Wire

log = structlog.get_logger()

_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0
_LINGER = 30.0
MAX_OUTBOX = 50_000
"""Frames that may wait for one link."""
_FRAMES_A_MESSAGE = 500
_MAX_HELD = 32
_TOO_SLOW = 1013
"""Try again later: the browser does not read what it is sent."""


class Browser:
    """A checked socket of a browser and what must survive a change of its link."""

    __slots__ = (
        "_held",
        "config",
        "greeted",
        "key_id",
        "last_seq",
        "link",
        "recovered",
        "sid",
        "tenant",
        "user_id",
        "wire",
    )

    def __init__(self, wire: Wire, tenant: str, user_id: str, key_id: str) -> None:
        self.wire = wire
        self.tenant = tenant
        self.user_id = user_id
        self.key_id = key_id
        self.link: Link | None = None
        self.sid = 0
        self.greeted = False
        self.last_seq = 0
        self.config = ""
        self.recovered = 0.0
        self._held: list[tuple[str, bool]] | None = None

    def hold(self, text: str, *, ack: bool) -> bool:
        """Keeps a frame for the next attachment. Whether the oldest had to go for it."""
        held = self._held = self._held or []
        held.append((text, ack))
        full = len(held) > _MAX_HELD
        del held[:-_MAX_HELD]
        return full

    def attachment(self) -> list[link.ToRealtime]:
        """What makes an instance know this browser, held frames included. Acks go to later instances, too."""
        held = self._held or []
        self._held = [(text, True) for text, ack in held if ack] or None
        attach = link.Attach(self.sid, self.user_id, self.greeted, self.last_seq, self.config)
        return [attach, *(link.FromBrowser(self.sid, text) for text, _ in held)]

    def deliver(self, frame: link.ToBrowser) -> bool:
        """False: the browser did not read what it was sent, and is let go."""
        if not self.wire.send(frame.text):
            self.wire.close(_TOO_SLOW, "not reading")
            return False
        self.greeted = True
        self.last_seq = max(self.last_seq, frame.seq)
        self.config = frame.config or self.config
        return True


def choose(instances: Sequence[Instance], user_id: str) -> Instance | None:
    """The instance for a user: the same in every gateway; few users move when the list changes."""
    return max(instances, key=lambda one: _weight(one.url, user_id), default=None)


def _weight(url: str, user_id: str) -> bytes:
    return blake2b(f"{url}\n{user_id}".encode(), digest_size=8).digest()


class Links:
    """All links of this gateway, made when a browser needs one."""

    def __init__(self, directory: Directory, principals: Principals, metrics: Metrics, instances: Instances) -> None:
        self._directory = directory
        self._instances = instances
        self._principals = principals
        self._metrics = metrics
        self._links: dict[tuple[str, str], Link] = {}
        self._browsers: dict[str, set[Browser]] = {}
        directory.subscribe(self._changed)
        instances.subscribe(lambda name: self._changed(name, directory.get(name)))
        metrics.link_frames.set_function(lambda: float(self.waiting()))
        metrics.link_frames_bound.set(MAX_OUTBOX)

    def attach(self, browser: Browser) -> None:
        self._browsers.setdefault(browser.tenant, set()).add(browser)
        self._place([browser], self._directory.get(browser.tenant))

    def detach(self, browser: Browser) -> None:
        if browser.link is not None:
            browser.link.remove(browser)
        browsers = self._browsers.get(browser.tenant, set())
        browsers.discard(browser)
        if not browsers:
            self._browsers.pop(browser.tenant, None)
            self._instances.release(browser.tenant)

    def from_browser(self, browser: Browser, text: str, *, ack: bool) -> None:
        """Passes a frame on. An ack may be lost with a link that breaks, so it is told to the next one, too."""
        up = browser.link is not None and browser.link.relay(browser, text)
        if (ack or not up) and browser.hold(text, ack=ack) and not up:
            self.dropped("held_too_many")

    async def stop(self) -> None:
        await asyncio.gather(*(one.stop() for one in self._links.values()), return_exceptions=True)
        self._links.clear()

    def _place(self, browsers: Iterable[Browser], tenant: Tenant | None) -> None:
        """All of one tenant."""
        instances = self._instances.keep(tenant.name, tenant.record.realtime) if tenant is not None else []
        for browser in browsers:
            instance = choose(instances, browser.user_id)
            if browser.link is not None and browser.link.instance != instance:
                browser.link.remove(browser)
            if instance is not None and browser.link is None:
                self._link(browser.tenant, instance).add(browser)

    def _link(self, tenant: str, instance: Instance) -> "Link":
        found = self._links.get((tenant, instance.url))
        if found is None:
            found = self._links[tenant, instance.url] = Link(tenant, instance, self)
            found.start(self._awake(tenant))
        return found

    def _awake(self, name: str) -> bool:
        tenant = self._directory.get(name)
        return tenant is not None and tenant.record.phase not in ("Sleeping", "Suspended")

    def _changed(self, name: str, tenant: Tenant | None) -> None:
        if browsers := self._browsers.get(name):
            self._place(browsers, tenant)
        for (owner, _), one in self._links.items():
            if owner == name:
                one.set_awake(self._awake(name))

    def forget(self, one: "Link") -> None:
        """A link without browsers that has ended."""
        if self._links.get((one.tenant, one.instance.url)) is one:
            del self._links[one.tenant, one.instance.url]

    def broken(self, one: "Link") -> None:
        """It ended, or did not come about: its instance may be gone, and another there."""
        self._instances.broken(one.instance)

    def principal(self, tenant: str) -> str:
        return self._principals.sign(tenant, sub="gateway", scope="link")

    def count(self, direction: str, count: int) -> None:
        self._metrics.frames.labels(direction).inc(count)

    def state(self) -> tuple[int, int]:
        """Links that are up, and links that browsers of awake tenants want."""
        wanted = [one for one in self._links.values() if one.wanted]
        return sum(one.up for one in wanted), len(wanted)

    def waiting(self) -> int:
        """Frames that wait for a link to take them."""
        return sum(one.waiting for one in self._links.values())

    def dropped(self, why: str, count: int = 1) -> None:
        self._metrics.dropped_frames.labels(why).inc(count)

    def count_up(self, change: int) -> None:
        self._metrics.links.inc(change)


class Link:
    """To one instance: kept up while it has browsers and its tenant is awake."""

    def __init__(self, tenant: str, instance: Instance, links: Links) -> None:
        self.tenant = tenant
        self.instance = instance
        self._links = links
        self._browsers: dict[int, Browser] = {}
        self._next_sid = 1
        self._outbox: list[link.ToRealtime] = []
        self._more = asyncio.Event()
        self._awake = asyncio.Event()
        self._used = asyncio.Event()
        self._connection: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, awake: bool) -> None:
        self.set_awake(awake)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def up(self) -> bool:
        return self._connection is not None

    @property
    def wanted(self) -> bool:
        return self._awake.is_set() and bool(self._browsers)

    @property
    def waiting(self) -> int:
        return len(self._outbox)

    def set_awake(self, awake: bool) -> None:
        if awake:
            self._awake.set()
        else:
            self._awake.clear()

    def add(self, browser: Browser) -> None:
        browser.link = self
        browser.sid = self._next_sid
        self._next_sid += 1
        self._browsers[browser.sid] = browser
        self._used.set()
        if self._connection is not None:
            self._push(*browser.attachment())

    def remove(self, browser: Browser) -> None:
        browser.link = None
        if self._browsers.pop(browser.sid, None) is not None and self._connection is not None:
            self._push(link.Detach(browser.sid))
        if not self._browsers:
            self._used.clear()

    def relay(self, browser: Browser, text: str) -> bool:
        """Whether the frame went onto a link that is up."""
        if self._connection is None:
            return False
        self._push(link.FromBrowser(browser.sid, text))
        return True

    def _push(self, *new: link.ToRealtime) -> None:
        self._outbox += new
        self._more.set()
        if len(self._outbox) > MAX_OUTBOX and self._connection is not None:
            # The instance does not read: begin anew rather than grow.
            self._links.dropped("link_full", len(self._outbox))
            self._outbox = []
            self._connection.transport.abort()

    # --- the connection --------------------------------------------------------------------------------------

    async def _run(self) -> None:
        wait = _FIRST_WAIT
        try:
            while True:
                await self._awake.wait()
                if not self._browsers and not await self._used_again():
                    return
                began = asyncio.get_running_loop().time()
                try:
                    await self._serve()
                except (OSError, WebSocketException, TimeoutError, msgspec.MsgspecError) as error:
                    log.info("link to realtime is down", tenant=self.tenant, error=repr(error))
                except Exception:
                    # Whatever it was, the browsers need their link back.
                    log.exception("link to realtime failed", tenant=self.tenant)
                self._links.broken(self)
                if asyncio.get_running_loop().time() - began > _LONGEST_WAIT:
                    wait = _FIRST_WAIT
                # Full jitter, so that the gateways do not come back all at once.
                await asyncio.sleep(random.uniform(wait / 2, wait))  # noqa: S311 - not a secret
                wait = min(_LONGEST_WAIT, wait * 2)
        finally:
            if not self._browsers:
                self._links.forget(self)

    async def _used_again(self) -> bool:
        """Whether a browser came within the linger time."""
        try:
            async with asyncio.timeout(_LINGER):
                await self._used.wait()
        except TimeoutError:
            return bool(self._browsers)
        return True

    async def _serve(self) -> None:
        """One connection, until it breaks, nobody needs it or the tenant sleeps."""
        url = self.instance.base.replace("http", "ws", 1).rstrip("/") + link.PATH
        # The name stays in the request; the connection goes to this one of its addresses.
        async with connect(
            url,
            host=self.instance.dialled,
            additional_headers={names.HEADER_PRINCIPAL: self._links.principal(self.tenant)},
            compression=None,
            max_size=link.MAX_MESSAGE,
            open_timeout=5,
            ping_interval=10,
            ping_timeout=10,
            close_timeout=2,
            proxy=None,
        ) as connection:
            log.info("link to realtime is up", tenant=self.tenant, browsers=len(self._browsers))
            self._connection = connection
            self._links.count_up(1)
            self._outbox = [frame for browser in self._browsers.values() for frame in browser.attachment()]
            self._more.set()
            tasks = {
                asyncio.create_task(self._write(connection)),
                asyncio.create_task(self._read(connection)),
                asyncio.create_task(self._unneeded()),
            }
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                self._connection = None
                self._links.count_up(-1)
                self._outbox = []
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _write(self, connection: ClientConnection) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            waiting, self._outbox = self._outbox, []
            for at in range(0, len(waiting), _FRAMES_A_MESSAGE):
                await connection.send(link.encode(waiting[at : at + _FRAMES_A_MESSAGE]))
            self._links.count("to_realtime", len(waiting))

    async def _read(self, connection: ClientConnection) -> None:
        async for message in connection:
            if isinstance(message, str):
                continue
            received = link.decode_for_gateway(message)
            for frame in received:
                browser = self._browsers.get(frame.sid)
                if browser is None:
                    continue
                if isinstance(frame, link.ToBrowser):
                    if not browser.deliver(frame):
                        self._links.dropped("browser_slow")
                else:
                    browser.wire.close(frame.code, frame.reason)
            self._links.count("to_browser", len(received))

    async def _unneeded(self) -> None:
        while self._awake.is_set():
            if not self._browsers and not await self._used_again():
                return
            await asyncio.sleep(1)
