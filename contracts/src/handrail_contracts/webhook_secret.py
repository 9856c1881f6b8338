"""What signs an alert, by the Standard Webhooks specification. Pure."""

import base64
import binascii

LEAST = 16
"""Bytes; the specification wants 24 to 64."""
_WANTED = f"is none: whsec_ and at least {LEAST} random bytes in base64 are wanted"


class BadSigningSecret(ValueError):
    """What should sign cannot. Never holds the secret."""


def key(secret: str) -> bytes:
    """Raises BadSigningSecret."""
    found = _decoded(secret)
    if len(found) < LEAST:
        raise BadSigningSecret(f"the signing secret {_WANTED}")
    return found


def trouble(secret: str) -> str:
    """What is wrong with one, as the end of a sentence; nothing where it can sign."""
    return _WANTED if len(_decoded(secret)) < LEAST else ""


def _decoded(secret: str) -> bytes:
    text = secret.strip().removeprefix("whsec_")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
