"""Who is asking, as the gateway vouches for it to a tenant's realtime.

An Ed25519-signed JWT (RFC 9864) in the header X-Handrail-Principal: `iss` ISSUER, `aud` the tenant, `sub` who (a
key id, or the gateway itself for the link), `scope`, `exp` at most TTL ahead. Realtime holds the public half only.
"""

from typing import Literal

import msgspec

ISSUER = "handrail-gateway"
ALGORITHM = "Ed25519"
TTL = 30
"""Seconds."""

Scope = Literal["secret", "dashboard", "link"]


class Principal(msgspec.Struct, frozen=True):
    sub: str
    scope: Scope
    aud: str
    exp: int
    iss: str = ISSUER
