"""Vouches to a tenant's realtime for who is asking."""

import time

from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from handrail_contracts import principal


class Principals:
    """Signs with the newest key. Realtime holds the public halves."""

    def __init__(self, keys: KeySet) -> None:
        key = keys.keys[0] if keys.keys else None
        if not isinstance(key, OKPKey) or not key.is_private:
            raise ValueError("the newest principal signing key must be a private Ed25519 key")
        self._key = key
        self._header = {"alg": principal.ALGORITHM} | ({"kid": key.kid} if key.kid else {})

    def sign(self, tenant: str, *, sub: str, scope: principal.Scope) -> str:
        """For the header X-Handrail-Principal; good for `principal.TTL` seconds."""
        now = int(time.time())
        claims = {"iss": principal.ISSUER, "aud": tenant, "sub": sub, "scope": scope, "exp": now + principal.TTL}
        return jwt.encode(self._header, claims, self._key, algorithms=[principal.ALGORITHM])
