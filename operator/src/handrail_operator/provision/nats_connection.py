"""NATS connections for provisioning: credentials are made on the spot and never written down."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from nats.errors import Error as NatsError
from nats.errors import NoServersError

from handrail_contracts import inboxes, subjects
from handrail_contracts.nats_client import Client
from handrail_operator.provision import nats_jwt

LIFETIME = 3600
"""Seconds a made credential of a passing connection is good for."""


async def connect(
    url: str,
    account_seed: str,
    claims: dict[str, Any],
    name: str,
    *,
    patient: bool = False,
    issued_after: int = 0,
    on_error: Callable[[Exception], None] | None = None,
    on_closed: Callable[[], None] | None = None,
) -> Client:
    """A connection into the account, as a user with these claims. `patient`: tries for ever, now and after a loss,
    and its user does not expire: nats-py ends a connection for good when the server says that it has.
    `issued_after`: seconds since 1970; the account takes no users issued until then."""
    seed = nats_jwt.new_seed("user")
    subject = nats_jwt.public_key(seed)

    def jwt() -> bytes:
        now = max(int(time.time()), issued_after + 1)
        expires_at = None if patient else now + LIFETIME
        return nats_jwt.encode(account_seed, subject, name, claims, issued_at=now, expires_at=expires_at).encode()

    def signature(nonce: str) -> bytes:
        return nats_jwt.sign_nonce(seed, nonce)

    async def note(error: Exception) -> None:
        """nats-py prints errors of the connection otherwise; calls that fail say so themselves."""
        if on_error is not None:
            on_error(error)

    async def end() -> None:
        if on_closed is not None:
            on_closed()

    client = Client()
    await client.connect(
        servers=[url],
        name=name,
        user_jwt_cb=lambda: bytearray(jwt()),
        signature_cb=signature,
        inbox_prefix=_inbox(claims),
        error_cb=note,
        closed_cb=end,
        max_reconnect_attempts=-1 if patient else 3,
        reconnect_time_wait=1,
        connect_timeout=5,
    )
    return client


def _inbox(claims: dict[str, Any]) -> str:
    """One who may hear everything has a place of its own all the same: others may listen at the shared one."""
    return inboxes.of_claims(claims) if claims.get("sub") else subjects.inbox("operator")


@asynccontextmanager
async def connected(
    url: str, account_seed: str, claims: dict[str, Any], name: str, *, issued_after: int = 0
) -> AsyncIterator[Client]:
    """A passing connection. Raises what the server said, where it refused."""
    refusals: list[Exception] = []
    try:
        client = await connect(url, account_seed, claims, name, issued_after=issued_after, on_error=refusals.append)
    except NoServersError as error:
        raise next((one for one in refusals if isinstance(one, NatsError)), error) from None
    try:
        yield client
    finally:
        await client.close()
