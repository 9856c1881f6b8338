"""`handrail targets`: elements that the config counts on, and whether they are still in the pages."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import typer

from handrail_cli.client.lists import Columns, Item, listed, show
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

PATH = "/api/v1/targets"


def targets(
    tenant: TenantArgument,
    only: Annotated[
        Literal["missing", "unknown", "ok"] | None, typer.Option("--only", help="Only those with this state.")
    ] = None,
    limit: LimitOption = 500,
    state: StateOption = None,
    url: UrlOption = None,
    api_key_file: KeyFileOption = None,
    json_: JsonOption = False,
) -> None:
    """Elements that baselines and nudges name: whether pages still have them, missing ones first."""
    with told("targets"):
        filters = {"state": only} if only else {}
        found = list(listed(find_for(state, url, api_key_file, tenant), PATH, limit, **filters))
    columns: Columns = {
        "STATE": "state", "ELEMENT": "selector", "PAGE": "path", "USED BY": _uses, "FOUND": "found",
        "MISSED": "missed", "LAST SEEN": _seen, "MISSING SINCE": "first_missed_at", "NEAREST": _nearest,
    }  # fmt: skip
    rows = found if json_ else [row for item in found for row in _rows(item)]
    nothing = f"{tenant} has no elements {'that are ' + only if only else 'in its baselines or nudges'}"
    show(rows, columns, nothing=nothing, as_json=json_)


def _rows(item: Item) -> Iterator[dict[str, Any]]:
    """One for each page; the element's own state stands on the first."""
    if not item["pages"]:
        # Only nudges tell of it.
        nudges = item["nudges"]
        yield {**item, "path": "-", "found": nudges["shown"], "missed": nudges["target_missing"]}
    for at, page in enumerate(sorted(item["pages"], key=lambda page: page["state"] != item["state"])):
        yield {**item, **page, "state": item["state"] if at == 0 else page["state"]}


def _uses(row: Item) -> str:
    steps = [f"{use['baseline']}/{use['step'] or 'success'}" for use in row["uses"]]
    sent = row["nudges"]["sent"]
    return ", ".join(steps + ([f"{sent} nudge{'s' if sent > 1 else ''}"] if sent else []))


def _seen(row: Item) -> str | None:
    if "last_found_at" not in row:
        return None if row["last_seen_at"] is None else str(row["last_seen_at"])
    return max((str(row[name]) for name in ("last_found_at", "last_used_at") if row[name] is not None), default=None)


def _nearest(row: Item) -> str:
    return ", ".join(f"{one['selector']} ({one['count']})" for one in row["nearest"][:3])
