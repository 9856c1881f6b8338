"""A standing pull on a durable consumer, bounded by bytes: the queue is the batch.

One request stands at all times. What has come while the last batch was worked on is the next batch: one message when
idle, thousands of events when behind. Messages held for long are kept from being delivered again.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable

import msgspec
import structlog
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from handrail_contracts.nats_client import Client

log = structlog.get_logger()

MAX_MESSAGES = 500
MAX_BYTES = 2 * 1024 * 1024
EXPIRES = 30.0
HEARTBEAT = 5.0
"""Seconds between the server's signs of life for a standing request; two missing ones mean that it is gone."""
TOUCH_EVERY = 10.0
"""Seconds, until the consumer's own ack_wait is known."""
_NS = 1_000_000_000


class Pull:
    """`take` gives what waits; every message taken must be settled by `done`, `drop` or `give_back`.

    `wants` says how many messages may be asked for now; while it says 0, none are, until `wake` is called.
    """

    def __init__(
        self, client: Client, stream: str, consumer: str, wants: Callable[[], int] = lambda: MAX_MESSAGES
    ) -> None:
        self._client = client
        self._stream = stream
        self._consumer = consumer
        self._wants = wants
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._numbers = itertools.count(1)
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._waiting: list[Msg] = []
        self._held: dict[int, Msg] = {}
        self._arrived = asyncio.Event()
        self._request = ""
        self._left = 0
        self._last_sign = 0.0
        self._not_before = 0.0
        self._failures = 0
        self._reconnects = client.stats["reconnects"]

    @property
    def standing(self) -> bool:
        """Whether the server knows that we wait, or nothing is wanted, or what it gave is still being worked on."""
        return (bool(self._request) or bool(self._held) or self._wants() <= 0) and self._failures == 0

    @property
    def backlog(self) -> bool:
        """Whether messages have come that were not settled."""
        return bool(self._held)

    async def start(self) -> None:
        self._inbox = self._client.new_inbox()
        self._subscription = await self._client.subscribe(f"{self._inbox}.*", cb=self._receive)

    async def take(self) -> list[Msg]:
        """Waits until something is there and gives all of it."""
        while True:
            await self._stand()
            if self._waiting:
                taken, self._waiting = self._waiting, []
                self._arrived.clear()
                return taken
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.05, self._not_before - time.monotonic(), HEARTBEAT / 5)):
                    await self._arrived.wait()
            if not self._waiting:
                self._arrived.clear()

    async def done(self, messages: list[Msg]) -> None:
        for message in messages:
            self._held.pop(id(message), None)
            # What NATS does not hear of comes again, and is found to be stored.
            with contextlib.suppress(NatsError):
                await message.ack()

    async def drop(self, message: Msg) -> None:
        """It is not to come again."""
        self._held.pop(id(message), None)
        with contextlib.suppress(NatsError):
            await message.term()

    async def give_back(self, message: Msg, delay: float) -> None:
        """It comes again after `delay` seconds."""
        self._held.pop(id(message), None)
        with contextlib.suppress(NatsError):
            await message.nak(delay=delay)

    def wake(self) -> None:
        """More may be wanted now."""
        self._arrived.set()

    async def touch(self) -> None:
        """Keeps what is held from being delivered again, until cancelled."""
        every = None
        while True:
            every = every or await self._third_of_ack_wait()
            await asyncio.sleep(every or TOUCH_EVERY)
            for message in list(self._held.values()):
                with contextlib.suppress(NatsError):
                    await message.in_progress()

    async def _third_of_ack_wait(self) -> float | None:
        """Seconds; None where NATS does not say now."""
        try:
            info = await self._client.jetstream(timeout=5).consumer_info(self._stream, self._consumer)
        except (NatsError, TimeoutError):
            return None
        return info.config.ack_wait / 3 if info.config.ack_wait else None

    async def stop(self) -> None:
        """Gives back what was not settled, so that another takes it at once."""
        with contextlib.suppress(NatsError):
            if self._subscription is not None:
                await self._subscription.unsubscribe()
            for message in self._held.values():
                await message.nak()
        self._held.clear()
        self._waiting.clear()

    async def _stand(self) -> None:
        now = time.monotonic()
        # A server that was restarted knows nothing of our request.
        reconnected = self._client.stats["reconnects"] != self._reconnects
        if reconnected or (self._request and now - self._last_sign > 2 * HEARTBEAT + 1):
            self._reconnects = self._client.stats["reconnects"]
            self._request = ""
        if self._request or now < self._not_before or not self._client.is_connected:
            return
        wanted = self._wants()
        if wanted <= 0:
            return
        self._request = f"{self._inbox}.{next(self._numbers)}"
        self._left = wanted
        self._last_sign = now
        request = {
            "batch": wanted,
            # A request smaller than a message would be refused for ever.
            "max_bytes": max(MAX_BYTES, 2 * self._client.max_payload),
            "expires": int(EXPIRES * _NS),
            "idle_heartbeat": int(HEARTBEAT * _NS),
        }
        try:
            await self._client.publish(self._subject, msgspec.json.encode(request), reply=self._request)
        except NatsError as error:
            self._ended(str(error), trouble=True)

    async def _receive(self, message: Msg) -> None:
        # Messages keep their stream's subject; only the server's status messages carry the request's own.
        status = message.headers.get("Status") if message.headers and not message.reply else None
        if status is None and message.reply:
            self._waiting.append(message)
            self._held[id(message)] = message
            self._failures = 0
            self._last_sign = time.monotonic()
            self._left -= 1
            if self._left <= 0:
                self._request = ""
            self._arrived.set()
        elif message.subject == self._request:
            self._status(status or "", (message.headers or {}).get("Description", ""))

    def _status(self, status: str, description: str) -> None:
        self._last_sign = time.monotonic()
        if status == "100":
            self._failures = 0
        elif status == "408" or "MaxBytes" in description or "Batch Completed" in description:
            self._ended(description, trouble=False)
        else:
            self._ended(f"{status} {description}".strip(), trouble=True)

    def _ended(self, why: str, *, trouble: bool) -> None:
        self._request = ""
        if trouble:
            # A consumer that is gone answers at once: without a pause this would spin.
            self._failures += 1
            self._not_before = time.monotonic() + min(10.0, 0.1 * 2 ** min(self._failures, 7))
            if self._failures in (1, 5) or self._failures % 50 == 0:
                log.warning("cannot pull", reason=why, attempt=self._failures)
        self._arrived.set()
