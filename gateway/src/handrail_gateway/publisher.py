"""Batches into the tenants' streams by group commit.

One publish is in flight for a tenant; whatever arrives meanwhile joins the next one, up to the server's largest
message. No timer: the flush to disk is the window. Each active tenant has one connection with its own credentials,
opened at the first batch and closed when idle.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import structlog
from nats.aio.client import RawCredentials
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError, MaxPayloadError
from nats.errors import Error as NatsError

from handrail_contracts import inboxes, intake, subjects
from handrail_contracts.nats_client import Client
from handrail_contracts.problems import Problem
from handrail_contracts.record import PublishCredentials
from handrail_gateway.bus import RECONNECT_WAIT
from handrail_gateway.directory import Directory, Tenant
from handrail_gateway.metrics import Metrics

log = structlog.get_logger()

# The subject, the headers and the protocol line count, too.
_SLACK = 1024
# JetStream's codes for "no room": stream's messages, bytes, messages of a subject, the account's or server's storage.
_FULL = {10077, 10054, 10122, 10023, 10047, 10028, 10002}
_NOT_STORED = "The events could not be stored; send them again."
_UNKNOWN = "The events may be stored, but that was not confirmed; send them again: none counts twice."
_CREDENTIALS = """-----BEGIN NATS USER JWT-----
{jwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
{seed}
------END USER NKEY SEED------
"""


Done = Callable[[Problem | None], object]
"""Called once: with None when the frame is on disk, or with why it is not."""


class Stored:
    """A `Done` that a task can wait for."""

    def __init__(self) -> None:
        self._told: asyncio.Future[Problem | None] = asyncio.get_running_loop().create_future()

    def tell(self, problem: Problem | None) -> None:
        if not self._told.done():
            self._told.set_result(problem)

    async def wait(self) -> None:
        """Raises Problem."""
        if problem := await self._told:
            raise problem


class _Ack(msgspec.Struct):
    """JetStream's answer to a publish."""

    class Fault(msgspec.Struct):
        err_code: int = 0
        description: str = ""

    error: Fault | None = None


_ack_decoder = msgspec.json.Decoder(_Ack)


Ended = Callable[[str, int, int], object]
"""Called for each group whose batches were told: the tenant, how many they were, and their bytes."""
_Waiting = tuple[bytes, bytes, Done]
"""A frame's head, its body, and whom to tell of it."""


class Publisher:
    """The streams of all tenants."""

    def __init__(
        self,
        directory: Directory,
        metrics: Metrics,
        *,
        url: str,
        publish_timeout: float,
        connect_timeout: float,
        queue_bytes: int,
        idle_after: float,
        ended: Ended,
    ) -> None:
        self._directory = directory
        self._metrics = metrics
        self._url = url
        self.publish_timeout = publish_timeout
        self.connect_timeout = connect_timeout
        self.queue_bytes = queue_bytes
        self.ended = ended
        self._idle_after = idle_after
        self.waiting_bytes = 0
        metrics.queue_bytes.set_function(lambda: float(self.waiting_bytes))
        self._lanes: dict[str, _Lane] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None
        directory.subscribe(self._changed)

    def start(self) -> None:
        self._sweeper = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await asyncio.gather(*(lane.close() for lane in self._lanes.values()), *self._closing, return_exceptions=True)
        self._lanes.clear()

    def put(self, tenant: Tenant, head: bytes, body: bytes, done: Done) -> None:
        """`done` is called when the frame (its head and its body) is on disk, or with stream_full, unavailable or
        too_large. Raises Problem where that is known at once; neither `done` nor `ended` is called then."""
        lane = self._lanes.get(tenant.name) or self._open(tenant.name)
        lane.put(head, body, done)

    def _open(self, name: str) -> "_Lane":
        """Raises Problem."""
        # By the record of now: a request may have been let in by one before it, and its credentials may have ended.
        known = self._directory.get(name)
        if known is None or known.record.publish is None:
            raise Problem("unavailable", "This tenant is still being set up.", retry_after=2)
        lane = self._lanes[name] = _Lane(name, known.record.publish, self, self._metrics, self._url)
        return lane

    def _changed(self, name: str, tenant: Tenant | None) -> None:
        """A tenant that is gone or has other credentials needs another connection."""
        lane = self._lanes.get(name)
        if lane is not None and (tenant is None or tenant.record.publish != lane.credentials):
            self._drop(name, lane)

    def _drop(self, name: str, lane: "_Lane") -> None:
        del self._lanes[name]
        task = asyncio.create_task(lane.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(self._idle_after / 4, 30))
            long_ago = time.monotonic() - self._idle_after
            for name, lane in list(self._lanes.items()):
                if lane.idle and lane.used_at < long_ago:
                    self._drop(name, lane)


@dataclass
class _Lane:
    """One tenant's stream: what waits, the one publish in flight, the connection."""

    tenant: str
    credentials: PublishCredentials
    publisher: Publisher
    metrics: Metrics
    url: str
    used_at: float = field(default_factory=time.monotonic)
    _waiting: deque[_Waiting] = field(default_factory=deque)
    _bytes: int = 0
    _worker: asyncio.Task[None] | None = None
    _client: Client | None = None
    _connecting: asyncio.Task[Client] | None = None
    _inbox: str = ""
    _number: int = 0
    """Of the publish in flight."""
    _ack: asyncio.Future[Msg] | None = None
    _up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def idle(self) -> bool:
        return self._worker is None

    def put(self, head: bytes, body: bytes, done: Done) -> None:
        self.used_at = time.monotonic()
        size = len(head) + len(body)
        if self._bytes + size > self.publisher.queue_bytes:
            self.metrics.publish_failures.labels("queue_full").inc()
            raise Problem("stream_full", "Too much is waiting already.", retry_after=1)
        self._waiting.append((head, body, done))
        self._count(size)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())

    async def close(self) -> None:
        """After what waits was tried. The lane takes no more."""
        if self._worker is not None:
            await asyncio.gather(self._worker, return_exceptions=True)
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._client is not None:
            await self._disconnect(self._client)
            self._client = None

    async def _work(self) -> None:
        """Publishes group after group until nothing waits."""
        try:
            while self._waiting:
                group: list[_Waiting] = []
                problem: Problem | None = None
                try:
                    client = await self._connection()
                    group = self._take(client.max_payload - _SLACK)
                    if group:
                        await self._send(client, group)
                except Problem as error:
                    problem = error
                    # Without a connection none of those who wait has a better chance.
                    group = group or self._take_all()
                except Exception as error:
                    # Whoever waits must get an answer.
                    log.exception("publishing failed", tenant=self.tenant)
                    problem = Problem("unavailable", retry_after=2)
                    problem.__cause__ = error
                    group = group or self._take_all()
                self._settle(group, problem)
        finally:
            self._worker = None
            self._settle(self._take_all(), Problem("unavailable", retry_after=1))

    def _take(self, room: int) -> list[_Waiting]:
        group: list[_Waiting] = []
        left = room
        while self._waiting:
            head, body, _ = self._waiting[0]
            size = len(head) + len(body)
            if size <= left:
                left -= size
                group.append(self._waiting.popleft())
            elif group:
                break
            else:
                self._count(-size)
                too_large = Problem("too_large", "The stream takes no message of this size.")
                self._settle([self._waiting.popleft()], too_large)
        self._count(left - room)
        return group

    def _take_all(self) -> list[_Waiting]:
        group = list(self._waiting)
        self._waiting.clear()
        self._count(-self._bytes)
        return group

    def _settle(self, group: list[_Waiting], problem: Problem | None) -> None:
        """Tells each of them."""
        self.publisher.ended(self.tenant, len(group), sum([len(head) + len(body) for head, body, _ in group]))
        for _, _, done in group:
            # Each raises it on its own, and an exception carries the traceback of whoever raised it.
            own = problem and Problem(problem.code, problem.detail, retry_after=problem.retry_after)
            try:
                done(own)
            except Exception:
                # One who cannot be told must not keep the others from being told.
                log.exception("nobody could be told of a batch")

    def _count(self, size: int) -> None:
        self._bytes += size
        self.publisher.waiting_bytes += size

    async def _send(self, client: Client, group: list[_Waiting]) -> None:
        """One publish for all of the group. Raises Problem."""
        message = intake.join([part for head, body, _ in group for part in (head, body)])
        began = time.perf_counter()
        self._number += 1
        self._ack = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self.publisher.publish_timeout):
                await client.publish(subjects.EVENTS, message, reply=f"{self._inbox}.{self._number}")
                reply = await self._ack
        except MaxPayloadError as error:
            raise self._failure("too_large", str(error)) from error
        except (NatsError, TimeoutError, OSError) as error:
            # The stream may have taken it and only the word of that be lost.
            raise self._failure("unavailable", repr(error), _UNKNOWN) from error
        finally:
            self._ack = None
        self._check(reply)
        self.metrics.publish_seconds.observe(time.perf_counter() - began)
        self.metrics.group_batches.observe(len(group))

    def _check(self, reply: Msg) -> None:
        """Raises Problem unless the reply says that the group is on disk."""
        try:
            ack = _ack_decoder.decode(reply.data)
        except msgspec.MsgspecError as error:
            # Nobody took it: the server answers for a stream that is not there, with nothing but a status.
            raise self._failure("unavailable", f"no stream answered: {reply.headers}") from error
        if ack.error is not None:
            code = "stream_full" if ack.error.err_code in _FULL else "unavailable"
            raise self._failure(code, ack.error.description)

    async def _heard(self, reply: Msg) -> None:
        """An acknowledgement, perhaps of a publish that nobody waits for any more."""
        if self._ack is not None and not self._ack.done() and reply.subject.endswith(f".{self._number}"):
            self._ack.set_result(reply)

    def _failure(self, code: str, why: str, detail: str = _NOT_STORED) -> Problem:
        self.metrics.publish_failures.labels(code).inc()
        log.warning("a group of batches was not acknowledged", tenant=self.tenant, code=code, error=why)
        return Problem(code, detail, retry_after=2)

    # --- the connection --------------------------------------------------------------------------------------

    async def _connection(self) -> Client:
        """A connection that is up. Raises Problem after `connect_timeout`."""
        if self._client is not None and self._client.is_closed:
            await self._disconnect(self._client)
            self._client = None
        try:
            async with asyncio.timeout(self.publisher.connect_timeout):
                if self._client is None:
                    if self._connecting is None:
                        self._connecting = asyncio.create_task(self._connect())
                    # Shielded: an attempt goes on beyond the patience of the batch that began it.
                    self._client = await asyncio.shield(self._connecting)
                    self._connecting = None
                    self.metrics.connections.inc()
                await self._up.wait()
                return self._client
        except TimeoutError as error:
            raise self._failure("unavailable", "no connection to the tenant's account") from error
        except (NatsError, OSError) as error:
            self._connecting = None
            raise self._failure("unavailable", repr(error)) from error

    async def _connect(self) -> Client:
        async def lost() -> None:
            self._up.clear()
            # An acknowledgement that was under way never comes.
            if self._ack is not None and not self._ack.done():
                self._ack.set_exception(ConnectionClosedError())

        async def back() -> None:
            self._up.set()

        async def failed(error: Exception) -> None:
            log.debug("nats error", tenant=self.tenant, error=repr(error))

        client = Client()
        await client.connect(
            servers=[self.url],
            user_credentials=RawCredentials(_CREDENTIALS.format(jwt=self.credentials.jwt, seed=self.credentials.seed)),
            inbox_prefix=inboxes.of_credentials(self.credentials.jwt),
            name=f"handrail-gateway-{self.tenant}",
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_WAIT,
            ping_interval=5,
            disconnected_cb=lost,
            reconnected_cb=back,
            error_cb=failed,
        )
        self._inbox = client.new_inbox()
        await client.subscribe(f"{self._inbox}.*", cb=self._heard)
        await back()
        return client

    async def _disconnect(self, client: Client) -> None:
        self.metrics.connections.dec()
        self._up.clear()
        with contextlib.suppress(NatsError, OSError, TimeoutError):
            await client.close()
