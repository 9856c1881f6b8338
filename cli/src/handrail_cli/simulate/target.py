"""Which platform and which keys a run uses."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from handrail_cli.state.folder import State
from handrail_contracts import api_keys


class TargetUnknown(Exception):
    """There is nothing to drive users at. The text says what to do."""


@dataclass(frozen=True)
class Target:
    """A gateway and one tenant's keys. Without a publishable key the run makes one for itself."""

    gateway: str
    secret: str
    publishable: str | None = None


def from_url(url: str, api_key_file: Path) -> Target:
    """A platform elsewhere. Raises TargetUnknown."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise TargetUnknown(f"{url} is not an address like https://handrail.example.com")
    try:
        key = api_key_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise TargetUnknown(f"the key file {api_key_file} cannot be read: {error}") from error
    parsed = api_keys.parse(key)
    if parsed is None or parsed.kind != "secret":
        raise TargetUnknown(f"{api_key_file} does not hold a secret key (sk_…)")
    return Target(url.rstrip("/"), key)


def from_state(folder: Path | None, tenant: str) -> Target:
    """The platform that `handrail up` runs from this state folder. Raises TargetUnknown, StateError."""
    state = State.open(folder)
    live = state.live()
    if live is None or not state.in_use():
        raise TargetUnknown(f"no platform runs on {state.root} now. Start it with `handrail up`, then try again.")
    if tenant not in live.tenants:
        known = ", ".join(sorted(live.tenants)) or "none"
        raise TargetUnknown(f"there is no tenant {tenant!r} on this platform; there are: {known}")
    keys = state.tenant_secrets(tenant)
    secret = keys.newest("secret") if keys else None
    publishable = keys.newest("publishable") if keys else None
    if secret is None:
        raise TargetUnknown(f"{tenant} has no secret key. Make one: handrail keys create {tenant} --kind secret")
    return Target(live.gateway, secret.key, publishable.key if publishable else None)
