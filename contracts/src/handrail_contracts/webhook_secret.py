"""What signs an alert, by the Standard Webhooks specification. Pure."""

import base64
import binascii

LEAST = 16
"""Bytes; the specification wants 24 to 64."""


class BadSigningSecret(ValueError):
    """What should sign cannot. Never holds the secret."""


def key(secret: str) -> bytes:
    """Raises BadSigningSecret."""
    text = secret.strip().removeprefix("whsec_")
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) < LEAST:
        raise BadSigningSecret(
            f"the signing secret is none: whsec_ and at least {LEAST} random bytes in base64 are wanted"
        )
    return found
