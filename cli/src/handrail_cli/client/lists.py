"""Lists of the tenant's API: fetched page by page, shown as a table or as JSON."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import typer

from handrail_cli.client import api
from handrail_cli.client.table import table
from handrail_cli.client.target import Target

PAGE = 500

Item = Mapping[str, Any]
Columns = Mapping[str, str | Callable[[Item], object]]
"""By its heading, the item's field, or what makes a cell of the item."""


def listed(target: Target, path: str, most: int, **filters: str) -> Iterator[dict[str, Any]]:
    """The newest `most` items of a list, page by page. Raises Failed."""
    cursor: str | None = None
    while most > 0:
        query = {"limit": str(min(PAGE, most)), **filters} | ({"cursor": cursor} if cursor else {})
        page = api.call(target, "GET", f"{path}?{urlencode(query)}")
        yield from page["items"]
        most -= len(page["items"])
        cursor = page["next"]
        if cursor is None:
            return


def show(items: Sequence[Item], columns: Columns, *, nothing: str, as_json: bool) -> None:
    """Prints them, or `nothing` where there are none."""
    if as_json:
        typer.echo(json.dumps({"items": items}, indent=2))
    elif not items:
        typer.echo(nothing)
    else:
        rows = [[item[cell] if isinstance(cell, str) else cell(item) for cell in columns.values()] for item in items]
        typer.echo(table(list(columns), rows))
