"""`POST /api/v1/events` as plain ASGI: check, decode once, publish, and only then 202."""

from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import structlog
from starlette.types import Receive, Scope, Send

from handrail_contracts import events, intake, times
from handrail_contracts.problems import Problem, ProblemItem
from handrail_gateway import bodies
from handrail_gateway.bus import PlatformBus
from handrail_gateway.directory import Tenant
from handrail_gateway.door import Door, answer, answer_problem, common_headers, header, header_key, read_body
from handrail_gateway.identity import GRACE_SECONDS, UserToken, UserTokens, needs_proof
from handrail_gateway.metrics import Metrics
from handrail_gateway.publisher import Publisher

log = structlog.get_logger()

PATH = "/api/v1/events"
OWN_VERSION = version("handrail-gateway")
_JSON = (b"content-type", b"application/json")


class Intake:
    """The events endpoint."""

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
        try:
            count = await self._take(scope, receive, request_id)
        except Problem as problem:
            self._metrics.refused.labels(problem.code).inc()
            await answer_problem(send, problem, request_id, browser=True)
            return problem.status
        headers = [*common_headers(request_id, browser=True), _JSON]
        await answer(send, 202, headers, b'{"accepted":%d}' % count)
        return 202

    async def _take(self, scope: Scope, receive: Receive, request_id: str) -> int:
        """The number of events accepted. Raises Problem or Gone."""
        headers = scope["headers"]
        bodies.check_media_type(headers)
        gzipped = bodies.encoding(headers)
        key = header_key(headers)
        origin, address = header(headers, b"origin"), self._door.address(scope)
        caller = self._door.let_in(key, origin, address) if key else None
        body = await read_body(receive, headers, events.MAX_BODY)
        received_at = datetime.now(UTC)
        if gzipped:
            body = bodies.gunzip(body, events.MAX_BODY)
        if caller is None:
            caller = self._door.let_in(bodies.key_in(body), origin, address)
        tenant = caller.tenant
        try:
            batch = events.decode(body)
        except events.Refused as refused:
            raise Problem("invalid", "Nothing was accepted.", errors=refused.errors) from refused
        offset = times.skew(batch.sent_at, received_at)
        verified = self._check_identity(tenant, batch, offset, received_at)
        self._door.count_events(tenant, len(batch.events))
        self._door.meet(tenant, batch.events[0].user_id, address, verified=verified)
        meta = intake.BatchMeta(
            received_at=times.micros(received_at),
            skew=offset // timedelta(microseconds=1),
            verified=verified,
            request_id=request_id,
        )
        self._door.begin(tenant, len(body))
        try:
            await self._publisher.publish(tenant, intake.frame(meta, body))
        finally:
            self._door.end(tenant, len(body))
        if tenant.record.phase == "Sleeping":
            await self._bus.wake(tenant.name)
        self._count(tenant, batch, body)
        return len(batch.events)

    def _check_identity(self, tenant: Tenant, batch: events.Batch, offset: timedelta, received_at: datetime) -> bool:
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
            _check_times(token, batch, offset, received_at)
        except Problem:
            # Whoever needs none may send a stale one: a page changes its user at any moment.
            if needed:
                raise
            return False
        return True

    def _count(self, tenant: Tenant, batch: events.Batch, body: bytes) -> None:
        self._metrics.events.labels(tenant.name).inc(len(batch.events))
        if batch.sdk_version == OWN_VERSION:
            return
        if fields := events.unknown_fields(body):
            self._metrics.unknown.labels("field").inc(fields)
        if types := sum(event.event_type not in events.EVENT_TYPES for event in batch.events):
            self._metrics.unknown.labels("event_type").inc(types)


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
