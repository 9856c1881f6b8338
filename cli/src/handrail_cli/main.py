"""The command `handrail`: puts the commands together. Each lives in its own module."""

import typer

from handrail_cli.client.deadletters import app as deadletters
from handrail_cli.client.delete import delete
from handrail_cli.client.escalations import app as escalations
from handrail_cli.client.keys import app as keys
from handrail_cli.client.runs import app as runs
from handrail_cli.client.status import status
from handrail_cli.client.targets import targets
from handrail_cli.client.validate import validate
from handrail_cli.simulate.command import simulate
from handrail_cli.up.command import up

app = typer.Typer(
    name="handrail",
    help="AI onboarding for many SaaS products on one platform.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(up)
app.command()(status)
app.add_typer(keys, name="keys", help="List, make and revoke a tenant's API keys.")
app.add_typer(deadletters, name="deadletters", help="What could not be stored: list, put back, drop.")
app.add_typer(runs, name="runs", help="Runs of the agent that failed: list, resume.")
app.add_typer(escalations, name="escalations", help="What was handed to people: list, try again, close.")
app.command()(targets)
app.command()(validate)
app.command()(delete)
app.command()(simulate)
