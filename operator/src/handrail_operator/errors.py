"""What may keep a tenant from being what its spec asks for. `reason` is a condition's reason, the text its message.

A person must be able to act on the text alone; it never holds a secret.
"""


class TenantError(Exception):
    """Something to be told in the tenant's status. `lasting`: trying again is in vain until something is changed."""

    reason = "Failed"
    lasting = False


class SpecInvalid(TenantError):
    """The spec passed an older API server's checks and cannot be read."""

    reason = "SpecInvalid"
    lasting = True


class NamespaceTaken(TenantError):
    """The tenant's namespace is somebody else's."""

    reason = "NamespaceTaken"
    lasting = True


class NameTaken(TenantError):
    """In the tenant's namespace stands somebody else's object under a name that the operator needs."""

    reason = "NameTaken"
    lasting = True


class KeyringUnusable(TenantError):
    """The Secret with all that is random about the tenant is somebody else's, or cannot be read."""

    reason = "KeyringUnusable"
    lasting = True


class KeyringMissing(TenantError):
    """There is no such Secret yet, or no more."""

    reason = "KeyringMissing"


class ServerUnavailable(TenantError):
    """One of NATS, PostgreSQL, Redis does not answer, or not in time."""

    reason = "Unavailable"


class ServerRefused(TenantError):
    """One of them answered that it will not do what was asked: rights, space, limits."""

    reason = "Refused"


class MigrationFailed(TenantError):
    """The Job that brings the database's tables up to date did not succeed."""

    reason = "MigrationFailed"


class ApplyRefused(TenantError):
    """The API server did not take an object of ours: quota, admission, rights."""

    reason = "ApplyRefused"
