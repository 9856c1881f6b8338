"""Fresh before old: while a backlog is worked off, what comes now is stored at once, before its turn.

The stream is a queue, so an event that comes behind a million others would wait for minutes, and its nudge with it.
Here the newest messages are read where they stand, without taking them, and stored like any others. When their turn
comes they are found to be stored, acknowledged, and that is all: the key of an event makes it safe, here as on
redelivery. Nothing hangs on this: what it misses or cannot store is left to the queue.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

import msgspec
import structlog
from nats.errors import Error as NatsError

from handrail_contracts import names, times
from handrail_contracts.nats_client import Client
from handrail_runtime.ingest.consumer import Consumer
from handrail_runtime.ingest.decoding import decode
from handrail_runtime.roles import heed_cancellation
from handrail_runtime.trouble import classify

log = structlog.get_logger()

EVERY = 0.25
BEHIND = 1_000_000
"""Microseconds. Where the message taken last has waited longer, there is a backlog."""
AT_ONCE = 50
MAX_BYTES = 1024 * 1024
ANSWER_WITHIN = 2.0
"""Seconds."""


@dataclass
class _Newest:
    messages: list[bytes] = field(default_factory=list)
    last: int = 0
    """Sequence of the last of them."""
    more: bool = False


class Fresh:
    """Looks until cancelled."""

    def __init__(self, client: Client, consumer: Consumer) -> None:
        self._client = client
        self._consumer = consumer
        self._next = 0
        """Sequence to go on with; 0: begin anew at what has just come."""

    async def run(self) -> None:
        while True:
            heed_cancellation()
            await asyncio.sleep(EVERY)
            if not self._consumer.behind(BEHIND):
                self._next = 0
                continue
            try:
                await self._look()
            except (NatsError, TimeoutError, OSError) as error:
                log.debug("cannot look at what is new", error=repr(error))
            except Exception as error:
                # What is wrong with it is found out, and dealt with, in its turn.
                self._next = 0
                trouble = classify(error)
                log.warning(
                    "new events are left to their turn", trouble=trouble, exc_info=error if trouble == "bug" else None
                )

    async def _look(self) -> None:
        until = time.monotonic() + 4 * EVERY
        while True:
            newest = await self._newest()
            if newest.messages:
                events = [one for message in newest.messages for one in decode(message).events]
                self._next = newest.last + 1
                if events:
                    await self._consumer.store_ahead(events)
            if not newest.more:
                return
            if time.monotonic() > until:
                # More comes than can be kept up with beside the backlog: what has just come matters most.
                self._next = 0
                return

    async def _newest(self) -> _Newest:
        found = _Newest()
        request: dict[str, object] = {"batch": AT_ONCE, "max_bytes": max(MAX_BYTES, 2 * self._client.max_payload)}
        if self._next:
            request["seq"] = self._next
        else:
            request["start_time"] = times.from_micros(time.time_ns() // 1000 - BEHIND).isoformat()
        inbox = self._client.new_inbox()
        subscription = await self._client.subscribe(inbox)
        try:
            await self._client.publish(
                f"$JS.API.DIRECT.GET.{names.EVENTS_STREAM}", msgspec.json.encode(request), reply=inbox
            )
            async with asyncio.timeout(ANSWER_WITHIN):
                while True:
                    message = await subscription.next_msg(timeout=ANSWER_WITHIN)
                    headers = message.headers or {}
                    if "Status" in headers:  # 204: that was all; 404: there is nothing newer
                        found.more = headers["Status"] == "204" and headers.get("Nats-Num-Pending", "0") != "0"
                        return found
                    found.messages.append(message.data)
                    found.last = int(headers["Nats-Sequence"])
        finally:
            with contextlib.suppress(NatsError):
                await subscription.unsubscribe()
