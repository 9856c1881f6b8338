"""NATS connections for provisioning: credentials are made on the spot and never written down."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from nats.aio.client import Client

from handrail_operator.provision import nats_jwt

LIFETIME = 3600
"""Seconds a made credential is good for; a reconnect makes the next one."""


async def connect(url: str, account_seed: str, claims: dict[str, Any], name: str, *, patient: bool = False) -> Client:
    """A connection into the account, as a user with these claims. `patient`: reconnects for ever."""
    seed = nats_jwt.new_seed("user")
    subject = nats_jwt.public_key(seed)

    def jwt() -> bytes:
        now = int(time.time())
        token = nats_jwt.encode(account_seed, subject, name, claims, issued_at=now, expires_at=now + LIFETIME)
        return token.encode()

    def signature(nonce: str) -> bytes:
        return nats_jwt.sign_nonce(seed, nonce)

    async def ignore(_error: Exception) -> None:
        """nats-py prints errors of the connection otherwise; calls that fail say so themselves."""

    client = Client()
    await client.connect(
        servers=[url],
        name=name,
        user_jwt_cb=lambda: bytearray(jwt()),
        signature_cb=signature,
        error_cb=ignore,
        max_reconnect_attempts=-1 if patient else 3,
        reconnect_time_wait=1,
        connect_timeout=5,
    )
    return client


@asynccontextmanager
async def connected(url: str, account_seed: str, claims: dict[str, Any], name: str) -> AsyncIterator[Client]:
    client = await connect(url, account_seed, claims, name)
    try:
        yield client
    finally:
        await client.close()
