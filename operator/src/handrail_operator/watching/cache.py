"""What the watches have told: the tenants, and what stands in the cluster for each of them.

Objects rest as packed JSON, a tenth of what they are as Python values, and are made anew for whoever asks: what he
gets is his own. An older word never replaces a newer one: events of two objects of one name may come out of order.
"""

import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from handrail_contracts import names
from handrail_operator.kube.kinds import DEPLOYMENT, JOB, NAMESPACE, Kind
from handrail_operator.reconcile import rollout
from handrail_operator.watching.echoes import Echoes
from handrail_operator.watching.secret_versions import SecretVersions

Object = dict[str, Any]
Key = tuple[str, str, str]
"""Plural of the kind, namespace ("" for none), name."""

_FAST = 1
_READY = "Ready"


def version(thing: Object) -> int:
    """Of an object, comparable among those of one kind; 0 where the server does not count."""
    text = str(thing["metadata"].get("resourceVersion", ""))
    return int(text) if text.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class _Kept:
    uid: str
    version: int
    packed: bytes = field(repr=False)


@dataclass
class Tenants:
    """The OnboardingTenants by name."""

    _kept: dict[str, _Kept] = field(default_factory=dict)
    _ready: dict[str, str] = field(default_factory=dict)

    def put(self, tenant: Object) -> bool:
        """Whether there is news in it: all but what we told of it ourselves."""
        name = sys.intern(tenant["metadata"]["name"])
        before = self._kept.get(name)
        now = _Kept(tenant["metadata"]["uid"], version(tenant), _pack(tenant))
        if before is not None and before.version and before.version >= now.version:
            return False
        self._kept[name] = now
        self._ready[name] = _readiness(tenant)
        if before is None or before.uid != now.uid:
            return True
        known = _unpack(before.packed)
        rewritten = known.get("status") != tenant.get("status") and not _told(tenant)
        return _asked(known) != _asked(tenant) or (_held(known) and not _held(tenant)) or rewritten

    def drop(self, tenant: Object) -> bool:
        """Whether it was that very one."""
        return self.drop_uid(tenant["metadata"]["name"], tenant["metadata"]["uid"])

    def drop_uid(self, name: str, uid: str) -> bool:
        """As `drop`."""
        before = self._kept.get(name)
        if before is None or before.uid != uid:
            return False
        del self._kept[name], self._ready[name]
        return True

    def get(self, name: str) -> Object | None:
        """None: there is no such tenant."""
        found = self._kept.get(name)
        return _unpack(found.packed) if found else None

    def __contains__(self, name: str) -> bool:
        return name in self._kept

    def names(self) -> list[str]:
        return list(self._kept)

    def seen(self) -> dict[str, tuple[str, int]]:
        """By name: uid and version."""
        return {name: (one.uid, one.version) for name, one in self._kept.items()}

    def readiness(self) -> dict[str, int]:
        """Tenants by the status of their condition Ready: True, False, Unknown."""
        found = {"True": 0, "False": 0, "Unknown": 0}
        for one in self._ready.values():
            found[one] += 1
        return found


@dataclass
class Children:
    """What carries a tenant's label, by that tenant. Of Secrets there are `echoes`, and the versions alone."""

    echoes: Echoes = field(default_factory=Echoes)
    secrets: SecretVersions = field(default_factory=SecretVersions)

    _kept: dict[str, dict[Key, _Kept]] = field(default_factory=dict)
    _whose: dict[str, dict[Key, str]] = field(default_factory=dict)
    """The other way round, by kind."""

    def put(self, kind: Kind, thing: Object) -> list[str]:
        """The tenants that this is news to: none, one, or two when it went from one to another. What controllers
        write into its status is news only where a look would find something else than before."""
        key = key_of(kind, thing)
        tenant = sys.intern(str((thing["metadata"].get("labels") or {}).get(names.LABEL_TENANT, "")))
        owners = self._whose.setdefault(kind.plural, {})
        whose = owners.get(key)
        now = version(thing)
        whole = {"apiVersion": kind.api_version, "kind": kind.kind, **_lean(thing)}
        same = False
        if whose is not None:
            before = self._kept[whose][key]
            if before.version and before.version >= now:
                return []
            if whose != tenant:
                self._remove(whose, key)
            else:
                same = _matter(kind, _unpack(before.packed)) == _matter(kind, whole)
        told = [whose] if whose is not None and whose != tenant else []
        if tenant:
            self._kept.setdefault(tenant, {})[key] = _Kept(thing["metadata"]["uid"], now, _pack(whole))
            owners[key] = tenant
            if not same:
                told.append(tenant)
        return told

    def drop(self, kind: Kind, thing: Object) -> list[str]:
        """The tenant that this is news to."""
        return self.drop_uid(key_of(kind, thing), thing["metadata"]["uid"])

    def drop_uid(self, key: Key, uid: str) -> list[str]:
        """As `drop`."""
        tenant = self._whose.get(key[0], {}).get(key)
        if tenant is None or self._kept[tenant][key].uid != uid:
            return []
        self._remove(tenant, key)
        return [tenant]

    def of(self, tenant: str) -> dict[Key, Object]:
        """In namespaces."""
        return {key: _unpack(one.packed) for key, one in self._of(tenant) if key[0] != NAMESPACE.plural}

    def namespaces(self, tenant: str) -> list[Object]:
        """Those that carry the tenant's label."""
        return [_unpack(one.packed) for key, one in self._of(tenant) if key[0] == NAMESPACE.plural]

    def spaces(self, tenant: str) -> set[str]:
        """Their names; those that are going as well."""
        return {key[2] for key, _ in self._of(tenant) if key[0] == NAMESPACE.plural}

    def seen(self, kind: Kind) -> dict[Key, tuple[str, int]]:
        """Of one kind: uid and version."""
        return {
            key: (self._kept[tenant][key].uid, self._kept[tenant][key].version)
            for key, tenant in self._whose.get(kind.plural, {}).items()
        }

    def _of(self, tenant: str) -> Iterator[tuple[Key, _Kept]]:
        yield from self._kept.get(tenant, {}).items()

    def _remove(self, tenant: str, key: Key) -> None:
        del self._kept[tenant][key], self._whose[key[0]][key]
        if not self._kept[tenant]:
            del self._kept[tenant]


def key_of(kind: Kind, thing: Object) -> Key:
    meta = thing["metadata"]
    return kind.plural, sys.intern(meta.get("namespace", "")), sys.intern(meta["name"])


def _asked(tenant: Object) -> Any:
    """What people and programs ask for, as opposed to what is told of it."""
    meta = tenant["metadata"]
    asked = meta.get("generation"), meta.get("labels"), meta.get("annotations"), meta.get("deletionTimestamp")
    # Who else holds a deletion up is told in the status.
    held = [one for one in meta.get("finalizers") or [] if one != names.FINALIZER]
    return asked, held if meta.get("deletionTimestamp") else []


def _held(tenant: Object) -> bool:
    """Whether it cannot go without us. Only that it can is news: we put the finalizer there ourselves."""
    return names.FINALIZER in (tenant["metadata"].get("finalizers") or [])


def _told(tenant: Object) -> bool:
    """Whether its status is our word alone; one that somebody emptied, or wrote into, is to be told again."""
    entries = tenant["metadata"].get("managedFields") or []
    return {one.get("manager") for one in entries if one.get("subresource") == "status"} == {names.FIELD_MANAGER}


def _lean(thing: Object) -> Object:
    """Without what controllers say of their writes to the status: half of a Deployment."""
    meta = thing["metadata"]
    managed = [one for one in meta.get("managedFields") or [] if not one.get("subresource")]
    return {**thing, "metadata": {**meta, "managedFields": managed}}


def _matter(kind: Kind, thing: Object) -> Any:
    """What a look goes by. Ownership of fields is not: where it changes what is wanted, the fields change too."""
    state: Any = None
    if kind == DEPLOYMENT:
        state = rollout.of(thing)
    elif kind == JOB:
        state = rollout.migration(thing), rollout.ended_at(thing)
    meta = {key: value for key, value in thing["metadata"].items() if key not in ("resourceVersion", "managedFields")}
    # Controllers keep notes of their own there.
    notes = {key: value for key, value in (meta.pop("annotations", None) or {}).items() if key.startswith(names.GROUP)}
    return state, notes, meta, {key: value for key, value in thing.items() if key not in ("metadata", "status")}


def _readiness(tenant: Object) -> str:
    for one in (tenant.get("status") or {}).get("conditions") or []:
        if one.get("type") == _READY and one.get("status") in ("True", "False"):
            return str(one["status"])
    return "Unknown"


def _pack(thing: Object) -> bytes:
    return zlib.compress(msgspec.json.encode(thing), _FAST)


def _unpack(packed: bytes) -> Object:
    found: Object = msgspec.json.decode(zlib.decompress(packed))
    return found
