"""A tenant's Redis user: its own keys and channels, and nothing that looks over them."""

from hashlib import sha256
from urllib.parse import urlsplit, urlunsplit

from redis.asyncio import Redis

from handrail_contracts import names
from handrail_operator.provision.keyring import TenantSecrets

_ALLOWED = ("+@read", "+@write", "+@transaction", "+@connection", "+@pubsub")
# These look at every key of the server, or at its other users; a script could hold up everybody.
_DENIED = ("-@admin", "-@dangerous", "-@scripting", "-scan", "-randomkey", "-keys", "-dbsize", "-select", "-pubsub")


def rules(tenant: str, password: str) -> list[str]:
    """The whole rule, from nothing: whatever stood before is gone."""
    prefix = names.redis_prefix(tenant)
    digest = sha256(password.encode()).hexdigest()
    return ["reset", "on", f"#{digest}", f"~{prefix}*", f"&{prefix}*", "-@all", *_ALLOWED, *_DENIED]


def url(admin_url: str, secrets: TenantSecrets) -> str:
    """The same server, the tenant's user."""
    parts = urlsplit(admin_url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{secrets.redis_user}:{secrets.redis_password}@{place}"))


async def ensure_tenant(admin: Redis, tenant: str, secrets: TenantSecrets) -> None:
    """Sets the user and keeps it in the server's ACL file."""
    await _acl(admin, "SETUSER", secrets.redis_user, *rules(tenant, secrets.redis_password))
    await _acl(admin, "SAVE")


async def delete_tenant(admin: Redis, tenant: str, secrets: TenantSecrets, *, data: bool) -> None:
    await _acl(admin, "DELUSER", secrets.redis_user)
    await _acl(admin, "SAVE")
    if data:
        async for key in admin.scan_iter(match=f"{names.redis_prefix(tenant)}*", count=1000):
            await admin.unlink(key)


async def _acl(admin: Redis, *arguments: str) -> None:
    await admin.execute_command("ACL", *arguments)  # type: ignore[no-untyped-call]
