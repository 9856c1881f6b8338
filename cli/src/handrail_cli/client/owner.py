"""A platform and the tenant that a command names, checked to belong together."""

from pathlib import Path

import typer

from handrail_cli.client import api
from handrail_cli.client.options import Failed
from handrail_cli.client.target import Target, find


def find_for(root: Path | None, url: str | None, key_file: Path | None, tenant: str, *, key: bool = True) -> Target:
    """As `target.find`; typer.BadParameter where the key of a platform elsewhere is another tenant's.

    `key=False`: on this machine the caller sees to a missing key itself.
    """
    target = find(root, url, key_file, tenant)
    if target.state is None:
        # On this machine the key was looked up by the tenant's name; elsewhere only the platform knows whose it is.
        owner = api.call(target, "GET", "/api/v1/keys").get("tenant")
        if owner is not None and owner != tenant:
            raise typer.BadParameter(
                f"the key in {key_file} belongs to tenant {owner!r}, not to {tenant!r}:"
                " name that tenant, or the file with the other's key"
            )
    elif key and target.key is None:
        raise Failed(f"{tenant} has no live secret key. Make one: `handrail keys create {tenant} --kind secret`.")
    return target
