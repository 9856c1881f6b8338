"""`handrail status [--json]`: exit 0 when all that should run is ready."""

import json
from typing import Any

import httpx2
import typer

from handrail_cli.client import api
from handrail_cli.client.options import Failed, JsonOption, KeyFileOption, StateOption, UrlOption, told
from handrail_cli.client.target import Target, find, opened
from handrail_cli.state.folder import State
from handrail_cli.state.live import LiveStatus, ProcessStatus
from handrail_contracts import status as conditions

READY, NOT_READY, NOT_SERVING, SUSPENDED, ASLEEP = "ready", "not ready", "not serving", "suspended", "asleep"
_AS_IT_SHOULD_BE = (READY, SUSPENDED, ASLEEP)
_CODES = {"suspended": SUSPENDED, "asleep": ASLEEP}


def status(
    state: StateOption = None, url: UrlOption = None, api_key_file: KeyFileOption = None, json_: JsonOption = False
) -> None:
    """What runs, and whether all that should run is ready."""
    with told("status"):
        value = _elsewhere(url, api_key_file) if url or api_key_file else _here(opened(state))
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
    tenants: dict[str, dict[str, Any]] = {}
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
        tenants[name]["state"] = _state_here(tenants[name])
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
    state, why = _state_elsewhere(target, suspended=bool(spec.get("suspend")))
    # A suspended or sleeping tenant is as it should be.
    served = {"ready": ready and state in _AS_IT_SHOULD_BE, "state": state, "reason": why, "conditions": []}
    return {
        "gateway": target.url,
        "gateway_ready": ready,
        "demo": None,
        "ready": served["ready"],
        "tenants": {spec["displayName"]: served},
        "processes": [],
    }


def _state_elsewhere(target: Target, *, suspended: bool) -> tuple[str, str]:
    """What the tenant is, in a word or two, and why it is that. Raises Failed."""
    phase = api.call(target, "GET", "/api/v1/keys").get("phase")  # a gateway of an earlier version tells none
    if suspended or phase == "Suspended":
        return SUSPENDED, "spec.suspend is true: events are taken and kept, nothing is read, nobody is nudged"
    if phase == "Sleeping":
        return ASLEEP, "the next event or request wakes it"
    if phase == "Provisioning":
        return NOT_READY, "its runtime is not up yet; `kubectl describe otn` says what it waits for"
    try:
        api.call(target, "GET", "/api/v1/events?limit=1")
    except api.Refused as error:
        if error.status != 503:
            raise
        if error.code in _CODES:
            return _CODES[error.code], error.detail
        return NOT_SERVING, f"{error.detail or error.code} Events are taken and kept."
    return READY, ""


def _state_here(tenant: dict[str, Any]) -> str:
    reason = next((one["reason"] for one in tenant["conditions"] if one["type"] == conditions.READY), "")
    if not tenant["ready"]:
        return NOT_READY
    return SUSPENDED if reason == "Suspended" else READY


def _text(value: dict[str, Any]) -> str:
    gateway_ready = value.get("gateway_ready", value["ready"])
    lines = [f"gateway  {value['gateway']}   {'ready' if gateway_ready else 'not ready'}"]
    if value["demo"]:
        lines.append(f"demo     {value['demo']}")
    for name, tenant in value["tenants"].items():
        why = f" ({tenant['reason']})" if tenant.get("reason") else ""
        lines.append(f"\ntenant {name}: {tenant['state']}{why}")
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
