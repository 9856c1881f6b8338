"""Which platform a command means: the one of a state folder on this machine, or one elsewhere."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import typer

from handrail_cli.client.options import Failed
from handrail_cli.state.errors import NoPlatform
from handrail_cli.state.folder import State
from handrail_contracts import api_keys

ELSEWHERE = "For a platform elsewhere, such as one in a cluster, add --url GATEWAY --api-key-file FILE."


@dataclass(frozen=True)
class Target:
    """A gateway, and a secret key of the tenant in question."""

    url: str
    key: str | None = field(repr=False)
    state: State | None = None
    """Where the platform runs on this machine."""


def opened(root: Path | None) -> State:
    """The state folder of this machine's platform. Raises StateError, Failed."""
    try:
        return State.open(root)
    except NoPlatform as error:
        raise Failed(f"{error} {ELSEWHERE}") from error


def find(root: Path | None, url: str | None, key_file: Path | None, tenant: str | None) -> Target:
    """Raises Failed, StateError; typer.BadParameter on options that do not go together."""
    if (url is None) != (key_file is None):
        raise typer.BadParameter("--url and --api-key-file belong together")
    if url is not None and key_file is not None:
        if root is not None:
            raise typer.BadParameter("--state means a platform on this machine, --url one elsewhere: choose one")
        return Target(_address(url), _key(key_file))
    state = opened(root)
    live = state.live()
    if live is None or not state.in_use():
        raise Failed(f"no platform runs on {state.root}. Start it with `handrail up --state {state.root}`. {ELSEWHERE}")
    if tenant is None:
        return Target(live.gateway, None, state)
    secrets = state.tenant_secrets(tenant)
    if secrets is None:
        raise Failed(f"there is no tenant {tenant!r} in {state.root}. `handrail status` lists them.")
    newest = secrets.newest("secret")
    return Target(live.gateway, newest.key if newest else None, state)


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise typer.BadParameter(f"{url} is not an address like https://handrail.example.com")
    return url.rstrip("/")


def _key(path: Path) -> str:
    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"the key file {path} cannot be read: {error}. Name a file with a secret key.") from error
    parsed = api_keys.parse(key)
    if parsed is None or parsed.kind != "secret":
        raise Failed(f"{path} does not hold a secret key (sk_…). Make one with `handrail keys create`.")
    return key
