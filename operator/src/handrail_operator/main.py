"""The composition root: reads settings, files and where the cluster is, runs the operator, ends on a signal."""

import argparse
import asyncio
import sys
from asyncio import sslproto
from collections.abc import Sequence

import msgspec
from prometheus_client import disable_created_metrics
from pydantic import ValidationError

from handrail_contracts import names
from handrail_operator import installation, logs
from handrail_operator.installation import InstallationInvalid
from handrail_operator.kube import access as api_access
from handrail_operator.kube.access import AccessMissing
from handrail_operator.probes import PortTaken
from handrail_operator.provision.keyring import PlatformSecrets
from handrail_operator.provision.platform import Access
from handrail_operator.running import Operator
from handrail_operator.settings import MissingSecret, Settings


class SecretInvalid(Exception):
    """A secret file holds something else."""


def main(argv: Sequence[str] | None = None) -> int:
    """`handrail-operator run`. Returns the exit code: 2 for what its environment lacks."""
    parser = argparse.ArgumentParser(
        prog="handrail-operator",
        description="Makes an isolated, running tenant of each OnboardingTenant.",
        epilog=_describe(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "run",
        help="work until SIGTERM",
        epilog=_describe(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(argv)
    _lean_connections()
    disable_created_metrics()  # type: ignore[no-untyped-call]
    try:
        return asyncio.run(_run())
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False):
            _complain(f"{_variable(item['loc'])}: {item['msg']}")
        return 2
    except (MissingSecret, SecretInvalid, InstallationInvalid, AccessMissing, PortTaken) as error:
        _complain(f"the operator cannot start: {error}")
        return 2


async def _run() -> int:
    settings = Settings()
    logs.configure(settings.log_format)
    found = installation.read(settings.installation)
    access = Access(
        nats_url=settings.nats_url,
        postgres_url=settings.secret(names.POSTGRES_URL_FILE),
        redis_url=settings.secret(names.ADMIN_REDIS_URL_FILE),
        secrets=_platform_secrets(settings),
        plans=found.plans,
    )
    return await Operator(settings, found, access, api_access.kubeconfig()).run()


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


def _describe() -> str:
    rows = [f"  HANDRAIL_{name.upper():22} {field.description}" for name, field in Settings.model_fields.items()]
    return "environment:\n" + "\n".join(rows)


def _complain(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201
