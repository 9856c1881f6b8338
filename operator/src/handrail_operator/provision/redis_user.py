"""A tenant's Redis user: its own keys and channels, and nothing that looks over them."""

from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from handrail_contracts import names
from handrail_operator.provision.keyring import TenantSecrets

_ALLOWED = ("+@read", "+@write", "+@transaction", "+@connection", "+@pubsub")
# These look at every key of the server, or at its other users; a script could hold up everybody.
_DENIED = ("-@admin", "-@dangerous", "-@scripting", "-scan", "-randomkey", "-keys", "-dbsize", "-select", "-pubsub")


def rules(tenant: str, password: str) -> list[str]:
    """The whole rule, from nothing: whatever stood before is gone."""
    return ["reset", "on", f"#{_digest(password)}", f"~{_pattern(tenant)}", f"&{_pattern(tenant)}", *_commands()]


def _commands() -> list[str]:
    return ["-@all", *_ALLOWED, *_DENIED]


def _pattern(tenant: str) -> str:
    return f"{names.redis_prefix(tenant)}*"


def _digest(password: str) -> str:
    return sha256(password.encode()).hexdigest()


def url(admin_url: str, secrets: TenantSecrets) -> str:
    """The same server, the tenant's newest user."""
    parts = urlsplit(admin_url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{secrets.redis_login()}:{secrets.redis_password}@{place}"))


async def ensure_tenant(admin: Redis, tenant: str, secrets: TenantSecrets) -> None:
    """Sets the users where they differ, ends those that no longer count, and keeps it in the server's ACL file."""
    wanted = {secrets.redis_login(one.generation): one.redis_password for one in secrets.logins}
    changed = False
    for user, password in wanted.items():
        if not _stands(await _acl(admin, "GETUSER", user), tenant, password):
            await _acl(admin, "SETUSER", user, *rules(tenant, password))
            changed = True
    if secrets.generation:
        changed |= await _delete(admin, [user for user in await _users(admin, secrets) if user not in wanted])
    if changed:
        await _save(admin)


async def delete_tenant(admin: Redis, tenant: str, secrets: TenantSecrets, *, data: bool) -> None:
    if await _delete(admin, await _users(admin, secrets)):
        await _save(admin)
    if data:
        async for key in admin.scan_iter(match=f"{names.redis_prefix(tenant)}*", count=1000):
            await admin.unlink(key)


def _stands(found: Any, tenant: str, password: str) -> bool:
    """Whether what the server says of a user is what the rules would make of it."""
    if found is None:
        return False
    if not isinstance(found, dict):
        found = dict(zip(found[::2], found[1::2], strict=True))
    told = {_text(name): value for name, value in found.items()}
    return (
        "on" in [_text(flag) for flag in told["flags"]]
        and [_text(one) for one in told["passwords"]] == [_digest(password)]
        and _text(told["commands"]) == " ".join(_commands())
        and _text(told["keys"]) == f"~{_pattern(tenant)}"
        and _text(told["channels"]) == f"&{_pattern(tenant)}"
        and not told.get("selectors")
    )


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


async def _users(admin: Redis, secrets: TenantSecrets) -> list[str]:
    """The tenant's, of all generations."""
    base = secrets.redis_user
    return [user for one in await _acl(admin, "USERS") if (user := _text(one)) == base or user.startswith(f"{base}-")]


async def _delete(admin: Redis, users: list[str]) -> bool:
    if users:
        await _acl(admin, "DELUSER", *users)
    return bool(users)


async def _save(admin: Redis) -> None:
    try:
        await _acl(admin, "SAVE")
    except ResponseError as error:
        # A server without an ACL file forgets its users when it is restarted; they are made again then.
        if "not configured to use an ACL file" not in str(error):
            raise


async def _acl(admin: Redis, *arguments: str) -> Any:
    # In one word: the client would make its own picture of what some of these answer.
    return await admin.execute_command("ACL", *arguments)  # type: ignore[no-untyped-call]
