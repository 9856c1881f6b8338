"""NATS's own JWTs (version 2) in pure Python: operator, account, user. Signed with nkeys (Ed25519)."""

import base64
import json
import secrets
from hashlib import sha256
from typing import Any, Literal

import nkeys

Kind = Literal["operator", "account", "user"]
_PREFIX: dict[Kind, int] = {
    "operator": nkeys.PREFIX_BYTE_OPERATOR,
    "account": nkeys.PREFIX_BYTE_ACCOUNT,
    "user": nkeys.PREFIX_BYTE_USER,
}
_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}


def new_seed(kind: Kind) -> str:
    """A new private key, as text that starts with S."""
    return bytes(nkeys.encode_seed(secrets.token_bytes(32), _PREFIX[kind])).decode()


def public_key(seed: str) -> str:
    return bytes(nkeys.from_seed(seed.encode()).public_key).decode()


def sign_nonce(seed: str, nonce: str) -> bytes:
    """What a client answers to the server's challenge."""
    return base64.b64encode(nkeys.from_seed(seed.encode()).sign(nonce.encode()))


def encode(
    issuer_seed: str,
    subject: str,
    name: str,
    nats: dict[str, Any],
    *,
    issued_at: int,
    expires_at: int | None = None,
    token_id: str | None = None,
) -> str:
    """A signed JWT. Times are seconds since 1970. `token_id`: none: a digest of the claims."""
    claims: dict[str, Any] = {"iat": issued_at, "iss": public_key(issuer_seed), "name": name, "sub": subject}
    if expires_at is not None:
        claims["exp"] = expires_at
    claims["nats"] = nats
    # By default the same claims give the same token.
    claims["jti"] = token_id or base64.b32encode(sha256(_compact(claims)).digest()).rstrip(b"=").decode()
    body = b".".join((_segment(_compact(_HEADER)), _segment(_compact(claims))))
    signature = nkeys.from_seed(issuer_seed.encode()).sign(body)
    return b".".join((body, _segment(signature))).decode()


def decode(token: str) -> dict[str, Any]:
    """The claims, unchecked: for comparing our own tokens. Raises ValueError."""
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("not a JWT")
    payload = parts[1] + "=" * (-len(parts[1]) % 4)
    claims = json.loads(base64.urlsafe_b64decode(payload))
    if not isinstance(claims, dict):
        raise ValueError("not a JWT")
    return claims


def same_meaning(left: str, right: str) -> bool:
    """Whether two tokens say the same, whenever they were issued."""
    try:
        ours, theirs = decode(left), decode(right)
    except ValueError:
        return False
    for claims in (ours, theirs):
        claims.pop("iat", None)
        claims.pop("jti", None)
    return ours == theirs


def credentials(jwt: str, seed: str) -> str:
    """The text of a .creds file."""
    return (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _segment(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
