"""The command `handrail simulate`: reads the options, runs, prints the report."""

import asyncio
import json
import secrets
import signal
import sys
from typing import Annotated, Any

import typer

from handrail_cli.client.options import Failed, JsonOption, KeyFileOption, StateOption, UrlOption, told
from handrail_cli.simulate.api import Api, ApiFailed
from handrail_cli.simulate.drive import run
from handrail_cli.simulate.personas import PERSONAS
from handrail_cli.simulate.plan import make_plan
from handrail_cli.simulate.progress import shown
from handrail_cli.simulate.report import Outcome, summarise, table, trouble
from handrail_cli.simulate.target import Keys, find

_PERSONAS = "; ".join(f"{persona.name}: {persona.about}" for persona in PERSONAS.values())


def simulate(
    tenant: Annotated[str, typer.Argument(help="Name of the tenant.")],
    users: Annotated[int, typer.Option(min=1, max=20_000, help="How many users.")] = 20,
    persona: Annotated[str | None, typer.Option(help=f"Only this kind of user, else a mix. {_PERSONAS}.")] = None,
    rate: Annotated[float, typer.Option(min=0.1, max=100_000, help="Events a second, over all users.")] = 200.0,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same users; else a new one.")] = None,
    state: StateOption = None,
    url: UrlOption = None,
    api_key_file: KeyFileOption = None,
    json_: JsonOption = False,
) -> None:
    """Drive realistic users through the public API and report what the platform did for them."""
    if persona is not None and persona not in PERSONAS:
        raise typer.BadParameter(f"there is no {persona!r}; known are {', '.join(PERSONAS)}", param_hint="--persona")
    chosen = secrets.randbelow(1_000_000) if seed is None else seed
    with told("simulate"):
        keys = find(state, url, api_key_file, tenant)
        try:
            outcome = asyncio.run(_simulate(tenant, keys, users=users, persona=persona, rate=rate, seed=chosen))
        except ApiFailed as error:
            raise Failed(str(error)) from error
    report = summarise(tenant, outcome)
    typer.echo(json.dumps(report, indent=2) if json_ else table(report))
    for sentence in trouble(outcome):
        typer.echo(f"handrail simulate: {sentence}", err=True)
    raise typer.Exit(0 if report["ok"] else 1)


async def _simulate(tenant: str, keys: Keys, *, rate: float, **plan: Any) -> Outcome:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        """The first time ends the run with a report; the next one ends the program at once."""
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)
        sys.stderr.write("simulate: stopping; once more to end without a report\n")

    loop.add_signal_handler(signal.SIGINT, interrupted)
    async with Api(keys.gateway, secret=keys.secret, publishable=keys.publishable) as api:
        spec, ahead = await api.spec()
        if spec.suspend:
            raise Failed(
                f"{tenant} is suspended: its events would be kept, and nothing could be seen of them. "
                "Set spec.suspend to false first."
            )
        await api.ensure_publishable()
        with shown() as tell:
            return await run(api, make_plan(spec, **plan), rate=rate, ahead=ahead, stop=stop, tell=tell)
