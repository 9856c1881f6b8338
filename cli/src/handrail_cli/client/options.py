"""Options that every client command takes, and the way errors leave: on stderr, with what to do next."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from handrail_cli.state.errors import StateError

TenantArgument = Annotated[str, typer.Argument(help="Name of the tenant.")]
StateOption = Annotated[Path | None, typer.Option("--state", help="State folder of `handrail up`.")]
UrlOption = Annotated[
    str | None, typer.Option("--url", help="Gateway of a platform elsewhere; together with --api-key-file.")
]
KeyFileOption = Annotated[Path | None, typer.Option("--api-key-file", help="File with a secret key of the tenant.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="Show at most so many, the newest.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


class Failed(Exception):
    """The command could not do it; the message is for the person at the terminal. Exit code 1."""


@contextmanager
def told(command: str) -> Iterator[None]:
    """Turns what went wrong into a line on stderr and exit code 1."""
    try:
        yield
    except (Failed, StateError) as error:
        typer.echo(f"handrail {command}: {error}", err=True)
        raise typer.Exit(1) from error
