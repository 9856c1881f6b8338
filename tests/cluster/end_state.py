"""What a tenant has come to, everywhere: in the cluster and on the three servers, without what differs each time.

Two tenants of the same spec have equal end states, whatever happened on the way. Random values are not compared;
that they fit together is: each credential in a Secret opens its door, each key is known to the gateway.
"""

import asyncio
import re
from base64 import b64decode
from dataclasses import dataclass
from typing import Any

import asyncpg
import nats
from asyncpg.exceptions import PostgresError
from nats.aio.client import RawCredentials
from nats.js.errors import KeyNotFoundError
from redis.asyncio import Redis
from tests.cluster.kube_api import KubeApi
from tests.cluster.operators import PLATFORM

from handrail_contracts import names, record
from handrail_operator.kube import kinds
from handrail_operator.provision import keyring
from handrail_operator.provision.keyring import TenantSecrets
from handrail_operator.provision.platform import Access, open_platform
from handrail_operator.provision.tenant import inside

Object = dict[str, Any]
_RANDOM = re.compile(r"[0-9]{15,}-[0-9]+|[0-9a-f]{8,}")
"""Digests, ids; and what a database is known by."""
_OF_THE_SERVER = {
    "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "deletionTimestamp",
}  # fmt: skip
_OF_JOBS = {"controller-uid", "batch.kubernetes.io/controller-uid"}
_OF_KUBERNETES = {("serviceaccounts", "default")}
_REVISION = "deployment.kubernetes.io/revision"
_OF_PROBES = ("DataPath", "Degraded")
"""Conditions that say what became of a probe of pods, which nobody runs here."""


_ABSENT = "(absent)"


@dataclass(frozen=True)
class Looker:
    """Reads end states."""

    api: KubeApi
    access: Access

    def of(self, name: str) -> Object:
        """Of a tenant, there or gone."""
        found = self.api.get(kinds.TENANT, None, name)
        secrets = self.keyring(name)
        space = names.namespace(name)
        namespace = self.api.get(kinds.NAMESPACE, None, space)
        children = self._children(space) if namespace and "deletionTimestamp" not in namespace["metadata"] else {}
        seen: Object = _anonymous(
            {
                "tenant": _told(found),
                "namespace": _bare(namespace) if children else None,
                "children": {key: _bare(one) for key, one in children.items()},
                "keyring": _shape(secrets),
                "servers": asyncio.run(self._servers(name, secrets, children)),
            },
            name,
        )
        return seen

    def children(self, name: str) -> dict[str, Object]:
        """A tenant's objects as they stand, values of Secrets included, without what comes and goes by itself."""
        space = names.namespace(name)
        found = {"namespace": self.api.get(kinds.NAMESPACE, None, space), **self._children(space)}
        return {key: _steady(one) for key, one in found.items() if one is not None and not key.startswith("jobs/")}

    def keyring(self, name: str) -> TenantSecrets | None:
        held = self.api.get(kinds.SECRET, PLATFORM, names.keyring_secret(name))
        return keyring.decode_tenant(b64decode(held["data"][names.KEYRING_KEY])) if held else None

    def databases(self) -> set[str]:
        """Of all tenants."""
        return asyncio.run(self._databases())

    # --- parts -----------------------------------------------------------------------------------------------

    def _children(self, space: str) -> dict[str, Object]:
        found = {}
        for kind in kinds.CHILDREN:
            for one in self.api.list(kind, space):
                if (kind.plural, one["metadata"]["name"]) not in _OF_KUBERNETES:
                    found[f"{kind.plural}/{one['metadata']['name']}"] = one
        return found

    async def _databases(self) -> set[str]:
        connection = await asyncpg.connect(self.access.postgres_url)
        try:
            found = await connection.fetch("SELECT datname FROM pg_database WHERE datname LIKE 'hr\\_%'")
        finally:
            await connection.close()
        return {row["datname"] for row in found}

    async def _servers(self, name: str, secrets: TenantSecrets | None, children: dict[str, Object]) -> Object:
        found: Object = {"record": await self._record(name, secrets)}
        if secrets is None:
            return found
        found["database"] = secrets.database in await self._databases()
        if children:
            found["doors"] = await self._doors(children)
            found["streams"] = await self._streams(secrets)
        return found

    async def _record(self, name: str, secrets: TenantSecrets | None) -> Object | None:
        async with open_platform(self.access) as platform:
            bucket = await platform.account.jetstream().key_value(names.TENANTS_BUCKET)
            try:
                value = (await bucket.get(name)).value
            except KeyNotFoundError:
                return None
        if value is None:
            return None
        known = record.decode_record(value)
        return {
            "phase": known.phase,
            "origins": known.origins,
            "realtime": known.realtime,
            "spec": known.spec,
            "keys fit": secrets is not None and known.keys == [key.record() for key in secrets.keys],
            "identity fits": secrets is not None
            and [one.value for one in known.identity_secrets] == [secrets.identity_secret],
        }

    async def _doors(self, children: dict[str, Object]) -> list[str]:
        """Which of the credentials in Secrets get in."""
        opened = []
        for key, secret in sorted(children.items()):
            if not key.startswith("secrets/"):
                continue
            for file, value in sorted((secret.get("data") or {}).items()):
                if await _opens(file, b64decode(value).decode(), self.access.nats_url):
                    opened.append(f"{key} {file}")
        return opened

    async def _streams(self, secrets: TenantSecrets) -> dict[str, list[str]]:
        async with inside(self.access, secrets) as client:
            js = client.jetstream()
            found = {}
            for one in await js.streams_info():
                consumers = await js.consumers_info(str(one.config.name))
                found[str(one.config.name)] = sorted(consumer.name for consumer in consumers)
            return found


async def _opens(file: str, text: str, nats_url: str) -> bool:
    if file in (names.DATABASE_URL_FILE, names.OWNER_DATABASE_URL_FILE):
        try:
            connection = await asyncpg.connect(text.strip(), timeout=10)
        except (OSError, PostgresError):
            return False
        await connection.close()
        return True
    if file == names.REDIS_URL_FILE:
        store = Redis.from_url(text.strip())
        try:
            return bool(await store.ping())
        finally:
            await store.aclose()
    if file.endswith(".creds"):
        return await _nats_opens(text, nats_url)
    return False


async def _nats_opens(text: str, nats_url: str) -> bool:
    async def quiet(_: Exception) -> None:
        pass

    try:
        client = await nats.connect(
            nats_url, user_credentials=RawCredentials(text),
            allow_reconnect=False, connect_timeout=10, error_cb=quiet,
        )  # fmt: skip
    except Exception:  # noqa: BLE001 - refused in any way is refused
        return False
    await client.close()
    return True


def _told(tenant: Object | None) -> Object | None:
    if tenant is None:
        return None
    status = tenant.get("status") or {}
    return {
        "finalizers": tenant["metadata"].get("finalizers"),
        "conditions": {
            one["type"]: (one["status"], one["reason"])
            for one in status.get("conditions", [])
            if one["type"] not in _OF_PROBES
        },
        "up to date": status.get("observedGeneration") == tenant["metadata"]["generation"],
        "version": status.get("version"),
        "namespace": status.get("namespace"),
    }


def _steady(thing: Object) -> Object:
    found = _bare(thing) or {}
    if thing["kind"] == "Secret":
        found["data"] = thing.get("data")
    annotations = found["metadata"].get("annotations", {})
    return found | {
        "metadata": found["metadata"]
        | {"annotations": {key: value for key, value in annotations.items() if key != _REVISION}}
    }


def _bare(thing: Object | None) -> Object | None:
    """Without what the API server and its controllers add at their own time."""
    if thing is None:
        return None
    metadata = {key: value for key, value in thing["metadata"].items() if key not in _OF_THE_SERVER}
    found = {key: value for key, value in thing.items() if key != "status"} | {"metadata": metadata}
    if thing["kind"] == "Secret":
        found["data"] = _secret_shape(thing.get("data") or {})
    if thing["kind"] == "Job":
        found["spec"] = _without(thing["spec"], _OF_JOBS)
    bare: Object = _without(found, {"uid"})
    return bare


def _without(value: Any, names_of: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(one, names_of) for key, one in value.items() if key not in names_of}
    return [_without(one, names_of) for one in value] if isinstance(value, list) else value


def _secret_shape(data: dict[str, str]) -> list[str]:
    """Its keys; of API keys, which are named at random, their kind."""
    found = []
    for key, value in data.items():
        text = b64decode(value).decode()
        keyed = text[:3] if text[:3] in ("pk_", "sk_") and key not in ("publishable", "secret") else key
        found.append(keyed if text else f"{keyed} (empty)")
    return sorted(found)


def _shape(secrets: TenantSecrets | None) -> Object | None:
    if secrets is None:
        return None
    return {
        "keys": [key.kind for key in secrets.keys],
        "generation": secrets.generation,
        "previous": len(secrets.previous),
        "empty": sorted(key for key in secrets.__struct_fields__ if getattr(secrets, key) in ("", [])),
    }


def _anonymous(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {_anonymous(key, name): _anonymous(one, name) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_anonymous(one, name) for one in value]
    return _RANDOM.sub("#", value.replace(name, "TENANT")) if isinstance(value, str) else value


def differences(found: Any, expected: Any, place: str = "") -> list[str]:
    """Where two end states part, for people; nothing where they are alike."""
    if isinstance(found, dict) and isinstance(expected, dict):
        keys = sorted(found.keys() | expected.keys(), key=str)
        return [
            line
            for key in keys
            for line in differences(found.get(key, _ABSENT), expected.get(key, _ABSENT), f"{place}.{key}")
        ]
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        pairs = enumerate(zip(found, expected, strict=True))
        return [line for number, (one, other) in pairs for line in differences(one, other, f"{place}[{number}]")]
    return [] if found == expected else [f"{place.lstrip('.')}: {found!r}, expected {expected!r}"]
