"""Credentials of container registries. Pods find such Secrets in their own namespace alone, so those of the platform,
files here, are put together into one Secret of each tenant's namespace.
"""

import json
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger()


class Registries:
    """`folder`: one file `<name>.json` for each of `names`, as `kubectl create secret docker-registry` writes it. Read
    anew at each call: a kubelet renews the files."""

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self._folder = folder
        self._names = names
        self._told: dict[str, str] = {}

    def together(self) -> str:
        """All of them as one Docker config, the same text for the same content; empty where none is named. Where two
        know the same registry, the first counts. What cannot be read is left out, and said once."""
        if not self._names:
            return ""
        found: dict[str, Any] = {}
        for name in reversed(self._names):
            found |= self._logins(name)
        return json.dumps({"auths": found}, sort_keys=True)

    def _logins(self, name: str) -> dict[str, Any]:
        try:
            logins = json.loads((self._folder / f"{name}.json").read_bytes())["auths"]
            if not isinstance(logins, dict):
                raise TypeError
        except FileNotFoundError:
            self._tell(name, "there is no such Secret, or it lacks the key .dockerconfigjson")
            return {}
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            self._tell(name, "it holds no Docker config with auths")
            return {}
        self._told.pop(name, None)
        return logins

    def _tell(self, name: str, why: str) -> None:
        if self._told.get(name) != why:
            self._told[name] = why
            log.warning("tenants' pods pull their image without a Secret of images.pullSecrets", secret=name, why=why)
