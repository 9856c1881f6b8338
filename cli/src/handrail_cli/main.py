"""The command `handrail`: puts the commands together. Each lives in its own module."""

import typer

from handrail_cli.client.delete import delete
from handrail_cli.client.keys import app as keys
from handrail_cli.client.status import status
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
app.command()(validate)
app.command()(delete)
app.command()(simulate)
