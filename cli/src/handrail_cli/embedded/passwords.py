"""What the embedded servers' administrators are known by."""

import msgspec


class ServerSecrets(msgspec.Struct, kw_only=True):
    """Kept in the state folder."""

    identity: str
    """Names this state's data folder where it cannot be inside the state folder."""
    postgres_password: str
    redis_password: str
