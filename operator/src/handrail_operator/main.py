"""The composition root: reads settings, files and where the cluster is; works until a signal, or does one thing."""

import argparse
import asyncio
import gc
import sys
from asyncio import sslproto
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec
from prometheus_client import disable_created_metrics
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from handrail_contracts import names
from handrail_operator import installation, logs
from handrail_operator.chart_hooks import bootstrap, selftest, uninstall
from handrail_operator.chart_hooks.bootstrap import BootstrapSettings, SecretTaken
from handrail_operator.chart_hooks.selftest import Failed, SelftestSettings
from handrail_operator.chart_hooks.uninstall import UninstallSettings
from handrail_operator.chart_hooks.wanted import PlatformSecretUnusable
from handrail_operator.installation import InstallationInvalid
from handrail_operator.kube import access as api_access
from handrail_operator.kube.access import AccessMissing
from handrail_operator.kube.errors import ApiError, Forbidden, Unreachable
from handrail_operator.probes import PortTaken
from handrail_operator.provision.keyring import PlatformSecrets
from handrail_operator.provision.platform import Access
from handrail_operator.settings import MissingSecret, SecretInvalid, Settings


@dataclass(frozen=True)
class _Command:
    help: str
    run: Callable[[], Awaitable[int]]
    settings: type[BaseSettings] | None = None


def main(argv: Sequence[str] | None = None) -> int:
    """`handrail-operator COMMAND`. Returns the exit code: 1 where it found something wrong, 2 for what its environment
    lacks."""
    parser = argparse.ArgumentParser(
        prog="handrail-operator",
        description="Makes an isolated, running tenant of each OnboardingTenant.",
        epilog=_describe(Settings),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in _COMMANDS.items():
        commands.add_parser(
            name,
            help=command.help,
            epilog=_describe(command.settings) if command.settings else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    given = parser.parse_args(argv)
    gc.freeze()
    gc.enable()
    _lean_connections()
    disable_created_metrics()  # type: ignore[no-untyped-call]
    try:
        return asyncio.run(_outcome(_COMMANDS[given.command].run))
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False):
            _complain(f"{_variable(item['loc'])}: {item['msg']}")
        return 2
    except (MissingSecret, SecretInvalid, InstallationInvalid, AccessMissing, PortTaken) as error:
        _complain(f"the operator cannot start: {error}")
        return 2


async def _outcome(command: Callable[[], Awaitable[int]]) -> int:
    try:
        return await command()
    except (PlatformSecretUnusable, SecretTaken, Failed) as error:
        _complain(str(error))
    except Unreachable as error:
        _complain(f"{error.message}. Run the same again once it can be (networkPolicies.apiServer must let this pod).")
    except Forbidden as error:
        _complain(f"the API server: {error.message}. Rights that the chart gives come back with helm upgrade.")
    except ApiError as error:
        _complain(f"the API server: {error.message}")
    return 1


async def _run() -> int:
    settings = Settings()
    logs.configure(settings.log_format)
    found = installation.read(settings.installation)
    access = Access(
        nats_url=settings.nats_url,
        postgres_url=settings.address(names.POSTGRES_URL_FILE, "postgresql", "postgres"),
        redis_url=settings.address(names.ADMIN_REDIS_URL_FILE, "redis", "rediss"),
        secrets=_platform_secrets(settings),
        plans=found.plans,
    )
    # Kopf and all that works on tenants: a second of importing that no other command needs.
    from handrail_operator.running import Operator

    return await Operator(settings, found, access, api_access.kubeconfig()).run()


async def _bootstrap() -> int:
    settings = BootstrapSettings()
    logs.configure(settings.log_format)
    wrong = await bootstrap.run(settings, api_access.kubeconfig())
    for line in wrong:
        _complain(line)
    return 1 if wrong else 0


async def _may_uninstall() -> int:
    reason = await uninstall.reason_to_stay(UninstallSettings(), api_access.kubeconfig())
    if reason:
        _complain(reason)
    return 1 if reason else 0


async def _selftest() -> int:
    settings = SelftestSettings()
    logs.configure(settings.log_format)
    await selftest.run(settings, api_access.kubeconfig())
    return 0


_COMMANDS = {
    "run": _Command("work until SIGTERM", _run, Settings),
    "bootstrap": _Command(
        "make the platform's own Secrets, once; check others' servers", _bootstrap, BootstrapSettings
    ),
    "may-uninstall": _Command("exit 1 while there are tenants", _may_uninstall, UninstallSettings),
    "selftest": _Command("use two tenants as a browser would", _selftest, SelftestSettings),
}


def _platform_secrets(settings: Settings) -> PlatformSecrets:
    text = settings.secret(names.PLATFORM_FILE)
    try:
        return msgspec.json.decode(text, type=PlatformSecrets)
    except msgspec.MsgspecError as error:
        # Its words name a field and never quote it.
        raise SecretInvalid(f"the secret file {names.PLATFORM_FILE} cannot be used: {error}") from error


def _lean_connections() -> None:
    """asyncio's TLS keeps 256 KiB for what one read may bring; a thousand watches that hardly ever read need less."""
    sslproto.SSLProtocol.max_size = 16 * 1024


def _variable(place: tuple[int | str, ...]) -> str:
    return "_".join(["HANDRAIL", *map(str, place)]).upper() if place else "settings"


def _describe(settings: type[BaseSettings]) -> str:
    rows = [f"  HANDRAIL_{name.upper():22} {field.description}" for name, field in settings.model_fields.items()]
    return "environment:\n" + "\n".join(rows)


def _complain(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201
