"""`handrail validate FILES...`: the checks of `up` and of the API server, without either."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from handrail_cli.client.options import JsonOption
from handrail_cli.tenant_files.collect import Wanted, collect
from handrail_cli.tenant_files.places import Fault
from handrail_cli.tenant_files.read import read_file
from handrail_operator.plans import DEFAULT


def validate(
    files: Annotated[list[Path], typer.Argument(help="Tenant files.")],
    json_: JsonOption = False,
) -> None:
    """Check tenant files: file, line, field and reason of everything that is wrong."""
    found = collect([read_file(path) for path in files])
    faults = sorted([*found.faults, *_plan_faults(found.tenants.values())], key=lambda fault: (fault.file, fault.line))
    if json_:
        value = {"valid": not faults, "tenants": sorted(found.tenants), "errors": [fault.value() for fault in faults]}
        typer.echo(json.dumps(value, indent=2))
    else:
        for fault in faults:
            typer.echo(str(fault), err=True)
        if not faults:
            typer.echo(f"valid: {', '.join(sorted(found.tenants)) or 'no tenants'}")
    if faults:
        raise typer.Exit(1)


def _plan_faults(tenants: Iterable[Wanted]) -> Iterator[Fault]:
    for wanted in tenants:
        document = wanted.document
        if document.spec.plan not in DEFAULT:
            reason = f"there is no plan {document.spec.plan!r}; known are {', '.join(sorted(DEFAULT))}"
            yield Fault(document.path, document.plan_line, "spec.plan", reason)
