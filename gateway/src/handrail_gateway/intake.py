"""`POST /api/v1/events` as plain ASGI: check, decode once, publish, and only then 202."""

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import structlog
from starlette.types import Receive, Scope, Send

from handrail_contracts import events, intake, names, times, traces
from handrail_contracts.problems import Problem, ProblemItem
from handrail_gateway import bodies
from handrail_gateway.bus import PlatformBus
from handrail_gateway.directory import Caller, Tenant
from handrail_gateway.door import (
    KEY_HEADER,
    Door,
    Head,
    answer,
    answer_problem,
    common_headers,
    first_values,
    read_body,
)
from handrail_gateway.identity import GRACE_SECONDS, UserToken, UserTokens, needs_proof
from handrail_gateway.metrics import Metrics
from handrail_gateway.publisher import Done, Publisher, Stored

log = structlog.get_logger()

PATH = "/api/v1/events"
OWN_VERSION = version("handrail-gateway")
_JSON = (b"content-type", b"application/json")
_TRACEPARENT = names.HEADER_TRACEPARENT.encode()


@dataclass(slots=True)
class Opened:
    """A request whose head was found good; its body is still to come."""

    head: Head
    address: str
    gzipped: bool
    caller: Caller | None
    """None: the key is in the body."""


@dataclass(slots=True)
class Taken:
    """A batch that was found good, ready for the stream. What was decoded is not kept while it waits: hundreds may."""

    tenant: Tenant
    events: int
    unknown_types: int
    frame_head: bytes
    body: bytes
    own_version: bool
    dropped: int
    """How many events the snippet says that it had to give up."""

    @property
    def answer(self) -> bytes:
        return b'{"accepted":%d}' % self.events


class Intake:
    """The events endpoint, step by step: `open`, `take`, `store`. `__call__` is all of them over ASGI, and
    `intake_protocol` goes the same steps below it."""

    def __init__(
        self, door: Door, publisher: Publisher, tokens: UserTokens, bus: PlatformBus, metrics: Metrics
    ) -> None:
        self._door = door
        self._publisher = publisher
        self._tokens = tokens
        self._bus = bus
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> int:
        """Answers the request. Returns the status."""
        headers = scope["headers"]
        try:
            opened = self.open(first_values(headers), self._door.address(scope))
            body = await read_body(receive, headers, events.MAX_BODY)
            taken = self.take(opened, body, request_id)
            stored = Stored()
            self.store(taken, stored.tell)
            await stored.wait()
        except Problem as problem:
            self._metrics.refused.labels(problem.code).inc()
            await answer_problem(send, problem, request_id, browser=True)
            return problem.status
        await answer(send, 202, [*common_headers(request_id, browser=True), _JSON], taken.answer)
        return 202

    def open(self, head: Head, address: str) -> Opened:
        """What the head says. `address`: as `Door.address` gives it. Raises Problem."""
        bodies.check_media_type(head.get(b"content-type", b"").decode("latin-1"))
        encoding = head.get(b"content-encoding")
        gzipped = encoding is not None and bodies.is_gzipped(encoding.decode("latin-1"))
        key = head.get(KEY_HEADER)
        caller = self._door.let_in(key.decode("latin-1"), _origin(head), address) if key else None
        return Opened(head, address, gzipped, caller)

    def take(self, opened: Opened, body: bytes, request_id: str) -> Taken:
        """The batch in a body that has just come. Raises Problem."""
        received_at = time.time_ns() // 1000
        if opened.gzipped:
            body = bodies.gunzip(body, events.MAX_BODY)
        caller = opened.caller
        if caller is None:
            caller = self._door.let_in(bodies.key_in(body), _origin(opened.head), opened.address)
        tenant = caller.tenant
        try:
            batch = events.decode(body)
        except events.Refused as refused:
            raise Problem("invalid", "Nothing was accepted.", errors=refused.errors) from refused
        skew = times.skew_micros(batch.sent_at, received_at)
        verified = self._check_identity(tenant, batch, skew, received_at)
        self._door.count_events(tenant, len(batch.events))
        self._door.meet(tenant, batch.events[0].user_id, opened.address, verified=verified)
        meta = intake.BatchMeta(
            received_at=received_at,
            skew=skew,
            verified=verified,
            request_id=request_id,
            traceparent=traceparent(opened.head),
        )
        own_version = batch.sdk_version == OWN_VERSION
        unknown = 0 if own_version else sum(event.event_type not in events.EVENT_TYPES for event in batch.events)
        dropped = batch.context.dropped if batch.context is not None else 0
        frame_head = intake.frame_head(meta, len(body))
        return Taken(tenant, len(batch.events), unknown, frame_head, body, own_version, dropped)

    def store(self, taken: Taken, done: Done) -> None:
        """Hands the batch to its stream; `done` is called once it is on disk, or with why it is not. Raises Problem."""

        def settle(problem: Problem | None) -> None:
            if problem is None:
                self._count(taken)
            done(problem)

        self._put(taken.tenant, taken.frame_head, taken.body, settle)

    async def publish(self, tenant: Tenant, frame_head: bytes, body: bytes) -> None:
        """Returns when a batch of the gateway's own is on disk. Raises Problem."""
        stored = Stored()
        self._put(tenant, frame_head, body, stored.tell)
        await stored.wait()

    def _put(self, tenant: Tenant, frame_head: bytes, body: bytes, done: Done) -> None:
        size = len(frame_head) + len(body)
        self._door.begin(tenant, size)
        try:
            self._publisher.put(tenant, frame_head, body, done)
        except Problem:
            self._door.end(tenant.name, 1, size)
            raise

    def _check_identity(self, tenant: Tenant, batch: events.Batch, skew: int, received_at: int) -> bool:
        """Whether the batch bears a token that counts. Raises Problem where one is needed and none does."""
        user_id = batch.events[0].user_id
        needed = needs_proof(user_id, enforced=tenant.identity_enforced)
        if batch.token is None:
            if needed:
                raise Problem("identity_required", "Events of a named user need the token that identify gives.")
            return False
        try:
            token = self._tokens.read(tenant.name, batch.token)
            if token.user_id != user_id:
                raise Problem("identity_invalid", "The token is for another user.")
            if needed and not token.proven:
                raise Problem("identity_required", "The token was given without proof of identity.")
            _check_times(token, batch, timedelta(microseconds=skew), times.from_micros(received_at))
        except Problem:
            # Whoever needs none may send a stale one: a page changes its user at any moment.
            if needed:
                raise
            return False
        return True

    def _count(self, taken: Taken) -> None:
        tenant = taken.tenant
        if tenant.record.phase == "Sleeping":
            self._bus.wake_soon(tenant.name)
        self._metrics.count_events(tenant.name, taken.events)
        if taken.dropped:
            self._metrics.given_up.labels(tenant.name).inc(taken.dropped)
        if taken.own_version:
            return
        if fields := events.unknown_fields(taken.body):
            self._metrics.unknown.labels("field").inc(fields)
        if taken.unknown_types:
            self._metrics.unknown.labels("event_type").inc(taken.unknown_types)


def traceparent(head: Head) -> str:
    """The request's own trace context where it is well formed, else that of a new trace."""
    given = head.get(_TRACEPARENT)
    if given is not None and traces.is_traceparent(text := given.decode("latin-1")):
        return text
    chance = f"{random.getrandbits(192):048x}"
    return traces.traceparent(chance[:32], chance[32:])


def _origin(head: Head) -> str | None:
    given = head.get(b"origin")
    return None if given is None else given.decode("latin-1")


def _check_times(token: UserToken, batch: events.Batch, offset: timedelta, received_at: datetime) -> None:
    """An expired token still counts for events not later than its end and at most a week old."""
    if received_at.timestamp() < token.expires_at:
        return
    end = datetime.fromtimestamp(token.expires_at, UTC)
    oldest = received_at - timedelta(seconds=GRACE_SECONDS)
    late = [
        ProblemItem(loc=["events", at, "timestamp"], msg="the token does not count for an event of this time")
        for at, event in enumerate(batch.events)
        if not oldest <= times.corrected(event.timestamp, offset, received_at) <= end
    ]
    if late:
        raise Problem("token_expired", "Get a new token from identify.", errors=late)
