"""Which platform and which keys a run uses."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

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
        raise TargetUnknown(f"The key file {api_key_file} cannot be read: {error}") from error
    parsed = api_keys.parse(key)
    if parsed is None or parsed.kind != "secret":
        raise TargetUnknown(f"{api_key_file} does not hold a secret key (sk_…)")
    return Target(url.rstrip("/"), key)


def from_state(state: Path | None, tenant: str) -> Target:
    """The platform that `handrail up` runs from this state folder. Raises TargetUnknown."""
    raise TargetUnknown(f"{state} {tenant}")
