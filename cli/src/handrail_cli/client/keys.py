"""`handrail keys list|create|revoke`: through the public API, as anybody with a secret key could."""

import json
from typing import Annotated, Any, Literal

import typer

from handrail_cli.client import api, operator
from handrail_cli.client.options import JsonOption, KeyFileOption, StateOption, TenantArgument, UrlOption, told
from handrail_cli.client.owner import find_for
from handrail_contracts import operator_calls

app = typer.Typer(help="List, make and revoke a tenant's API keys.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_(
    tenant: TenantArgument,
    state: StateOption = None,
    url: UrlOption = None,
    api_key_file: KeyFileOption = None,
    json_: JsonOption = False,
) -> None:
    """The live keys and when they were last used."""
    with told("keys list"):
        found = api.call(find_for(state, url, api_key_file, tenant), "GET", "/api/v1/keys")
    if json_:
        typer.echo(json.dumps({"items": found["items"]}, indent=2))
        return
    for key in found["items"]:
        used = key["last_used_at"] or "never used"
        typer.echo(f"{key['key_id']}  {key['kind']:<11}  made {key['created_at']}  {used}")


@app.command()
def create(
    tenant: TenantArgument,
    kind: Annotated[Literal["publishable", "secret"], typer.Option(help="What the key may do.")],
    state: StateOption = None,
    url: UrlOption = None,
    api_key_file: KeyFileOption = None,
    json_: JsonOption = False,
) -> None:
    """A new key; its text is shown here and never again."""
    with told("keys create"):
        target = find_for(state, url, api_key_file, tenant, key=False)
        made: dict[str, Any]
        if target.key is None and target.state is not None:
            # The last secret key was revoked: on this machine the state folder is the way back in.
            made = operator.ask(target.state, operator_calls.VERB_KEY_CREATE, tenant, operator_calls.KeyCreate(kind))
        else:
            made = api.call(target, "POST", "/api/v1/keys", {"kind": kind})
    if json_:
        typer.echo(json.dumps(made, indent=2))
        return
    typer.echo(made["key"])
    typer.echo(f"key {made['key_id']} ({kind}) is live; its text is not shown again", err=True)


@app.command()
def revoke(
    tenant: TenantArgument,
    key_id: Annotated[str, typer.Argument(help="The 8 characters after pk_ or sk_.")],
    state: StateOption = None,
    url: UrlOption = None,
    api_key_file: KeyFileOption = None,
    json_: JsonOption = False,
) -> None:
    """End a key within a second."""
    with told("keys revoke"):
        if not key_id.isalnum():
            raise typer.BadParameter("a key id is the 8 letters and digits after pk_ or sk_")
        api.call(find_for(state, url, api_key_file, tenant), "DELETE", f"/api/v1/keys/{key_id}")
    typer.echo(json.dumps({"key_id": key_id}) if json_ else f"key {key_id} is revoked")
