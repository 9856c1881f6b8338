"""Alerts on their way to real receivers: what arrives, and what the ledger says."""

import asyncio
import base64
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
from standardwebhooks import Webhook
from tests.runtime.escalation.receivers import (
    Receiver,
    breaks_off,
    hangs_up,
    mailbox,
    never_ends,
    receiver,
    says,
)
from tests.runtime.processes import eventually

from handrail_contracts import names
from handrail_contracts.tenant_spec import Escalation
from handrail_runtime.agent.escalation import channels, ledger
from handrail_runtime.agent.escalation.channels import Channels
from handrail_runtime.agent.escalation.deliveries import Deliveries
from handrail_runtime.data.engine import create_engine
from handrail_runtime.data.raw import raw_transaction
from handrail_runtime.outbound import Guard
from handrail_runtime.settings import Settings

if TYPE_CHECKING:
    from tests.conftest import MakeTenant, Tenant

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
URL = {"name": "hook", "key": "url"}
SIGNING = {"name": "hook", "key": "signing"}
DRAFT = {"subject": "Acme: u is stuck", "text": "u is stuck.", "reason": "nudges_did_not_help"}
JSON = {"webhooks": [{"name": "desk", "format": "json", "urlSecretRef": URL, "signingSecretRef": SIGNING}]}
SLACK = {"webhooks": [{"name": "desk", "format": "slack", "urlSecretRef": URL}]}
EMAIL = {"email": {"to": ["help@acme.test", "two@acme.test"]}}


NOT_ALLOWED = "and the platform has not allowed it (HANDRAIL_OUTBOUND_ALLOWED)"


class Desk:
    """A tenant's database, its secrets, and the loop over it."""

    def __init__(self, tenant: "Tenant", engine: AsyncEngine, pool: asyncpg.Pool) -> None:
        self.tenant = tenant
        self.engine = engine
        self.pool = pool
        self.escalation = Escalation.model_validate(JSON)
        self.stack = contextlib.AsyncExitStack()
        self.loops: list[Deliveries] = []

    def secret(self, key: str, value: str) -> None:
        path = self.tenant.secrets / names.secret_ref_file("hook", key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value)

    def spec(self, given: dict[str, Any]) -> None:
        self.escalation = Escalation.model_validate(given)

    async def open(self) -> uuid.UUID:
        escalation_id = uuid.uuid4()
        async with raw_transaction(self.engine) as connection:
            await connection.execute(
                "INSERT INTO escalations (escalation_id, signal_id, user_id, session_id, stuck_point, draft)"
                " VALUES ($1, gen_random_uuid(), $2, 's', 'p', $3::text::jsonb)",
                escalation_id, f"u-{escalation_id}", json.dumps(DRAFT),
            )  # fmt: skip
            await ledger.enqueue(connection, escalation_id, channels.wanted(self.escalation))
        for loop in self.loops:
            loop.wake()
        return escalation_id

    async def work(self, allowed: str = "127.0.0.1", **settings: Any) -> None:
        given = Settings(tenant=self.tenant.name, secrets=self.tenant.secrets, outbound_allowed=allowed, **settings)
        sender = Channels(Guard.parse(allowed), given.secret_ref, given.smtp_url, given.mail_from)
        loop = Deliveries(self.engine, sender, self.tenant.name, lambda: self.escalation)
        self.loops.append(loop)
        task = asyncio.create_task(loop.run())
        self.stack.push_async_callback(_cancel, task)

    async def hurry(self) -> None:
        """What waits for its next attempt is due now."""
        await self.pool.execute("UPDATE escalation_deliveries SET next_attempt_at = now() WHERE state = 'pending'")
        for loop in self.loops:
            loop.wake()

    async def booked(self, escalation_id: uuid.UUID, count: int) -> list[tuple[Any, ...]]:
        """The ledger, once it has so many rows: number, outcome, status, error."""

        async def look() -> Any:
            rows = await self.pool.fetch(
                "SELECT * FROM escalation_attempts WHERE escalation_id = $1 ORDER BY channel, number", escalation_id
            )
            return rows if len(rows) >= count else None

        rows = await eventually(look)
        assert all(0 <= row["seconds"] < 60 for row in rows)
        return [(row["number"], row["outcome"], row["status"], row["error"]) for row in rows]

    async def state(self, escalation_id: uuid.UUID) -> list[str]:
        rows = await self.pool.fetch(
            "SELECT state FROM escalation_deliveries WHERE escalation_id = $1 ORDER BY channel", escalation_id
        )
        return [row["state"] for row in rows]

    async def wait(self, escalation_id: uuid.UUID) -> float:
        """Seconds until the next attempt."""
        (row,) = await self.pool.fetch(
            "SELECT extract(epoch FROM next_attempt_at - now())::float8 AS s FROM escalation_deliveries"
            " WHERE escalation_id = $1",
            escalation_id,
        )
        return float(row["s"])


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


MakeDesk = Callable[[], Awaitable[Desk]]


@pytest.fixture
async def desk(make_tenant: "MakeTenant", tmp_path: Path) -> AsyncIterator[Desk]:
    tenant = await make_tenant()
    engine = create_engine(tenant.text(names.DATABASE_URL_FILE), name="test")
    pool = await asyncpg.create_pool(tenant.text(names.DATABASE_URL_FILE), min_size=0, max_size=2)
    made = Desk(tenant, engine, pool)
    made.secret("signing", SECRET)
    try:
        yield made
    finally:
        await made.stack.aclose()
        await pool.close()
        await engine.dispose()


@pytest.fixture
async def hook(desk: Desk) -> AsyncIterator[Receiver]:
    async with receiver() as made:
        desk.secret("url", made.url)
        yield made


async def test_a_signed_alert_arrives_once(desk: Desk, hook: Receiver) -> None:
    await desk.work()
    await desk.work()
    opened = await desk.open()
    assert await desk.booked(opened, 1) == [(1, "delivered", 200, "")]
    assert await desk.state(opened) == ["delivered"]
    (request,) = hook.requests
    assert request.line == "POST /hook/secret-path HTTP/1.1"
    assert request.headers["host"] == f"127.0.0.1:{hook.port}"
    found = Webhook(SECRET).verify(request.body, request.headers)
    assert found == {
        "type": "escalation.opened",
        "timestamp": found["timestamp"],
        "data": {
            "tenant": desk.tenant.name, "escalation_id": str(opened), "user_id": f"u-{opened}", "session_id": "s",
            "stuck_point": "p", **DRAFT,
        },
    }  # fmt: skip


async def test_what_is_logged_names_the_request_that_led_there(desk: Desk, hook: Receiver) -> None:
    opened, without = await desk.open(), await desk.open()
    trace = {"request_id": "r-1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
    await desk.pool.execute(
        "INSERT INTO signals (signal_id, kind, user_id, session_id, stuck_point, occurred_at, payload)"
        " SELECT signal_id, 'rage_click', user_id, session_id, stuck_point, now(), $2::text::jsonb"
        " FROM escalations WHERE escalation_id = $1",
        opened, json.dumps({"trace": trace}),
    )  # fmt: skip
    with structlog.testing.capture_logs() as lines:
        await desk.work()

        async def told() -> bool:
            return [line["event"] for line in lines] == ["alert delivered"] * 2

        await eventually(told)
    told_of = {line["escalation_id"]: (line.get("request_id"), line.get("trace_id")) for line in lines}
    assert told_of == {str(opened): ("r-1", "4bf92f3577b34da6a3ce929d0e0e4736"), str(without): (None, None)}


async def test_many_alerts_and_two_agents_make_one_delivery_each(desk: Desk, hook: Receiver) -> None:
    opened = [await desk.open() for _ in range(30)]
    await desk.work()
    await desk.work()
    for one in opened:
        assert await desk.booked(one, 1) == [(1, "delivered", 200, "")]
    ids = [request.headers["webhook-id"] for request in hook.requests]
    assert (len(ids), len(set(ids))) == (30, 30)


async def test_what_fails_is_tried_again_under_the_same_id(desk: Desk, hook: Receiver) -> None:
    hook.replies = [says(500, b"<html>"), says(429, b"rate_limited", Retry_After="900"), breaks_off, hangs_up]
    await desk.work()
    opened = await desk.open()
    expected = [
        (1, "failed", 500, "answered 500"),
        (2, "failed", 429, "answered 429 (rate_limited)"),
        (3, "failed", None, "the answer broke off (RemoteProtocolError)"),
        (4, "failed", None, "the answer broke off (RemoteProtocolError)"),
        (5, "delivered", 200, ""),
    ]
    for count in range(1, 6):
        assert await desk.booked(opened, count) == expected[:count]
        if count == 1:
            assert 3 < await desk.wait(opened) <= 6
        elif count == 2:
            assert 880 < await desk.wait(opened) <= 900
        await desk.hurry()
    assert await desk.state(opened) == ["delivered"]
    assert len({request.headers["webhook-id"] for request in hook.requests}) == 1
    for request in hook.requests:
        Webhook(SECRET).verify(request.body, request.headers)


async def test_an_endless_answer_ends(desk: Desk, hook: Receiver) -> None:
    hook.replies = [never_ends]
    await desk.work()
    opened = await desk.open()
    assert await desk.booked(opened, 1) == [(1, "failed", None, "the answer broke off (AnswerTooLarge)")]


async def test_a_slack_alert_and_what_slack_says_of_a_bad_one(desk: Desk, hook: Receiver) -> None:
    desk.spec(SLACK)
    hook.replies = [says(404, b"no_service")]
    await desk.work()
    opened = await desk.open()
    assert await desk.booked(opened, 1) == [(1, "refused", 404, "answered 404 (no_service)")]
    assert await desk.state(opened) == ["failed"]
    (request,) = hook.requests
    assert json.loads(request.body)["blocks"][0]["text"]["text"] == "Acme: u is stuck"
    assert "webhook-signature" not in request.headers


async def test_a_redirect_is_not_followed(desk: Desk, hook: Receiver) -> None:
    hook.replies = [says(307, Location="http://169.254.169.254/latest/meta-data")]
    await desk.work()
    opened = await desk.open()
    assert await desk.booked(opened, 1) == [
        (1, "refused", 307, "answered 307 (ok): redirects are not followed, so give the final address")
    ]
    assert len(hook.requests) == 1


@pytest.mark.parametrize(
    ("url", "error"),
    [
        (
            "http://127.0.0.1:{port}/secret-path",
            f"127.0.0.1 has an address that is loopback, {NOT_ALLOWED}",
        ),
        ("secret-path", "an address that begins with https:// is wanted"),
        ("ftp://secret-path/", "an address that begins with https:// is wanted"),
        ("https://a:secret-path/", "the Secret hook holds no https:// address under url"),
    ],
)
async def test_where_no_call_may_go(desk: Desk, hook: Receiver, url: str, error: str) -> None:
    desk.secret("url", url.format(port=hook.port))
    await desk.work(allowed="")
    opened = await desk.open()
    assert await desk.booked(opened, 1) == [(1, "refused", None, error)]
    assert await desk.state(opened) == ["failed"]
    assert hook.requests == []


async def test_a_secret_that_comes_later_is_waited_for(desk: Desk, hook: Receiver) -> None:
    path = desk.tenant.secrets / names.secret_ref_file("hook", "url")
    path.unlink()
    await desk.work()
    opened = await desk.open()
    waiting = (1, "waiting", None, "the Secret hook has no value for the key url yet")
    assert await desk.booked(opened, 1) == [waiting]
    assert await desk.state(opened) == ["pending"]
    desk.secret("url", hook.url)
    await desk.hurry()
    assert await desk.booked(opened, 2) == [waiting, (2, "delivered", 200, "")]


async def test_an_alert_is_not_sent_unsigned_where_it_should_be_signed(desk: Desk, hook: Receiver) -> None:
    desk.secret("signing", "hush")
    await desk.work()
    opened = await desk.open()
    ((_, outcome, _, error),) = await desk.booked(opened, 1)
    assert (outcome, hook.requests, "hush" in error) == ("refused", [], False)


async def test_mail_arrives_after_the_server_said_later(desk: Desk) -> None:
    desk.spec(EMAIL)
    async with mailbox() as box:
        box.replies = ["451 try later"]
        await desk.work(smtp_url=f"smtp://127.0.0.1:{box.port}", mail_from="handrail@acme.test")
        opened = await desk.open()
        first = (1, "failed", 451, "the mail server answered 451: try later")
        assert await desk.booked(opened, 1) == [first]
        await desk.hurry()
        assert await desk.booked(opened, 2) == [first, (2, "delivered", 250, "")]
        ((to, message),) = box.mails
    assert to == ["help@acme.test", "two@acme.test"]
    assert (message["Subject"], message["From"]) == ("Acme: u is stuck", "Handrail <handrail@acme.test>")
    assert str(message.get_payload()).startswith("u is stuck.")


async def test_mail_that_is_refused_for_good_and_a_platform_without_mail(desk: Desk) -> None:
    desk.spec(EMAIL)
    await desk.work()
    waits = await desk.open()
    expected = [(1, "waiting", None, "the platform has no mail server (HANDRAIL_SMTP_URL)")]
    assert await desk.booked(waits, 1) == expected
    await desk.stack.aclose()
    desk.loops.clear()
    async with mailbox() as box:
        box.replies = ["554 no"]
        await desk.work(smtp_url=f"smtp://127.0.0.1:{box.port}")
        opened = await desk.open()
        assert await desk.booked(opened, 1) == [(1, "refused", 554, "the mail server answered 554: no")]


async def test_the_platforms_password_is_not_said_in_clear(desk: Desk) -> None:
    desk.spec(EMAIL)
    async with mailbox() as box:
        await desk.work(smtp_url=f"smtp://mailer:s3cret@127.0.0.1:{box.port}")
        opened = await desk.open()
        ((_, outcome, _, error),) = await desk.booked(opened, 1)
        assert (outcome, "STARTTLS" in error, "s3cret" in error) == ("failed", True, False)
    assert box.mails == []
    assert box.logins == []


async def test_who_died_between_sending_and_booking_is_followed_by_another(desk: Desk, hook: Receiver) -> None:
    opened = await desk.open()
    async with raw_transaction(desk.engine) as connection:
        (taken,) = await ledger.take(connection, desk.tenant.name, 4)
        assert await ledger.take(connection, desk.tenant.name, 4) == []
    await desk.work()
    assert hook.requests == []
    await desk.hurry()
    assert await desk.booked(opened, 2) == [
        (1, "unknown", None, "the process ended before it could tell what came of it"),
        (2, "delivered", 200, ""),
    ]
    assert hook.requests[0].headers["webhook-id"] == str(taken.alert.message_id)


async def test_without_a_channel_nothing_is_pending(desk: Desk) -> None:
    desk.spec({})
    await desk.work()
    assert await desk.state(await desk.open()) == []


async def test_a_channel_that_is_gone_ends_its_deliveries(desk: Desk, hook: Receiver) -> None:
    opened = await desk.open()
    desk.spec({})
    await desk.work()
    assert await desk.booked(opened, 1) == [(1, "refused", None, "the config has no such webhook any more")]
