"""`handrail-operator bootstrap`: Secrets that nobody else can make, once; then whether others' servers will do."""

import asyncio
import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import structlog
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from handrail_contracts import names
from handrail_operator import installation
from handrail_operator.chart_hooks import preflight
from handrail_operator.chart_hooks.wanted import Data, Own, wanted
from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import AlreadyExists

log = structlog.get_logger()

_MADE_BY = {names.LABEL_NAME: "handrail", names.LABEL_MANAGED_BY: names.FIELD_MANAGER}
_KNOWN = (
    names.PLATFORM_SECRET,
    names.GATEWAY_SECRET,
    names.NATS_SECRET,
    names.POSTGRES_SECRET,
    names.VALKEY_SECRET,
)


_NAME_AND_KEY = r"^([^/]+/[^/]+)?$"


class SecretTaken(Exception):
    """Somebody else's Secret has a name that is needed."""


class BootstrapSettings(BaseSettings):
    """Environment variables HANDRAIL_…"""

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", extra="ignore")

    namespace: str = Field("handrail", description="Namespace of the platform.")
    installation: Path = Field(description="File with the plans, the runtime's image and the network; it is checked.")
    nats_url: str = Field("", description="Address of a NATS that is not the chart's own; it is checked.")
    postgres_secret: str = Field(
        "", pattern=_NAME_AND_KEY, description="NAME/KEY of the Secret with the address of a PostgreSQL of others."
    )
    redis_secret: str = Field("", pattern=_NAME_AND_KEY, description="The same of a Redis or Valkey.")
    mail_secret: str = Field("", pattern=_NAME_AND_KEY, description="The same of a mail server.")
    own_postgres: str = Field("", description="host:port of the chart's own PostgreSQL.")
    own_valkey: str = Field("", description="host:port of the chart's own Valkey.")
    rotation: str = Field("", description="Another word than before asks for new signing keys.")
    patience: float = Field(20, gt=0, description="Seconds a server that is not the chart's own is waited for.")
    log_format: Literal["console", "json"] = Field("json", description="Lines for people or for machines.")


async def run(settings: BootstrapSettings, kubeconfig: Path | None) -> list[str]:
    """What is wrong, a line each; none: all is well. Raises InstallationInvalid, PlatformSecretUnusable, SecretTaken,
    ApiError, AccessMissing. May run as often as one likes, also by several at once."""
    network = installation.read(settings.installation).network
    own = Own(settings.own_postgres, settings.own_valkey)
    async with Cluster.connect(kubeconfig=kubeconfig) as cluster:
        made = await _ensure(cluster, settings.namespace, own, settings.rotation)
        addresses, missing = await _addresses(cluster, settings)
    ports = {names.POSTGRES_URL_FILE: network.postgres.port, names.ADMIN_REDIS_URL_FILE: network.redis.port}
    if network.smtp is not None:
        ports[names.SMTP_URL_FILE] = network.smtp.port
    async with asyncio.timeout(settings.patience + 30):
        return missing + await preflight.complaints(
            settings.nats_url, addresses, ports, made[names.PLATFORM_SECRET], settings.patience
        )


async def _addresses(cluster: Cluster, settings: BootstrapSettings) -> tuple[dict[str, str], list[str]]:
    """Others' servers by the names of their files, and what is missing. By the API, not as files: a pod whose Secret is
    not there never starts, and nobody is told why."""
    found: dict[str, str] = {}
    missing: list[str] = []
    wanted_secrets = {
        names.POSTGRES_URL_FILE: settings.postgres_secret,
        names.ADMIN_REDIS_URL_FILE: settings.redis_secret,
        names.SMTP_URL_FILE: settings.mail_secret,
    }
    for file, place in wanted_secrets.items():
        if not place:
            continue
        name, _, key = place.partition("/")
        where = f"Secret {name} of namespace {settings.namespace}"
        thing = await cluster.get(kinds.SECRET, settings.namespace, name)
        held = _read(thing) if thing is not None else {}
        if thing is None:
            create = f"kubectl -n {settings.namespace} create secret generic {name} --from-literal={key}=ADDRESS"
            missing.append(f"{where} is missing, which existingSecret names: {create}")
        elif key not in held:
            has = ", ".join(sorted(held)) or "nothing"
            missing.append(f"{where} has no key {key} (it has {has}): add it, or set existingSecret.key")
        else:
            found[file] = held[key]
    return found, missing


async def _ensure(cluster: Cluster, namespace: str, own: Own, rotation: str) -> dict[str, Data]:
    """All Secrets, as they stand now."""
    while True:
        found = {name: thing for name in _KNOWN if (thing := await cluster.get(kinds.SECRET, namespace, name))}
        for name, thing in found.items():
            _check_ours(name, namespace, thing)
        made = wanted({name: _read(thing) for name, thing in found.items()}, own, rotation)
        try:
            for name, data in made.items():
                await _write(cluster, namespace, name, data, found.get(name))
        except AlreadyExists:
            # Another bootstrap was quicker: what it made is what counts.
            continue
        return made


async def _write(cluster: Cluster, namespace: str, name: str, data: Data, found: Mapping[str, Any] | None) -> None:
    if found is not None and _read(found) == data:
        return
    manifest: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": _MADE_BY},
        "type": "Opaque",
        "data": {key: base64.b64encode(text.encode()).decode() for key, text in data.items()},
    }
    if found is None:
        await cluster.create(manifest)
    else:
        manifest["metadata"]["uid"] = found["metadata"]["uid"]
        await cluster.apply(manifest)
    log.info("secret made" if found is None else "secret completed", name=name, keys=sorted(data))


def _check_ours(name: str, namespace: str, thing: Mapping[str, Any]) -> None:
    labels = thing["metadata"].get("labels") or {}
    if labels.get(names.LABEL_MANAGED_BY) != names.FIELD_MANAGER:
        raise SecretTaken(
            f"Secret {name} of namespace {namespace} is somebody else's (no label {names.LABEL_MANAGED_BY}: "
            f"{names.FIELD_MANAGER}). Remove it, label it so if it is Handrail's, or install into another namespace."
        )


def _read(thing: Mapping[str, Any]) -> Data:
    return {key: base64.b64decode(text).decode() for key, text in (thing.get("data") or {}).items()}
