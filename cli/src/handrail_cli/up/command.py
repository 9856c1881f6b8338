"""The command `handrail up`."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from handrail_cli.embedded.errors import StartError
from handrail_cli.state.errors import StateError
from handrail_cli.state.folder import State
from handrail_cli.supervise.logs import LogStream
from handrail_cli.up import examples


def up(
    files: Annotated[list[Path] | None, typer.Argument(help="Tenant files; none: the tenants of the state.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the gateway.")] = 8080,
    state: Annotated[Path | None, typer.Option(help="State folder; survives restarts.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Add a demo product, one path per tenant.")] = False,
    log_format: Annotated[
        Literal["console", "json"], typer.Option(help="Lines for people or for machines.")
    ] = "console",
    ack_wait: Annotated[
        float | None,
        typer.Option(min=1, envvar="HANDRAIL_ACK_WAIT", hidden=True, help="Seconds; for tests of redelivery."),
    ] = None,
) -> None:
    """Run the whole platform on this machine, in the foreground, until Ctrl-C."""
    _check_outbound(os.environ.get("HANDRAIL_OUTBOUND_ALLOWED", ""))
    try:
        code = _run(files or [], root=state, port=port, demo=demo, log_format=log_format, ack_wait=ack_wait)
    except* (StateError, StartError) as group:
        for error in _flat(group):
            typer.echo(f"handrail up: {error}", err=True)
        code = 1
    raise typer.Exit(code)


def _check_outbound(allowed: str) -> None:
    """Said once and at once, and not by every process again and again."""
    from handrail_contracts.outbound_policy import Allowed

    try:
        Allowed.parse(allowed)
    except ValueError as error:
        raise typer.BadParameter(f"HANDRAIL_OUTBOUND_ALLOWED: {error}") from error


def _run(files: list[Path], *, root: Path | None, **given: Any) -> int:
    from handrail_cli.up.local_platform import LocalPlatform, Options

    folder = State.create(root)
    with folder.locked():
        options = Options(_paths(folder, files), bool(files), **given)
        log = LogStream(options.log_format, sys.stdout)
        return asyncio.run(LocalPlatform(folder, options, log).run())


def _paths(folder: State, files: list[Path]) -> list[Path]:
    """What to follow: the named files, else those of the last run, else the shipped examples."""
    if files:
        return list(dict.fromkeys(path.expanduser().absolute() for path in files))
    known = [Path(path) for path in folder.followed().paths]
    return known or examples.copy_to(folder.examples)


def _flat(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _flat(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
