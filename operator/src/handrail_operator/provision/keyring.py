"""The secrets of the platform and of one tenant, as values. Made once, kept by the caller, completed when new ones
come to be needed. Whoever holds them can make everything else again.
"""

import secrets

import msgspec

from handrail_contracts import api_keys, names
from handrail_contracts.api_keys import KeyKind
from handrail_contracts.record import KeyRecord
from handrail_operator.provision import jwk, nats_jwt


class PlatformSecrets(msgspec.Struct, kw_only=True):
    """Seeds are nkeys, newest first where there are several."""

    operator_seed: str
    system_seed: str
    platform_seed: str
    gateway_seed: str
    user_token_keys: list[jwk.Jwk]
    principal_keys: list[jwk.Jwk]

    @classmethod
    def new(cls) -> "PlatformSecrets":
        return cls(
            operator_seed=nats_jwt.new_seed("operator"),
            system_seed=nats_jwt.new_seed("account"),
            platform_seed=nats_jwt.new_seed("account"),
            gateway_seed=nats_jwt.new_seed("user"),
            user_token_keys=[jwk.new_hmac()],
            principal_keys=[jwk.new_ed25519()],
        )

    def rotated(self) -> "PlatformSecrets":
        """New signing keys; the ones before still count until the next rotation."""
        return msgspec.structs.replace(
            self,
            user_token_keys=jwk.rotated(self.user_token_keys, jwk.new_hmac()),
            principal_keys=jwk.rotated(self.principal_keys, jwk.new_ed25519()),
        )


class LiveKey(msgspec.Struct, frozen=True):
    """An API key in clear text. Only the tenant's own Secret holds this."""

    key_id: str
    kind: KeyKind
    key: str
    created_at: str
    """RFC 3339."""

    @classmethod
    def new(cls, kind: KeyKind, created_at: str) -> "LiveKey":
        key = api_keys.generate(kind)
        parsed = api_keys.parse(key)
        if parsed is None:
            raise AssertionError("a key made here is well formed")
        return cls(parsed.key_id, kind, key, created_at)

    def record(self) -> KeyRecord:
        return KeyRecord(self.key_id, self.kind, api_keys.digest(self.key), self.created_at)


class Logins(msgspec.Struct, frozen=True, kw_only=True):
    """Names and passwords of one generation, as the servers know them."""

    generation: int
    owner_password: str
    app_password: str
    redis_password: str


class TenantSecrets(msgspec.Struct, kw_only=True):
    """Everything random about a tenant.

    Credentials rotate in two steps: `rotated` makes new ones while those before still count, `settled` ends these.
    Not part of it are the database's name, the account, the API keys and the identity secret.
    """

    database: str
    """Name of the database, and beginning of its roles' names. Opaque: it says nothing of the tenant."""
    owner_password: str
    app_password: str
    redis_user: str
    redis_password: str
    account_seed: str
    publisher_seed: str
    role_seeds: dict[str, str]
    identity_secret: str
    keys: list[LiveKey]
    """Oldest first."""
    generation: int = 0
    """Of the passwords and the seeds of NATS users above; each has user names of its own."""
    issued_at: int = 0
    """Of this generation's NATS users (seconds since 1970)."""
    revoked_until: int = 0
    """NATS users issued then or before no longer count; 0: all do."""
    previous: list[Logins] = []
    """Generations before this one that still count."""
    rotation: str = ""
    """What asked for this generation, so that it is not asked for twice."""

    @classmethod
    def new(cls, created_at: str) -> "TenantSecrets":
        """`created_at`: RFC 3339, for the first two keys."""
        return cls(
            database=f"hr_{secrets.token_hex(8)}",
            owner_password=secrets.token_urlsafe(32),
            app_password=secrets.token_urlsafe(32),
            redis_user=f"hr-{secrets.token_hex(8)}",
            redis_password=secrets.token_urlsafe(32),
            account_seed=nats_jwt.new_seed("account"),
            publisher_seed=nats_jwt.new_seed("user"),
            role_seeds={role: nats_jwt.new_seed("user") for role in names.ROLES},
            identity_secret=secrets.token_urlsafe(32),
            keys=[LiveKey.new("publishable", created_at), LiveKey.new("secret", created_at)],
        )

    @property
    def owner(self) -> str:
        """The role that owns what is in the database. Later generations' logins act as it."""
        return f"{self.database}_owner"

    @property
    def app(self) -> str:
        """The role that holds the runtime's rights. Later generations' logins are members of it."""
        return f"{self.database}_app"

    @property
    def logins(self) -> list[Logins]:
        """All generations that count, newest first."""
        newest = Logins(
            generation=self.generation,
            owner_password=self.owner_password,
            app_password=self.app_password,
            redis_password=self.redis_password,
        )
        return [newest, *self.previous]

    def owner_login(self, generation: int | None = None) -> str:
        return _of(self.owner, "_", self.generation if generation is None else generation)

    def app_login(self, generation: int | None = None) -> str:
        return _of(self.app, "_", self.generation if generation is None else generation)

    def redis_login(self, generation: int | None = None) -> str:
        return _of(self.redis_user, "-", self.generation if generation is None else generation)

    def rotated(self, at: int) -> "TenantSecrets":
        """New credentials; those before count until `settled`. `at`: seconds since 1970."""
        return msgspec.structs.replace(
            self,
            owner_password=secrets.token_urlsafe(32),
            app_password=secrets.token_urlsafe(32),
            redis_password=secrets.token_urlsafe(32),
            publisher_seed=nats_jwt.new_seed("user"),
            role_seeds={role: nats_jwt.new_seed("user") for role in names.ROLES},
            generation=self.generation + 1,
            # Later than any before, whatever the clock says: by this the old ones are told apart.
            issued_at=max(at, self.issued_at + 2),
            previous=self.logins,
        )

    def settled(self) -> "TenantSecrets":
        """Only the newest credentials count. The same value where that is so already."""
        if not self.previous:
            return self
        return msgspec.structs.replace(self, previous=[], revoked_until=self.issued_at - 1)

    def newest(self, kind: KeyKind) -> LiveKey | None:
        return next((key for key in reversed(self.keys) if key.kind == kind), None)


def _of(base: str, between: str, generation: int) -> str:
    return f"{base}{between}{generation}" if generation else base


encode = msgspec.json.encode


def decode_platform(data: bytes) -> PlatformSecrets:
    """Raises msgspec.MsgspecError."""
    return msgspec.json.decode(data, type=PlatformSecrets)


def decode_tenant(data: bytes) -> TenantSecrets:
    """Raises msgspec.MsgspecError."""
    return msgspec.json.decode(data, type=TenantSecrets)
