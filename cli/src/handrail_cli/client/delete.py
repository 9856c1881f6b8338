"""`handrail delete TENANT [--data]`."""

import json
from typing import Annotated

import typer

from handrail_cli.client import operator
from handrail_cli.client.options import JsonOption, StateOption, told
from handrail_cli.state.folder import State
from handrail_contracts import operator_calls


def delete(
    tenant: Annotated[str, typer.Argument(help="Name of the tenant.")],
    data: Annotated[bool, typer.Option("--data", help="Destroy its data, too. There is no way back.")] = False,
    state: StateOption = None,
    json_: JsonOption = False,
) -> None:
    """Remove a tenant; its data only with --data. Its file stays and counts again once edited or named again."""
    with told("delete"):
        operator.ask(State.open(state), operator_calls.VERB_DELETE, tenant, operator_calls.TenantDelete(data))
    kept = "its data is gone too" if data else "its data and keys are kept"
    typer.echo(json.dumps({"tenant": tenant, "data": data}) if json_ else f"{tenant} is deleted; {kept}")
