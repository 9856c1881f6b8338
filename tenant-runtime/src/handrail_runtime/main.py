"""The command line: reads the settings, runs roles or brings a database up to date; what it does not do, it does not
import."""

import argparse
import sys

import structlog
from pydantic import ValidationError

from handrail_contracts import names
from handrail_runtime import logs
from handrail_runtime.settings import MissingSecret, Settings

log = structlog.get_logger()


def _migrate(settings: Settings) -> None:
    from handrail_runtime.data.migrate import MigrationError, migrate

    try:
        migrate(settings.secret(names.OWNER_DATABASE_URL_FILE))
    except MigrationError as error:
        log.error(str(error))
        sys.exit(1)


def _run(settings: Settings, role_names: list[str]) -> None:
    from handrail_runtime import faults, running

    try:
        running.run(settings, role_names)
    except faults.NotHere as error:
        log.error(str(error))
        sys.exit(1)


def main(argv: list[str] | None = None) -> None:
    """`python -m handrail_runtime run --roles ingest,agent,realtime` or `… migrate`."""
    parser = argparse.ArgumentParser(
        prog="handrail-runtime",
        description="One tenant's runtime.",
        epilog="Environment: "
        + "; ".join(f"HANDRAIL_{n.upper()}: {f.description}" for n, f in Settings.model_fields.items()),
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run roles until told to stop")
    run.add_argument("--roles", default=",".join(names.ROLES), help="some of ingest,agent,realtime")
    commands.add_parser("migrate", help="bring the database to this version's tables (owner role)")
    arguments = parser.parse_args(argv)
    try:
        settings = Settings()
    except ValidationError as error:
        for one in error.errors(include_url=False, include_context=False, include_input=False):
            setting = "HANDRAIL_" + "_".join(map(str, one["loc"])).upper()
            print(f"{setting}: {one['msg'].removeprefix('Value error, ')}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    logs.configure(settings.log_format, tenant=settings.tenant)
    try:
        if arguments.command == "migrate":
            _migrate(settings)
            return
        wanted = [name.strip() for name in arguments.roles.split(",") if name.strip()]
        if not wanted or not set(wanted) <= set(names.ROLES):
            parser.error(f"--roles takes some of {', '.join(names.ROLES)}")
        _run(settings, wanted)
    except MissingSecret as error:
        log.error(str(error))
        sys.exit(1)
