"""`handrail status [--json]`: exit 0 when all that should run is ready."""

import json
from typing import Any

import httpx2
import typer

from handrail_cli.client import api
from handrail_cli.client.options import Failed, JsonOption, KeyFileOption, StateOption, UrlOption, told
from handrail_cli.client.target import find
from handrail_cli.state.folder import State
from handrail_cli.state.live import LiveStatus, ProcessStatus


def status(
    state: StateOption = None, url: UrlOption = None, api_key_file: KeyFileOption = None, json_: JsonOption = False
) -> None:
    """What runs, and whether all that should run is ready."""
    with told("status"):
        value = _elsewhere(url, api_key_file) if url or api_key_file else _here(State.open(state))
    typer.echo(json.dumps(value, indent=2) if json_ else _text(value))
    if not value["ready"]:
        if not value["processes"] and not url:
            typer.echo("handrail status: nothing runs. Start it with `handrail up`.", err=True)
        raise typer.Exit(1)


def _here(state: State) -> dict[str, Any]:
    live = state.live()
    if live is None:
        raise Failed(f"no platform ever got ready in {state.root}. Start it with `handrail up`.")
    running = state.in_use()
    if not running:
        live.ready = False
        live.processes = []
    return shown(live, state, running=running)


def shown(live: LiveStatus, state: State, *, running: bool) -> dict[str, Any]:
    """The value that `--json` prints."""
    tenants = {}
    for name, tenant in live.tenants.items():
        secrets = state.tenant_secrets(name)
        publishable = secrets.newest("publishable") if secrets else None
        secret = secrets.newest("secret") if secrets else None
        tenants[name] = {
            "ready": tenant.ready and running,
            "publishable_key": publishable.key if publishable else None,
            "secret_key": secret.key if secret else None,
            "demo": tenant.demo if running else None,
            "conditions": tenant.conditions,
        }
    return {
        "gateway": live.gateway,
        "demo": live.demo if running else None,
        "ready": live.ready,
        "tenants": tenants,
        "processes": [_process(process) for process in live.processes],
    }


def _process(process: ProcessStatus) -> dict[str, Any]:
    return {"name": process.name, "pid": process.pid, "state": process.state, "restarts": process.restarts}


def _elsewhere(url: str | None, key_file: Any) -> dict[str, Any]:
    """What a platform elsewhere tells anybody with a key: whether it is ready, and whether the tenant is served."""
    target = find(None, url, key_file, None)
    ready = False
    try:
        ready = httpx2.get(f"{target.url}/readyz", timeout=15).is_success
    except httpx2.HTTPError as error:
        raise Failed(f"{target.url} does not answer: {error}. Check the address.") from error
    spec = api.call(target, "GET", "/api/v1/config")
    # A suspended tenant is as it should be: whoever has a key for it was answered.
    served = {"ready": ready, "conditions": []}
    return {
        "gateway": target.url,
        "demo": None,
        "ready": ready,
        "tenants": {spec["displayName"]: served},
        "processes": [],
    }


def _text(value: dict[str, Any]) -> str:
    lines = [f"gateway  {value['gateway']}   {'ready' if value['ready'] else 'not ready'}"]
    if value["demo"]:
        lines.append(f"demo     {value['demo']}")
    for name, tenant in value["tenants"].items():
        lines.append(f"\ntenant {name}: {'ready' if tenant['ready'] else 'not ready'}")
        for label, field in (("publishable key", "publishable_key"), ("secret key", "secret_key"), ("demo", "demo")):
            if tenant.get(field):
                lines.append(f"  {label:<16} {tenant[field]}")
        for condition in tenant["conditions"]:
            message = f": {condition['message']}" if condition["message"] else ""
            lines.append(f"  {condition['type']:<16} {condition['status']} ({condition['reason']}{message})")
    if value["processes"]:
        lines.append("\nprocesses")
    for process in value["processes"]:
        restarts = f", started again {process['restarts']} times" if process["restarts"] else ""
        lines.append(f"  {process['name']:<20} {process['state']} (pid {process['pid']}{restarts})")
    return "\n".join(lines)
