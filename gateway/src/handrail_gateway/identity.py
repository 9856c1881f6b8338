"""Who a user is: the customer's identity tokens checked, our user tokens signed and checked.

An identity token is an HS256 JWT `{sub, exp}` made by the customer's server. A user token is ours: HS256 by a key
that only the gateways have, for one tenant (`aud`) and user (`sub`), 10 minutes. It says in `proven` whether an
identity token began it, so that one given out while identity was not enforced is worth nothing once it is.
"""

import time
import warnings
from dataclasses import dataclass
from typing import Any

import structlog
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet, OctKey
from joserfc.jws import JWSRegistry

from handrail_contracts import names
from handrail_contracts.events import MAX_TOKEN
from handrail_contracts.problems import Problem
from handrail_contracts.record import IdentitySecret

log = structlog.get_logger()

ISSUER = "handrail"
TOKEN_SECONDS = 600
RENEWABLE_SECONDS = 12 * 3600
"""After the identity token that began it."""
GRACE_SECONDS = 7 * 86400
"""How old an event may be for which an expired token still counts."""
_ALGORITHMS = ["HS256"]
_CLOCK_SKEW = 30
# A customer's library may write header fields of its own; unknown critical ones are refused all the same.
_registry = JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)


@dataclass(frozen=True)
class UserToken:
    """What a user token says. Times are seconds since 1970."""

    user_id: str
    expires_at: float
    began_at: float
    proven: bool
    anonymous_id: str | None = None


class UserTokens:
    """Signs with the newest key, accepts all."""

    def __init__(self, keys: KeySet) -> None:
        if not keys.keys:
            raise ValueError("the set of user token keys is empty")
        self._keys = [key for key in keys.keys if isinstance(key, OctKey)]
        if len(self._keys) != len(keys.keys):
            raise ValueError("user token keys must be of type oct")

    def sign(self, tenant: str, token: UserToken) -> str:
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": tenant,
            "sub": token.user_id,
            "exp": int(token.expires_at),
            "auth_time": int(token.began_at),
            "proven": token.proven,
        }
        if token.anonymous_id is not None:
            claims["anon"] = token.anonymous_id
        return jwt.encode({"alg": "HS256"}, claims, self._keys[0], algorithms=_ALGORITHMS)

    def read(self, tenant: str, text: str) -> UserToken:
        """A token of ours for this tenant, expired or not. Raises Problem identity_invalid."""
        claims = _verified(text, self._keys)
        if claims.get("iss") != ISSUER or claims.get("aud") != tenant:
            raise Problem("identity_invalid", "The token was not made for this.")
        try:
            return UserToken(
                user_id=str(claims["sub"]),
                expires_at=float(claims["exp"]),
                began_at=float(claims["auth_time"]),
                proven=claims["proven"] is True,
                anonymous_id=claims.get("anon"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Problem("identity_invalid", "The token is not complete.") from error


def check_identity_token(text: str, user_id: str, secrets: list[IdentitySecret], now: float) -> None:
    """Raises Problem unless `text` proves `user_id` by one of the tenant's secrets."""
    claims = _verified(text, [key for secret in secrets if (key := _key(secret)) is not None])
    if claims.get("sub") != user_id:
        raise Problem("identity_invalid", "The identity token is for another user.")
    expires_at = claims.get("exp")
    if expires_at is None or not _is_time(expires_at):
        raise Problem("identity_invalid", "The identity token needs exp, in seconds since 1970.")
    if now >= expires_at:
        raise Problem("token_expired", "The identity token has expired.")
    for name in ("nbf", "iat"):
        if name in claims and (not _is_time(claims[name]) or claims[name] > now + _CLOCK_SKEW):
            raise Problem("identity_invalid", f"The identity token's {name} lies in the future.")


def needs_proof(user_id: str, *, enforced: bool) -> bool:
    return enforced and not names.is_anonymous(user_id)


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def _verified(text: str, keys: list[OctKey]) -> dict[str, Any]:
    """The claims of a JWT signed by one of the keys. Raises Problem identity_invalid."""
    if len(text) <= MAX_TOKEN:
        for key in keys:
            try:
                return jwt.decode(text, key, algorithms=_ALGORITHMS, registry=_registry).claims
            except (JoseError, ValueError, RecursionError):
                continue
    raise Problem("identity_invalid", "The token's signature is not valid.")


def _key(secret: IdentitySecret) -> OctKey | None:
    try:
        with warnings.catch_warnings():
            # A short secret is the customer's to change; the door must not fall silent over it.
            warnings.simplefilter("ignore", SecurityWarning)
            return OctKey.import_key(secret.value.encode())
    except ValueError:
        log.warning("an identity secret cannot be used: it is empty or a public key")
        return None


def now() -> float:
    """Seconds since 1970."""
    return time.time()
