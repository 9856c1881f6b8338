"""Which platform and which keys a run uses."""

from dataclasses import dataclass, field
from pathlib import Path

from handrail_cli.client.options import Failed
from handrail_cli.client.owner import find_for


@dataclass(frozen=True)
class Keys:
    """A gateway and one tenant's keys."""

    gateway: str
    secret: str = field(repr=False)
    publishable: str | None
    """None: the run makes one for itself and revokes it at the end."""


def find(root: Path | None, url: str | None, key_file: Path | None, tenant: str) -> Keys:
    """Raises Failed, StateError; typer.BadParameter on options that do not go together, or another tenant's key."""
    found = find_for(root, url, key_file, tenant, key=False)
    if found.key is None:
        raise Failed(f"{tenant} has no secret key. Make one with `handrail keys create {tenant} --kind secret`.")
    own = found.state.tenant_secrets(tenant) if found.state is not None else None
    publishable = own.newest("publishable") if own is not None else None
    return Keys(found.url, found.key, publishable.key if publishable is not None else None)
