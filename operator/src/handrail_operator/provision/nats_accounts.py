"""Accounts in the full resolver, pushed and withdrawn over the system account."""

import json
import secrets
import time
from typing import Any

from handrail_contracts.nats_client import Client
from handrail_operator.provision import nats_jwt

_UPDATE = "$SYS.REQ.CLAIMS.UPDATE"
_DELETE = "$SYS.REQ.CLAIMS.DELETE"
_TIMEOUT = 5.0


class ClaimsRefused(Exception):
    """The server did not take an account's claims."""


async def current(system: Client, account_seed: str) -> str | None:
    """The account's token as the server has it."""
    subject = nats_jwt.public_key(account_seed)
    answer = await system.request(f"$SYS.REQ.ACCOUNT.{subject}.CLAIMS.LOOKUP", b"", timeout=_TIMEOUT)
    return answer.data.decode() or None


async def push(system: Client, operator_seed: str, account_seed: str, name: str, claims: dict[str, Any]) -> bool:
    """Makes the account's claims stand; returns whether anything had to change."""
    subject = nats_jwt.public_key(account_seed)
    # An id of its own: a token the server has seen before would not bring a withdrawn account back.
    token_id = secrets.token_hex(16)
    token = nats_jwt.encode(operator_seed, subject, name, claims, issued_at=int(time.time()), token_id=token_id)
    if nats_jwt.same_meaning(await current(system, account_seed) or "", token):
        return False
    _check(await system.request(_UPDATE, token.encode(), timeout=_TIMEOUT))
    return True


async def withdraw(system: Client, operator_seed: str, account_seed: str) -> None:
    """Forgets the account; its live connections end at once."""
    subject = nats_jwt.public_key(operator_seed)
    claims = {"accounts": [nats_jwt.public_key(account_seed)], "type": "generic", "version": 2}
    token = nats_jwt.encode(operator_seed, subject, "delete", claims, issued_at=int(time.time()))
    _check(await system.request(_DELETE, token.encode(), timeout=_TIMEOUT))


def _check(answer: Any) -> None:
    body = json.loads(answer.data)
    if error := body.get("error"):
        raise ClaimsRefused(str(error.get("description", error)))
