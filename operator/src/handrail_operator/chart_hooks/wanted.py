"""The Secrets that must stand before anything of the platform starts. Pure: what is there is kept, the rest is made."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from handrail_contracts import names
from handrail_operator.provision import nats_server
from handrail_operator.provision.keyring import PlatformSecrets
from handrail_operator.provision.platform import Trust, gateway_files, trust

Data = dict[str, str]
"""Key of a Secret -> text."""
ROTATION_KEY = "rotation"  # in the platform's Secret: what asked for the signing keys it holds
_STORE = "/data"
"""Of the chart's own servers: where their volume is mounted."""
_REDIS_ADMIN = "handrail-admin"


class PlatformSecretUnusable(Exception):
    """What everything else hangs on is damaged; it is never made anew by itself."""


@dataclass(frozen=True)
class Own:
    """Servers that come with the chart, as host:port. Empty: somebody else's is used."""

    postgres: str = ""
    valkey: str = ""


def wanted(found: Mapping[str, Data], own: Own, rotation: str) -> dict[str, Data]:
    """Name of a Secret -> all it must hold. `rotation`: another word than before asks for new signing keys.
    Raises PlatformSecretUnusable."""
    platform, said = _platform(found.get(names.PLATFORM_SECRET), rotation)
    known = trust(platform)
    made = {
        names.PLATFORM_SECRET: {
            names.PLATFORM_FILE: msgspec.json.encode(platform).decode(),
            ROTATION_KEY: said,
        },
        names.GATEWAY_SECRET: gateway_files(platform),
        names.NATS_SECRET: _nats(known),
    }
    if own.postgres:
        made[names.POSTGRES_SECRET] = _postgres(found.get(names.POSTGRES_SECRET, {}), own.postgres)
    if own.valkey:
        made[names.VALKEY_SECRET] = _valkey(found.get(names.VALKEY_SECRET, {}), own.valkey)
    return made


def _platform(found: Data | None, rotation: str) -> tuple[PlatformSecrets, str]:
    if found is None:
        return PlatformSecrets.new(), rotation
    try:
        held = msgspec.json.decode(found.get(names.PLATFORM_FILE, ""), type=PlatformSecrets)
    except msgspec.MsgspecError:
        raise PlatformSecretUnusable(
            f"Secret {names.PLATFORM_SECRET} has no usable {names.PLATFORM_FILE}. All tenants' accounts hang on it: "
            "put it back from a backup. Only where there are no tenants yet: delete the Secret and install again."
        ) from None
    if rotation and rotation != found.get(ROTATION_KEY, ""):
        return held.rotated(), rotation
    return held, found.get(ROTATION_KEY, "")


def _nats(known: Trust) -> Data:
    """For any server the first file; for one by itself the second is all it needs."""
    return {
        "trust.conf": json.dumps(nats_server.trusted(known, f"{_STORE}/accounts"), indent=2),
        "nats.conf": nats_server.whole(known, folder=_STORE, host="0.0.0.0", port=4222),  # noqa: S104 - a pod's own
    }


def _postgres(found: Data, address: str) -> Data:
    password = found.get("password") or secrets.token_urlsafe(32)
    return {
        "password": password,
        names.POSTGRES_URL_FILE: f"postgresql://postgres:{password}@{address}/postgres",
    }


def _valkey(found: Data, address: str) -> Data:
    password = found.get("password") or secrets.token_urlsafe(32)
    digest = sha256(password.encode()).hexdigest()
    return {
        "password": password,
        names.ADMIN_REDIS_URL_FILE: f"redis://{_REDIS_ADMIN}:{password}@{address}/0",
        # Tenants' users are made by the operator, and again whenever this server starts anew.
        "users.acl": f"user default off\nuser {_REDIS_ADMIN} on #{digest} ~* &* +@all\n",
    }
