"""The command `handrail`: puts the commands together. Each lives in its own module, and is imported when it is asked
for: `handrail status` does not wait for all that `handrail up` needs."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

_COMMANDS = {
    "up": "handrail_cli.up.command:up",
    "status": "handrail_cli.client.status:status",
    "targets": "handrail_cli.client.targets:targets",
    "validate": "handrail_cli.client.validate:validate",
    "delete": "handrail_cli.client.delete:delete",
    "simulate": "handrail_cli.simulate.command:simulate",
    "keys": "handrail_cli.client.keys:app",
    "deadletters": "handrail_cli.client.deadletters:app",
    "runs": "handrail_cli.client.runs:app",
    "escalations": "handrail_cli.client.escalations:app",
}
"""In the order in which `--help` has them: module, and what it has there."""


class _Commands(TyperGroup):
    # What these are given and return are no public names of Typer's.

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            return typer.main.get_group(found)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(cmd_name)(found)
        return typer.main.get_command(alone)


app = typer.Typer(
    name="handrail",
    help="AI onboarding for many SaaS products on one platform.",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _root() -> None:
    pass
