"""Composition root of the demo: environment, config file, server."""

import sys

import uvicorn
from pydantic import ValidationError

from handrail_cli.demo.app import create_app
from handrail_cli.demo.config_file import ConfigFile
from handrail_cli.demo.settings import Settings
from handrail_cli.demo.visitors import Visitors

_GRACE_SECONDS = 2


def main() -> int:
    """Serves until told to stop. Exit code 1 where the environment is wrong."""
    try:
        settings = Settings()
    except ValidationError as error:
        print(f"the demo's environment is wrong: {error}", file=sys.stderr)  # noqa: T201 - no log is set up yet
        return 1
    app = create_app(ConfigFile(settings.demo_config), Visitors())
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return 0
