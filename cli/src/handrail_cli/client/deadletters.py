"""`handrail deadletters list|retry|drop`: what could not be stored, put back or given up."""

import json
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import typer

from handrail_cli.client import api
from handrail_cli.client.lists import listed, show
from handrail_cli.client.options import (
    Failed,
    JsonOption,
    KeyFileOption,
    LimitOption,
    StateOption,
    TenantArgument,
    UrlOption,
    told,
)
from handrail_cli.client.owner import find_for
from handrail_cli.client.target import Target

app = typer.Typer(help="What could not be stored: list, put back, drop.", no_args_is_help=True, rich_markup_mode=None)
PATH = "/api/v1/deadletters"
IdsArgument = Annotated[list[UUID] | None, typer.Argument(metavar="[ID]...", help="Ids as `list` shows them.")]
AllOption = Annotated[bool, typer.Option("--all", help="All open ones.")]


@app.command("list")
def list_(
    tenant: TenantArgument,
    retried: Annotated[bool, typer.Option("--retried", help="Those put back and not worked off yet.")] = False,
    limit: LimitOption = 50,
    state: StateOption = None,
    url: UrlOption = None,
    api_key_file: KeyFileOption = None,
    json_: JsonOption = False,
) -> None:
    """What could not be stored, newest first, with the reason."""
    wanted = "retried" if retried else "open"
    with told("deadletters list"):
        found = list(listed(find_for(state, url, api_key_file, tenant), PATH, limit, state=wanted))
    columns = {
        "ID": "dead_letter_id", "FAILED": "last_failed_at", "CLASS": "class", "KIND": "kind", "USER": "user_id",
        "TYPE": "event_type", "TRIES": "attempts", "REASON": "reason",
    }  # fmt: skip
    show(found, columns, nothing=f"{tenant} has no {wanted} dead letters", as_json=json_)


@app.command()
def retry(
    tenant: TenantArgument,
    ids: IdsArgument = None,
    all_: AllOption = False,
    state: StateOption = None,
    url: UrlOption = None,
    api_key_file: KeyFileOption = None,
    json_: JsonOption = False,
) -> None:
    """Put dead letters back to be stored; what fails again is open again."""
    chosen = _chosen(ids, all_)
    with told("deadletters retry"):
        target = find_for(state, url, api_key_file, tenant)
        count = _each(target, "POST", chosen, "/retry", "put back") if chosen else _retry_all(target)
    typer.echo(
        json.dumps({"retried": count}) if json_ else f"{count} put back; `deadletters list` shows what fails again"
    )


@app.command()
def drop(
    tenant: TenantArgument,
    ids: IdsArgument = None,
    all_: AllOption = False,
    state: StateOption = None,
    url: UrlOption = None,
    api_key_file: KeyFileOption = None,
    json_: JsonOption = False,
) -> None:
    """Give dead letters up. There is no way back."""
    chosen = _chosen(ids, all_)
    with told("deadletters drop"):
        target = find_for(state, url, api_key_file, tenant)
        count = (
            _each(target, "DELETE", chosen, "", "dropped") if chosen else api.call(target, "DELETE", PATH)["dropped"]
        )
    typer.echo(json.dumps({"dropped": count}) if json_ else f"{count} dropped")


def _chosen(ids: Sequence[UUID] | None, all_: bool) -> list[UUID]:
    """Empty: all. Raises typer.BadParameter."""
    if bool(ids) == all_:
        raise typer.BadParameter("name the ids of dead letters, or say --all")
    return list(dict.fromkeys(ids or ()))


def _each(target: Target, method: str, ids: Sequence[UUID], end: str, done: str) -> int:
    """Does what can be done, and then fails for the rest."""
    faults = []
    for one in ids:
        try:
            api.call(target, method, f"{PATH}/{one}{end}")
        except Failed as error:
            faults.append(f"{one}: {error}")
    if faults:
        raise Failed("\n".join([f"{len(ids) - len(faults)} of {len(ids)} {done}", *faults]))
    return len(ids)


def _retry_all(target: Target) -> int:
    count, more = 0, True
    while more:
        answer = api.call(target, "POST", f"{PATH}/retry")
        count, more = count + answer["retried"], answer["more"]
    return count
