"""One user's visit: identify, open the socket, walk, take nudges as they come, leave."""

import asyncio
import secrets
import time
from collections import Counter
from datetime import UTC, datetime
from uuid import uuid4

from handrail_cli.simulate import batches
from handrail_cli.simulate.api import Api, ApiFailed
from handrail_cli.simulate.plan import PlannedUser
from handrail_cli.simulate.reactions import leave, react
from handrail_cli.simulate.socket import SocketFailed, listen
from handrail_cli.simulate.visit_log import VisitLog
from handrail_cli.simulate.walk import PlannedEvent
from handrail_contracts.nudges import Nudge

_TOKEN_LIVES = 9 * 60.0
_OPEN_WITHIN = 30.0


def new_log(plan: PlannedUser) -> VisitLog:
    return VisitLog(plan, user_id=f"anon-{uuid4()}", session_id=str(uuid4()))


class Visit:
    """Carries out one plan. `run` goes on until it is cancelled, so that late nudges are taken too."""

    def __init__(self, api: Api, log: VisitLog, errors: Counter[str], doors: asyncio.Semaphore) -> None:
        self._api = api
        self._log = log
        self._errors = errors
        self._doors = doors
        self._inbox: asyncio.Queue[Nudge] = asyncio.Queue()
        self._token = ""
        self._token_from = 0.0

    async def run(self, start_after: float) -> None:
        """Begins after so many seconds. Failures end in the log and the errors, never in the caller."""
        await asyncio.sleep(start_after)
        self._log.stage = "walking"
        opened = asyncio.Event()
        listener: asyncio.Task[None] | None = None
        try:
            async with self._doors:
                await self._fresh_token()
                listener = asyncio.create_task(self._listen(opened))
                await self._meet(opened, listener)
            await self._walk()
            await self._watch()
        except ApiFailed as error:
            self._errors[str(error)] += 1
            self._log.stage = "failed"
        finally:
            if listener is not None:
                listener.cancel()
                await asyncio.gather(listener, return_exceptions=True)

    async def _listen(self, opened: asyncio.Event) -> None:
        """Without a socket no nudge reaches this user; the walk goes on all the same."""
        try:
            await listen(
                self._api.gateway, self._log.user_id, self._api.publishable, self._fresh_token, opened, self._on_nudge
            )
        except (ApiFailed, SocketFailed) as error:
            self._deaf(str(error))

    async def _meet(self, opened: asyncio.Event, listener: asyncio.Task[None]) -> None:
        """Waits for the platform's hello."""
        hello = asyncio.create_task(opened.wait())
        await asyncio.wait({hello, listener}, timeout=_OPEN_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        hello.cancel()
        if not opened.is_set() and not listener.done():
            self._deaf(f"A socket did not say hello within {_OPEN_WITHIN:.0f} s")

    def _deaf(self, why: str) -> None:
        self._errors[why] += 1
        self._log.deaf = True

    async def _fresh_token(self) -> str:
        now = time.monotonic()
        if not self._token or now - self._token_from > _TOKEN_LIVES:
            self._token = await self._api.identify(self._log.user_id)
            self._token_from = now
        return self._token

    def _on_nudge(self, nudge: Nudge) -> None:
        if not self._log.received and self._log.stuck_at is not None:
            self._log.latencies.append(time.monotonic() - self._log.stuck_at)
        self._log.received.append(nudge.nudge_id)
        self._inbox.put_nowait(nudge)

    async def _walk(self) -> None:
        visitor = batches.begin(self._log.plan, self._log.user_id, self._log.session_id, _now())
        for part in batches.chunks(self._log.plan):
            if self._log.stuck_at is None and any(event.trigger for event in part):
                self._log.stuck_at = time.monotonic()
            await self._post(visitor, part)
            self._log.walked += len(part)

    async def _watch(self) -> None:
        """Waits for help as long as the plan's user has patience, then leaves; nudges are taken all the same."""
        plan = self._log.plan
        self._log.stage = "watching" if plan.expects else "left"
        until = time.monotonic() + plan.patience
        while True:
            patience = None if self._log.stage == "left" else max(0.0, until - time.monotonic())
            try:
                async with asyncio.timeout(patience):
                    nudge = await self._inbox.get()
            except TimeoutError:
                await self._post_now([leave(plan.events[-1].path)])
            else:
                await self._take(nudge)
            self._log.stage = "left"

    async def _take(self, nudge: Nudge) -> None:
        plan = self._log.plan
        path = plan.events[-1].path
        reaction = react(plan.reaction, nudge, path)
        last = reaction[-1].at + 0.1
        began = _now()
        await asyncio.sleep(last)
        leaving = leave(path)
        events = [*reaction, PlannedEvent(last, leaving.event_type, path, properties=leaving.properties)]
        await self._post_now(events, began)
        self._log.reacted += 1

    async def _post_now(self, events: list[PlannedEvent], began: datetime | None = None) -> None:
        visitor = batches.Visitor(self._log.plan, self._log.user_id, self._log.session_id, began or _now())
        await self._post(visitor, tuple(events))

    async def _post(self, visitor: batches.Visitor, part: tuple[PlannedEvent, ...]) -> None:
        events = batches.planned(visitor, part, secrets.token_bytes)
        token = await self._fresh_token()
        accepted = await self._api.post_events(batches.body(visitor, events, token, _now()))
        if accepted != len(events):
            raise ApiFailed(f"A batch of {len(events)} events was answered 202 with accepted {accepted}")
        self._log.sent.update(event.event_id for event in events)


def _now() -> datetime:
    return datetime.now(UTC)
