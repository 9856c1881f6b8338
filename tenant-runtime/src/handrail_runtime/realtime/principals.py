"""Whom to believe: principals signed by a gateway (contracts `principal`), checked with the public keys in a file."""

import time
from pathlib import Path
from typing import Any

import msgspec
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from handrail_contracts import principal
from handrail_contracts.principal import Principal, Scope
from handrail_contracts.problems import Problem

log = structlog.get_logger()

MAX_LENGTH = 4096
CLOCK_SKEW = 30
"""Seconds a gateway's clock may be ahead of ours."""


class Verifier:
    """Checks principals for one tenant. The file is read again when it changes, so keys rotate without a restart."""

    def __init__(self, path: Path, tenant: str) -> None:
        self._path = path
        self._tenant = tenant
        self._version: tuple[int, int, int] | None = None
        self._keys: list[OKPKey] = []

    def verify(self, token: str | None, scopes: frozenset[Scope], now: float | None = None) -> Principal:
        """The principal of a request. Raises Problem principal_invalid, or scope where it may not do this."""
        if not token or len(token) > MAX_LENGTH:
            raise Problem("principal_invalid")
        self._refresh()
        claims = self._claims(token)
        found = _read(claims, self._tenant, time.time() if now is None else now)
        if found.scope not in scopes:
            raise Problem("scope")
        return found

    def _claims(self, token: str) -> dict[str, Any]:
        for key in self._keys:
            try:
                return jwt.decode(token, key, algorithms=[principal.ALGORITHM]).claims
            except (JoseError, ValueError, RecursionError):
                continue
        raise Problem("principal_invalid")

    def _refresh(self) -> None:
        try:
            stat = self._path.stat()
            version = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if version == self._version:
                return
            keys = KeySet.import_key_set(msgspec.json.decode(self._path.read_bytes())).keys
        except (OSError, ValueError, TypeError, KeyError, JoseError) as error:
            log.error(
                "the gateway's public keys cannot be read; the last ones stay in force", error=type(error).__name__
            )
            return
        self._keys = [key for key in keys if isinstance(key, OKPKey)]
        self._version = version


def _read(claims: dict[str, Any], tenant: str, now: float) -> Principal:
    """Raises Problem principal_invalid unless the claims are whole, in time and for this tenant."""
    try:
        found = msgspec.convert(claims, Principal)
    except msgspec.ValidationError as error:
        raise Problem("principal_invalid") from error
    in_time = now < found.exp <= now + principal.TTL + CLOCK_SKEW
    if found.iss != principal.ISSUER or found.aud != tenant or not in_time:
        raise Problem("principal_invalid")
    return found
