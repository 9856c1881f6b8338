"""`handrail runs list|resume`: runs of the agent that were given up, taken up again where they failed."""

import json
from typing import Annotated
from uuid import UUID

import typer

from handrail_cli.client import api
from handrail_cli.client.lists import listed, show
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

app = typer.Typer(help="Runs of the agent that failed: list, resume.", no_args_is_help=True, rich_markup_mode=None)
PATH = "/api/v1/runs"


@app.command("list")
def list_(
    tenant: TenantArgument,
    limit: LimitOption = 50,
    state: StateOption = None,
    url: UrlOption = None,
    api_key_file: KeyFileOption = None,
    json_: JsonOption = False,
) -> None:
    """Failed runs, newest first: where they failed and why. --json shows what they had found out, too."""
    with told("runs list"):
        found = list(listed(find_for(state, url, api_key_file, tenant), PATH, limit))
    columns = {
        "RUN": "run_id", "FAILED": "failed_at", "STATUS": "status", "SIGNAL": "signal_kind", "USER": "user_id",
        "STUCK POINT": "stuck_point", "STEP": "node", "TRIES": "attempts", "ERROR": "error",
    }  # fmt: skip
    show(found, columns, nothing=f"{tenant} has no failed runs", as_json=json_)


@app.command()
def resume(
    tenant: TenantArgument,
    run_id: Annotated[UUID, typer.Argument(help="Id as `list` shows it.")],
    state: StateOption = None,
    url: UrlOption = None,
    api_key_file: KeyFileOption = None,
    json_: JsonOption = False,
) -> None:
    """Take a failed run up again at the step that failed."""
    with told("runs resume"):
        done = api.call(find_for(state, url, api_key_file, tenant), "POST", f"{PATH}/{run_id}/resume")
    typer.echo(json.dumps(done) if json_ else f"run {run_id} is taken up again; `runs list` shows it if it fails")
