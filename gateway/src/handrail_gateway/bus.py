"""The platform's NATS account: the directory's feed, calls to the operator, wake-ups, notes of key use.

The gateway listens before NATS is there and keeps serving from memory when NATS is away.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog
from nats.errors import Error as NatsError
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KV_DEL, KV_PURGE, KeyValue

from handrail_contracts import inboxes, names, subjects
from handrail_contracts.nats_client import Client
from handrail_contracts.operator_calls import OperatorReply, decode_reply
from handrail_contracts.problems import Problem, ProblemItem
from handrail_contracts.record import decode_record
from handrail_gateway.directory import Directory

log = structlog.get_logger()

RECONNECT_WAIT = 0.2
_WAKE_EVERY = 5.0


class PlatformBus:
    """One connection to the platform's account, kept for ever; feeds `directory`."""

    def __init__(
        self,
        directory: Directory,
        *,
        url: str,
        credentials: Path,
        relist_every: float,
        key_use_every: float,
        operator_timeout: float,
        on_state: Callable[[bool], None],
    ) -> None:
        self._directory = directory
        self._url = url
        self._credentials = credentials
        self._relist_every = relist_every
        self._key_use_every = key_use_every
        self._operator_timeout = operator_timeout
        self._on_state = on_state
        self._away_since: float | None = time.monotonic()
        self._client = Client()
        self._stopping = False
        self._reconnected = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._woken: dict[str, float] = {}
        self._waking: set[asyncio.Task[None]] = set()
        self._used: dict[str, float] = {}

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._stay_connected()), asyncio.create_task(self._note_use())]

    async def stop(self) -> None:
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(NatsError, OSError, asyncio.TimeoutError):
            await self._write_use()
        await self._client.close()

    @property
    def connected(self) -> bool:
        return self._client.is_connected

    def away_for(self) -> float:
        """Seconds since there is no connection; 0 while there is one."""
        return 0.0 if self._away_since is None else time.monotonic() - self._away_since

    def waiting(self) -> int:
        """Keys whose use is not yet noted; at most one for each live key."""
        return len(self._used)

    def _tell(self, connected: bool) -> None:
        if connected:
            self._away_since = None
        elif self._away_since is None:
            self._away_since = time.monotonic()
        self._on_state(connected)

    # --- what the gateway asks and tells ---------------------------------------------------------------------

    def wake_soon(self, tenant: str) -> None:
        """`wake` for who cannot wait."""
        task = asyncio.create_task(self.wake(tenant))
        self._waking.add(task)
        task.add_done_callback(self._waking.discard)

    async def wake(self, tenant: str) -> None:
        """Says that a sleeping tenant is wanted; at most every few seconds for one tenant."""
        now = time.monotonic()
        if now - self._woken.get(tenant, -_WAKE_EVERY) < _WAKE_EVERY or not self.connected:
            return
        self._woken[tenant] = now
        with contextlib.suppress(NatsError):
            await self._client.publish(subjects.wake(tenant))

    async def ask(self, verb: str, tenant: str, call: msgspec.Struct) -> dict[str, object]:
        """The operator's answer to a call of `operator_calls`. Raises Problem."""
        try:
            message = await self._client.request(
                subjects.operator(verb, tenant), msgspec.json.encode(call), timeout=self._operator_timeout
            )
            reply: OperatorReply = decode_reply(message.data)
        except (NatsError, TimeoutError, OSError, msgspec.MsgspecError) as error:
            log.warning("the operator did not answer", verb=verb, tenant=tenant, error=repr(error))
            raise Problem("unavailable", "Changes cannot be made right now.", retry_after=5) from error
        if reply.problem is not None:
            errors = [ProblemItem.model_validate(item) for item in reply.problem.errors]
            raise Problem(reply.problem.code, reply.problem.detail, errors=errors)
        return reply.value or {}

    def used(self, key_id: str) -> None:
        """Notes that a key was used now; written from time to time."""
        self._used[key_id] = time.time()

    async def last_used(self, key_ids: list[str]) -> dict[str, str]:
        """RFC 3339 times of last use, of those keys that were used."""
        # Taken first: what is written meanwhile would be seen neither here nor there.
        noted = {key_id: _rfc3339(self._used[key_id]) for key_id in key_ids if key_id in self._used}
        found: dict[str, str] = {}
        try:
            bucket = await self._client.jetstream().key_value(names.KEY_USE_BUCKET)
            for key_id in key_ids:
                with contextlib.suppress(KeyNotFoundError):
                    found[key_id] = ((await bucket.get(key_id)).value or b"").decode()
        except (NatsError, TimeoutError, OSError) as error:
            log.warning("the use of keys cannot be read", error=repr(error))
        return found | noted

    # --- the connection --------------------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        """Connects, follows the tenants, and begins anew when the client gave up for ever."""
        while True:
            try:
                await self._connect()
                await self._follow_for_ever()
            except (NatsError, TimeoutError, OSError, ValueError) as error:
                log.warning("no connection to the platform's account", error=repr(error))
            self._tell(False)
            await self._client.close()
            await asyncio.sleep(1)

    async def _connect(self) -> None:
        async def lost() -> None:
            self._tell(False)
            if not self._stopping:
                log.warning("nats connection lost, reconnecting")

        async def back() -> None:
            self._tell(True)
            self._reconnected.set()
            log.info("nats connection is back")

        async def closed() -> None:
            self._reconnected.set()

        told = ""

        async def failed(error: Exception) -> None:
            # The same error comes several times a second while the server is away.
            nonlocal told
            if repr(error) != told:
                told = repr(error)
                log.warning("nats error", error=told)

        self._client = Client()
        await self._client.connect(
            servers=[self._url],
            user_credentials=str(self._credentials),
            inbox_prefix=inboxes.of_credentials(self._credentials.read_text(encoding="utf-8")),
            name="handrail-gateway",
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_WAIT,
            # A server that hangs is found out within seconds: what it does not answer, /readyz tells.
            ping_interval=3,
            disconnected_cb=lost,
            reconnected_cb=back,
            closed_cb=closed,
            error_cb=failed,
        )
        self._tell(True)

    # --- the tenants -----------------------------------------------------------------------------------------

    async def _follow_for_ever(self) -> None:
        """Reads the whole bucket and follows it, again after each reconnect: a watch alone misses changes."""
        while not self._client.is_closed:
            self._reconnected.clear()
            try:
                await self._follow()
            except (NatsError, TimeoutError, OSError) as error:
                log.warning("the tenants cannot be read", error=repr(error))
                await asyncio.sleep(RECONNECT_WAIT)

    async def _follow(self) -> None:
        bucket = await self._client.jetstream(timeout=2).key_value(names.TENANTS_BUCKET)
        watcher = await bucket.watchall()
        try:
            last = await self._read_all(watcher)
            await self._read_changes(bucket, watcher, last)
        finally:
            with contextlib.suppress(NatsError, OSError):
                await watcher.stop()

    async def _read_all(self, watcher: KeyValue.KeyWatcher) -> int:
        found: set[str] = set()
        last = 0
        while (entry := await watcher.updates(timeout=5)) is not None:
            last = max(last, entry.revision or 0)
            if self._apply(entry):
                found.add(entry.key)
        self._directory.keep_only(found)
        self._directory.complete = True
        log.debug("tenants read", count=len(found))
        return last

    async def _read_changes(self, bucket: KeyValue, watcher: KeyValue.KeyWatcher, last: int) -> None:
        """Until the connection was made anew, or a look at the bucket shows that a change was missed."""
        back = asyncio.create_task(self._reconnected.wait())
        entry_task = asyncio.ensure_future(anext(watcher))
        try:
            while not self._reconnected.is_set():
                await asyncio.wait({back, entry_task}, timeout=self._relist_every, return_when=asyncio.FIRST_COMPLETED)
                if entry_task.done():
                    if (entry := entry_task.result()) is not None:
                        self._apply(entry)
                        last = max(last, entry.revision or 0)
                    entry_task = asyncio.ensure_future(anext(watcher))
                elif not back.done() and (await bucket.status()).stream_info.state.last_seq > last:
                    return
        finally:
            back.cancel()
            entry_task.cancel()
            await asyncio.gather(back, entry_task, return_exceptions=True)

    def _apply(self, entry: KeyValue.Entry) -> bool:
        """Whether the entry stands for a tenant that exists."""
        if entry.operation in (KV_DEL, KV_PURGE):
            self._directory.remove(entry.key)
            return False
        try:
            record = decode_record(entry.value or b"")
            if record.name != entry.key:
                raise ValueError("the record bears another name")
        except (msgspec.MsgspecError, ValueError) as error:
            log.error("a tenant's record cannot be read", tenant=entry.key, error=str(error))
            return self._directory.get(entry.key) is not None
        self._directory.put(record)
        return True

    # --- the use of keys -------------------------------------------------------------------------------------

    async def _note_use(self) -> None:
        while True:
            await asyncio.sleep(self._key_use_every)
            try:
                await self._write_use()
            except (NatsError, TimeoutError, OSError) as error:
                log.debug("the use of keys is noted later", error=repr(error))

    async def _write_use(self) -> None:
        if not self._used or not self.connected:
            return
        bucket = await self._client.jetstream(timeout=2).key_value(names.KEY_USE_BUCKET)
        for key_id, at in list(self._used.items()):
            await bucket.put(key_id, _rfc3339(at).encode())
            if self._used.get(key_id) == at:
                del self._used[key_id]


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
