"""What the embedded servers' administrators are known by."""

import secrets
from typing import Self

import msgspec


class ServerSecrets(msgspec.Struct, kw_only=True):
    """Kept in the state folder."""

    identity: str
    """Names this state's data folder where it cannot be inside the state folder."""
    postgres_password: str
    redis_password: str

    @classmethod
    def new(cls) -> Self:
        """Random ones."""
        return cls(
            identity=secrets.token_hex(8),
            postgres_password=secrets.token_urlsafe(24),
            redis_password=secrets.token_urlsafe(24),
        )
