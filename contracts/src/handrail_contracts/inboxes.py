"""Where a NATS user has its answers sent: what its credentials let it hear, and no other user. Pure.

The credentials say it themselves, so that programs and credentials of two versions work together: with those of an
earlier operator the shared place is used, and programs of an earlier version may still use it with later credentials.
"""

import base64
import re
from typing import Any

import msgspec

from handrail_contracts import subjects

_JWT = re.compile(r"eyJ[\w-]*\.([\w-]+)\.[\w-]+")
_OWN = f"{subjects.SHARED_INBOX}_"


def of_credentials(text: str) -> str:
    """The prefix for a client. `text`: a JWT, or a file of credentials that holds one. What cannot be read means the
    shared one: the server has the last word."""
    found = _JWT.search(text)
    if found is None:
        return subjects.SHARED_INBOX
    payload = found[1]
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return of_claims(claims["nats"])
    except (ValueError, LookupError, TypeError):
        return subjects.SHARED_INBOX


def of_claims(nats: dict[str, Any]) -> str:
    """As above, of a user's claims."""
    allowed = nats.get("sub", {}).get("allow") or []
    own = (one.removesuffix(".>") for one in allowed if one.startswith(_OWN) and one.endswith(".>"))
    return next(own, subjects.SHARED_INBOX)
