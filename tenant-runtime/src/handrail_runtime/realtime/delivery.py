"""Brings each pending nudge to every socket of its user, once a socket, and takes the acknowledgements.

Everything that happens (attach, resume, notice, changed config) only marks a user as wanted. One task works the marks
off: one statement for all acknowledgements, one for all wanted users, and what comes meanwhile joins the next round.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

import msgspec
import structlog

from handrail_contracts import times
from handrail_contracts.nudges import NudgeNotice
from handrail_contracts.snippet_config import SnippetConfig
from handrail_runtime.data.raw import DATABASE_ERRORS
from handrail_runtime.realtime import metrics
from handrail_runtime.realtime.nudge_table import NudgeTable, Standing
from handrail_runtime.realtime.registry import Registry, Socket
from handrail_runtime.roles import heed_cancellation

log = structlog.get_logger()

MOST_USERS = 500
"""In one look."""
MOST_ACKS = 1000
MOST_ACKS_WAITING = 50_000
"""More are dropped while the database is away: such a nudge comes once more."""
SWEEP_EVERY = 15.0
"""Seconds between looks for what a lost notice did not tell."""
_TIMEOUT = 10.0
_RETRY_AFTER = (0.1, 0.5, 1.0, 2.0)


@dataclass
class Wanted:
    """Why a user is to be looked at."""

    attached: list[Socket] = field(default_factory=list)
    resumed: dict[Socket, int] = field(default_factory=dict)
    config: bool = False
    notice: NudgeNotice | None = None
    """The first; None where none came."""


class ConfigText:
    """The snippet's config as JSON, with a digest to tell one from another."""

    def __init__(self, config: SnippetConfig) -> None:
        self.raw = msgspec.Raw(config.model_dump_json().encode())
        self.digest = sha256(self.raw).hexdigest()[:16]


class _Config(msgspec.Struct):
    type: str
    seq: int
    config: msgspec.Raw


class _Nudge(msgspec.Struct, tag="nudge", tag_field="type"):
    seq: int
    nudge: msgspec.Raw


def _text(frame: msgspec.Struct) -> str:
    return msgspec.json.encode(frame).decode()


class Delivery:
    """`run` works until cancelled; the other methods return at once."""

    def __init__(self, table: NudgeTable, registry: Registry, config: Callable[[], ConfigText]) -> None:
        self._table = table
        self._registry = registry
        self._config = config
        self._wanted: dict[str, Wanted] = {}
        self._acks: dict[tuple[str, int], None] = {}
        self._wake = asyncio.Event()
        self._sweep_now = asyncio.Event()
        self._complained = False
        self.ok = False
        """Whether the database answered the last time; False until the first."""

    @property
    def config_digest(self) -> str:
        return self._config().digest

    def attach(self, socket: Socket, *, greeted: bool) -> None:
        socket.greeted = greeted
        wanted = self._want(socket.user_id)
        if greeted:
            wanted.config = True
        else:
            wanted.attached.append(socket)

    def resume(self, socket: Socket, last_seq: int) -> None:
        """Everything pending above `last_seq` goes to this socket again."""
        self._want(socket.user_id).resumed[socket] = last_seq

    def acknowledge(self, user_id: str, seq: int) -> None:
        metrics.ACKS.inc()
        if len(self._acks) < MOST_ACKS_WAITING:
            self._acks[user_id, seq] = None
            self._wake.set()

    def notice(self, notice: NudgeNotice) -> bool:
        """There is a nudge. Whether its user is here."""
        if notice.user_id not in self._registry:
            return False
        wanted = self._want(notice.user_id)
        wanted.notice = wanted.notice or notice
        return True

    def config_changed(self) -> None:
        for user_id in self._registry.users():
            self._want(user_id).config = True

    def _want(self, user_id: str) -> Wanted:
        self._wake.set()
        wanted = self._wanted.get(user_id)
        if wanted is None:
            wanted = self._wanted[user_id] = Wanted()
        return wanted

    async def run(self) -> None:
        failures = 0
        try:
            while True:
                heed_cancellation()
                await self._wake.wait()
                self._wake.clear()
                try:
                    async with asyncio.timeout(_TIMEOUT):
                        await self._flush_acks()
                        await self._look()
                except DATABASE_ERRORS as error:
                    self._failed(error)
                    await asyncio.sleep(_RETRY_AFTER[min(failures, len(_RETRY_AFTER) - 1)])
                    failures += 1
                    self._wake.set()
                else:
                    self._succeeded()
                    failures = 0
                    if self._acks or self._wanted:
                        self._wake.set()
        finally:
            await self._last_acks()

    async def _flush_acks(self) -> None:
        """Before the look, so that what a browser has acknowledged is not sent to it again."""
        while self._acks:
            told = list(self._acks)[:MOST_ACKS]
            await self._table.acknowledge(told)
            for one in told:
                self._acks.pop(one, None)

    async def _look(self) -> None:
        users = list(self._wanted)[:MOST_USERS]
        if not users:
            return
        batch = {user_id: self._wanted.pop(user_id) for user_id in users}
        began = time.perf_counter()
        try:
            standings = await self._table.look([user_id for user_id in users if user_id in self._registry])
        except BaseException:
            self._put_back(batch)
            raise
        metrics.LOOK_SECONDS.observe(time.perf_counter() - began)
        metrics.LOOK_USERS.observe(len(users))
        config = self._config()
        now = times.micros(datetime.now(UTC))
        for user_id, wanted in batch.items():
            if (standing := standings.get(user_id)) is not None:
                self._deliver(user_id, wanted, standing, config)
                _observe(wanted.notice, now)

    def _put_back(self, batch: dict[str, Wanted]) -> None:
        for user_id, old in batch.items():
            wanted = self._want(user_id)
            wanted.attached = old.attached + wanted.attached
            wanted.resumed = old.resumed | wanted.resumed
            wanted.config |= old.config
            wanted.notice = old.notice or wanted.notice

    def _deliver(self, user_id: str, wanted: Wanted, standing: Standing, config: ConfigText) -> None:
        pending = [(seq, content) for seq, content in standing.pending if (user_id, seq) not in self._acks]
        last_seq = max([standing.last_seq, *(seq for seq, _ in pending)])
        seqs = {seq for seq, _ in pending}
        frames: dict[int, str] = {}
        for socket in self._registry.of(user_id):
            if socket in wanted.attached:
                _send_config("hello", socket, last_seq, config)
                socket.greeted = True
            elif not socket.greeted:
                continue  # attached while the table was read; its own look comes next
            elif wanted.config and socket.config != config.digest:
                _send_config("config", socket, last_seq, config)
            socket.sent &= seqs
            above = wanted.resumed.get(socket)
            for seq, content in pending:
                if socket.lacks(seq) or (above is not None and seq > above):
                    if seq not in frames:
                        frames[seq] = _text(_Nudge(seq, msgspec.Raw(content.encode())))
                    socket.sent.add(seq)
                    socket.outlet.send(socket, seq, frames[seq])
                    metrics.FRAMES.labels("nudge").inc()

    async def sweep(self) -> None:
        """Looks at times for pending nudges whose notice was lost, and ends those that came too late."""
        while True:
            heed_cancellation()
            try:
                async with asyncio.timeout(_TIMEOUT):
                    metrics.EXPIRED.inc(await self._table.expire())
                    found = await self._table.open_nudges()
            except DATABASE_ERRORS as error:
                self._failed(error)
            else:
                self._succeeded()
                self._want_missed(found)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_EVERY if self.ok else 1.0):
                    await self._sweep_now.wait()
            self._sweep_now.clear()

    def sweep_now(self) -> None:
        """Notices may have been lost."""
        self._sweep_now.set()

    def _want_missed(self, found: list[tuple[str, int]]) -> None:
        for user_id, seq in found:
            if any(socket.greeted and socket.lacks(seq) for socket in self._registry.of(user_id)):
                metrics.MISSED.inc()
                self._want(user_id)

    def _failed(self, error: BaseException) -> None:
        metrics.FAILURES.labels("postgres").inc()
        if not self._complained:
            log.warning("the database is away; nudges wait", error=type(error).__name__)
        self.ok, self._complained = False, True

    def _succeeded(self) -> None:
        if self._complained:
            log.info("the database is back")
        self.ok, self._complained = True, False

    async def _last_acks(self) -> None:
        """When the process ends: what browsers have acknowledged need not come again after the restart."""
        try:
            async with asyncio.timeout(1):
                await self._flush_acks()
        except DATABASE_ERRORS:
            log.warning("acknowledgements not kept at the end", count=len(self._acks))


def _observe(notice: NudgeNotice | None, now: int) -> None:
    if notice is not None and notice.told_at:
        metrics.NOTICE_SECONDS.observe(max(0, now - notice.told_at) / 1e6)
    if notice is not None and notice.occurred_at:
        metrics.NUDGE_SECONDS.observe(max(0, now - notice.occurred_at) / 1e6)


def _send_config(kind: str, socket: Socket, last_seq: int, config: ConfigText) -> None:
    socket.config = config.digest
    socket.outlet.send(socket, 0, _text(_Config(kind, last_seq, config.raw)), config.digest)
    metrics.FRAMES.labels(kind).inc()
