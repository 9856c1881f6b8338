"""The platform's own keys as JWK sets, newest first. Rotation adds in front and keeps the one before."""

import base64
import json
import secrets
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEPT = 2
"""The newest signs; the one before still counts."""

Jwk = dict[str, Any]


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _thumbprint(public: Jwk) -> str:
    """RFC 7638, of the members that make the key this key."""
    return _b64(sha256(json.dumps(public, separators=(",", ":"), sort_keys=True).encode()).digest())


def new_hmac() -> Jwk:
    """For user tokens (HS256)."""
    key = _b64(secrets.token_bytes(32))
    # The id stands in every token, so it says nothing of the key, not even its digest.
    return {"kty": "oct", "k": key, "kid": secrets.token_hex(8), "alg": "HS256", "use": "sig"}


def new_ed25519() -> Jwk:
    """For principals, the private half included."""
    private = Ed25519PrivateKey.generate()
    half: Jwk = {"kty": "OKP", "crv": "Ed25519", "x": _b64(private.public_key().public_bytes_raw())}
    secret = _b64(private.private_bytes_raw())
    return {**half, "d": secret, "kid": _thumbprint(half), "alg": "Ed25519", "use": "sig"}


def rotated(keys: list[Jwk], fresh: Jwk) -> list[Jwk]:
    return [fresh, *keys][:KEPT]


def public(keys: list[Jwk]) -> list[Jwk]:
    """Without the private halves."""
    return [{name: value for name, value in key.items() if name != "d"} for key in keys]


def key_set(keys: list[Jwk]) -> str:
    """The text of a JWK set file."""
    return json.dumps({"keys": keys}, indent=2) + "\n"
