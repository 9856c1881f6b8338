"""`handrail escalations list|retry|close`: what was handed to people."""

import json
from typing import Annotated, Any
from uuid import UUID

import typer

from handrail_cli.client import api
from handrail_cli.client.lists import Columns, listed, show
from handrail_cli.client.options import (
    JsonOption,
    KeyFileOption,
    LimitOption,
    StateOption,
    TenantArgument,
    UrlOption,
    told,
)
from handrail_cli.client.owner import find_for

app = typer.Typer(
    help="What was handed to people: list, try again, close.", no_args_is_help=True, rich_markup_mode=None
)
PATH = "/api/v1/escalations"


@app.command("list")
def list_(
    tenant: TenantArgument,
    limit: LimitOption = 50,
    state: StateOption = None,
    url: UrlOption = None,
    api_key_file: KeyFileOption = None,
    json_: JsonOption = False,
) -> None:
    """Escalations, newest first, and whether they reached anybody."""
    with told("escalations list"):
        found = list(listed(find_for(state, url, api_key_file, tenant), PATH, limit))
    columns: Columns = {
        "ESCALATION": "escalation_id", "MADE": "created_at", "STATUS": "status", "USER": "user_id",
        "STUCK POINT": "stuck_point", "DELIVERED": lambda one: ", ".join(map(_delivery, one["deliveries"])),
    }  # fmt: skip
    show(found, columns, nothing=f"{tenant} has no escalations", as_json=json_)


def _delivery(to: dict[str, Any]) -> str:
    why = f" ({to['last_error']})" if to["state"] == "failed" and to.get("last_error") else ""
    return f"{to['channel']} {to['state']}{why}"


@app.command()
def retry(
    tenant: TenantArgument,
    escalation_id: Annotated[UUID, typer.Argument(help="Id as `list` shows it.")],
    state: StateOption = None,
    url: UrlOption = None,
    api_key_file: KeyFileOption = None,
    json_: JsonOption = False,
) -> None:
    """One more attempt for each channel that was given up, after its cause is gone."""
    with told("escalations retry"):
        done = api.call(find_for(state, url, api_key_file, tenant), "POST", f"{PATH}/{escalation_id}/retry")
    pending = [to["channel"] for to in done["deliveries"] if to["state"] == "pending"]
    said = f"tried again within a minute: {', '.join(pending)}" if pending else "nothing is left to deliver"
    typer.echo(json.dumps(done) if json_ else said)


@app.command()
def close(
    tenant: TenantArgument,
    escalation_id: Annotated[UUID, typer.Argument(help="Id as `list` shows it.")],
    state: StateOption = None,
    url: UrlOption = None,
    api_key_file: KeyFileOption = None,
    json_: JsonOption = False,
) -> None:
    """Say that somebody took care of it: the agent may nudge there again."""
    with told("escalations close"):
        done = api.call(find_for(state, url, api_key_file, tenant), "POST", f"{PATH}/{escalation_id}/close")
    typer.echo(json.dumps(done) if json_ else f"escalation {escalation_id} is closed since {done['closed_at']}")
