"""`handrail runs list|resume`: runs of the agent that were given up, taken up again where they failed."""

import json
from typing import Annotated
from uuid import UUID

import typer

from handrail_cli.client import api
from handrail_cli.client.options import JsonOption, KeyFileOption, LimitOption, StateOption, UrlOption, told
from handrail_cli.client.owner import find_for, listed
from handrail_cli.client.table import table

app = typer.Typer(no_args_is_help=True)
PATH = "/api/v1/runs"
TenantArgument = Annotated[str, typer.Argument(help="Name of the tenant.")]


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
    if json_:
        typer.echo(json.dumps({"items": found}, indent=2))
    elif not found:
        typer.echo(f"{tenant} has no failed runs")
    else:
        headings = ("RUN", "FAILED", "STATUS", "SIGNAL", "USER", "STUCK POINT", "STEP", "TRIES", "ERROR")
        names = ("run_id", "failed_at", "status", "signal_kind", "user_id", "stuck_point", "node", "attempts", "error")
        typer.echo(table(headings, [[one[name] for name in names] for one in found]))


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
