"""SCRAM-SHA-256 verifiers as PostgreSQL keeps them, so that no password ever stands in a statement or a log."""

import base64
import hashlib
import hmac
import secrets

ITERATIONS = 4096


def verifier(password: str, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """What `pg_authid.rolpassword` holds. Passwords are ASCII here, so SASLprep changes nothing."""
    salt = salt if salt is not None else secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return "SCRAM-SHA-256${}:{}${}:{}".format(iterations, *parts)


def matches(password: str, kept: str | None) -> bool:
    """Whether a kept verifier is this password's."""
    if kept is None or not kept.startswith("SCRAM-SHA-256$"):
        return False
    try:
        _, parameters, _ = kept.split("$")
        iterations, salt = parameters.split(":")
        return hmac.compare_digest(verifier(password, base64.b64decode(salt), int(iterations)), kept)
    except ValueError:
        return False
