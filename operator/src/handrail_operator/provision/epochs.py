"""Whether a server is there, and whether it is still the one that was looked at before.

An epoch is a text that changes when a server was restarted or made anew, so that nothing verified before counts.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from handrail_operator.errors import TenantError
from handrail_operator.provision.ending import end
from handrail_operator.provision.trouble import Explain

log = structlog.get_logger()

EVERY = 1.5
"""Seconds between looks."""
PATIENCE = 5.0
"""Seconds after which a server that does not answer counts as away."""

Changed = Callable[[str], None]


class Watch:
    """One server. `look` gives its epoch; `prepare` is done once in each epoch, before it counts."""

    def __init__(
        self,
        component: str,
        look: Callable[[], Awaitable[str]],
        prepare: Callable[[], Awaitable[None]],
        explain: Explain,
        changed: Changed,
    ) -> None:
        self.component = component
        self.epoch: str | None = None
        """Of the last time the server answered."""
        self.trouble: TenantError | None = None
        """Why it is not there now."""
        self.explain = explain
        self._look = look
        self._prepare = prepare
        self._changed = changed
        self._seen = asyncio.Event()
        self._gone = asyncio.Event()
        self._wake = asyncio.Event()

    async def seen(self) -> None:
        """Waits until there was a first look."""
        await self._seen.wait()

    async def unless_gone(self, work: Awaitable[None]) -> None:
        """Does the work, or gives it up when the server turns out to be away. Raises `trouble`, or what it raises."""
        doing = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait((doing, gone), return_when=asyncio.FIRST_COMPLETED)
            if not doing.done() and self.trouble is not None:
                raise self.trouble.with_traceback(None)
            await doing
        finally:
            await end(doing, gone)

    def doubt(self) -> None:
        """Somebody had trouble with it: looks now."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.once()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._wake.wait()
            self._wake.clear()

    async def once(self) -> None:
        before = (self.epoch, self._reason())
        try:
            async with asyncio.timeout(PATIENCE):
                epoch = await self._look()
            if epoch != self.epoch:
                async with asyncio.timeout(5 * PATIENCE):
                    await self._prepare()
            self.epoch, self.trouble = epoch, None
            self._gone.clear()
        except Exception as error:  # noqa: BLE001 - whatever it is, the server is not usable now
            self.trouble = self.explain(error)
            self._gone.set()
        first = not self._seen.is_set()
        self._seen.set()
        if before == (self.epoch, self._reason()):
            return
        if self.trouble is not None:
            log.warning("a server is away", component=self.component, why=self._reason())
        else:
            log.info("a server is there", component=self.component)
        if not first:
            self._changed(self.component)

    def _reason(self) -> str:
        return str(self.trouble) if self.trouble is not None else ""
