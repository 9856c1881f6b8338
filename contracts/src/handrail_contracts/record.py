"""The tenant record: everything the gateway needs of a tenant, in one value of the KV bucket `tenants`.

Written by the operator (or `handrail up`), watched by every gateway. It holds publish credentials and identity
secrets, so only those two may read the bucket. And the effective config, which the tenant's runtime watches.
"""

from typing import Any, Literal

import msgspec

from handrail_contracts.api_keys import KeyKind
from handrail_contracts.tenant_spec import TenantSpec

Phase = Literal["Provisioning", "Ready", "Sleeping", "Suspended"]


class KeyRecord(msgspec.Struct, frozen=True):
    key_id: str
    kind: KeyKind
    digest: str
    """See `api_keys.digest`."""
    created_at: str
    """RFC 3339."""


class Limits(msgspec.Struct, frozen=True, rename="camel"):
    """From the plan."""

    events_per_second: int = 2000
    """Of the whole tenant, over all gateways' keys."""
    requests_per_minute: int = 6000
    """Of one key from one address."""
    key_requests_per_minute: int = 0
    """Of one key from all addresses; 0: forty times that of one address."""
    new_users_per_minute: int = 0
    """Users not seen before, of one address; 0: a fifth of its requests."""
    sockets: int = 10_000
    sockets_per_user: int = 10

    @property
    def of_key(self) -> int:
        """Requests a minute of one key."""
        return self.key_requests_per_minute or self.requests_per_minute * 40

    @property
    def newcomers(self) -> int:
        """New users a minute of one address."""
        return self.new_users_per_minute or max(1, self.requests_per_minute // 5)


class PublishCredentials(msgspec.Struct, frozen=True):
    """NATS user that may publish events into the tenant's account, nothing else."""

    jwt: str
    seed: str


class IdentitySecret(msgspec.Struct, frozen=True):
    value: str


class TenantRecord(msgspec.Struct, kw_only=True):
    name: str
    generation: int = 1
    phase: Phase = "Provisioning"
    local: bool = False
    """Local mode: `*` counts among the origins."""
    keys: list[KeyRecord] = []
    origins: list[str] = []
    limits: Limits = Limits()
    realtime: list[str] = []
    """Base addresses of the realtime instances, e.g. http://127.0.0.1:4100."""
    publish: PublishCredentials | None = None
    identity_secrets: list[IdentitySecret] = []
    """Newest first; all are live."""
    spec: dict[str, Any] = {}
    """As `TenantSpec.dump` gives it."""
    etag: str = ""


class EffectiveConfig(msgspec.Struct, kw_only=True):
    """Key `effective` of the tenant account's bucket `config`."""

    revision: str
    """The spec's entity tag without its quotes."""
    spec: dict[str, Any]
    local: bool = False


_record_decoder = msgspec.json.Decoder(TenantRecord)
_config_decoder = msgspec.json.Decoder(EffectiveConfig)
encode = msgspec.json.encode


def decode_record(data: bytes) -> TenantRecord:
    """Raises msgspec.MsgspecError."""
    return _record_decoder.decode(data)


def decode_config(data: bytes) -> EffectiveConfig:
    """Raises msgspec.MsgspecError."""
    return _config_decoder.decode(data)


def effective(spec: TenantSpec, *, local: bool) -> EffectiveConfig:
    return EffectiveConfig(revision=spec.etag().strip('"'), spec=spec.dump(), local=local)
