"""Takes calls off NATS, reads them, and sends the answers: the same for a cluster and for one machine."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from handrail_contracts import operator_calls, subjects
from handrail_contracts.nats_client import Client
from handrail_contracts.operator_calls import (
    ConfigEdit,
    HandBack,
    KeyCreate,
    KeyRevoke,
    OperatorReply,
    ReplyProblem,
    TenantDelete,
)
from handrail_operator.provision.keyring import LiveKey

_QUEUE = "operator"


class Desk(Protocol):
    """Where tenants have their home. What cannot be done is a problem in the reply; what is raised is a fault."""

    async def edit(self, tenant: str, call: ConfigEdit) -> OperatorReply: ...
    async def hand_back(self, tenant: str, call: HandBack) -> OperatorReply: ...
    async def create_key(self, tenant: str, call: KeyCreate) -> OperatorReply: ...
    async def revoke_key(self, tenant: str, call: KeyRevoke) -> OperatorReply: ...
    async def delete(self, tenant: str, call: TenantDelete) -> OperatorReply: ...


Failed = Callable[[str, str, Exception], None]
"""Told of a fault: verb, tenant, what was raised."""


class Listener:
    """Answers calls, several at once. No call is taken twice where two listen for a moment."""

    def __init__(self, desk: Desk, *, failed: Failed, at_once: int = 8, deadline: float | None = None) -> None:
        """`deadline`: seconds after which a call is given up."""
        self._desk = desk
        self._failed = failed
        self._free = asyncio.Semaphore(at_once)
        self._deadline = deadline
        self._working: set[asyncio.Task[None]] = set()
        self._subscription: Subscription | None = None

    async def listen(self, client: Client) -> None:
        """Returns once the server sends calls here. Raises NatsError."""
        self._subscription = await client.subscribe(subjects.OPERATOR_ALL, queue=_QUEUE, cb=self._take)
        await client.flush()

    async def stop(self) -> None:
        """Takes no more calls and ends those in work: their callers ask again."""
        if self._subscription is not None:
            # A connection that is gone has taken the subscription along.
            with contextlib.suppress(NatsError):
                await self._subscription.unsubscribe()
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)

    async def _take(self, message: Msg) -> None:
        # Calls beyond those at once wait in the client; their callers are told to come back if it takes long.
        await self._free.acquire()
        task = asyncio.create_task(self._work(message))
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _work(self, message: Msg) -> None:
        try:
            _, verb, tenant = message.subject.split(".", 2)
            reply = await self._answer(verb, tenant, message.data)
            if message.reply:
                await self._send(message, reply, verb, tenant)
        finally:
            self._free.release()

    async def _answer(self, verb: str, tenant: str, data: bytes) -> OperatorReply:
        try:
            async with asyncio.timeout(self._deadline):
                return await self._ask(verb, tenant, data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return problem("bad_request", str(error))
        except TimeoutError:
            return problem("unavailable", "It took too long. Look whether it is done before you ask again.")
        except Exception as error:  # noqa: BLE001 - one bad call must not end the listening
            self._failed(verb, tenant, error)
            return problem("internal")

    async def _send(self, message: Msg, reply: OperatorReply, verb: str, tenant: str) -> None:
        try:
            await message.respond(operator_calls.encode(reply))
        except (NatsError, OSError) as error:
            self._failed(verb, tenant, error)

    async def _ask(self, verb: str, tenant: str, data: bytes) -> OperatorReply:
        desk = self._desk
        match verb:
            case operator_calls.VERB_CONFIG:
                return await desk.edit(tenant, msgspec.json.decode(data, type=ConfigEdit))
            case operator_calls.VERB_HAND_BACK:
                return await desk.hand_back(tenant, msgspec.json.decode(data, type=HandBack))
            case operator_calls.VERB_KEY_CREATE:
                return await desk.create_key(tenant, msgspec.json.decode(data, type=KeyCreate))
            case operator_calls.VERB_KEY_REVOKE:
                return await desk.revoke_key(tenant, msgspec.json.decode(data, type=KeyRevoke))
            case operator_calls.VERB_DELETE:
                return await desk.delete(tenant, msgspec.json.decode(data, type=TenantDelete))
            case _:
                return problem("not_found", f"There is no call {verb}.")


# --- what desks answer ----------------------------------------------------------------------------------------


def problem(code: str, detail: str = "") -> OperatorReply:
    return OperatorReply(problem=ReplyProblem(code, detail))


def made(key: LiveKey) -> OperatorReply:
    """The one time that a key's text is shown."""
    return OperatorReply(value={"key_id": key.key_id, "kind": key.kind, "created_at": key.created_at, "key": key.key})


def revoked(key_id: str) -> OperatorReply:
    return OperatorReply(value={"key_id": key_id})


def no_tenant(name: str) -> OperatorReply:
    return problem("not_found", f"There is no tenant {name} here.")


def no_key() -> OperatorReply:
    return problem("not_found", "There is no live key of this id.")


def not_provisioned() -> OperatorReply:
    return problem("unavailable", "The tenant is not provisioned yet.")
