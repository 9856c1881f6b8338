"""The Secrets of a tenant's namespace that the operator makes. Each role's holds what that role needs and no more."""

import base64
from collections.abc import Mapping

from handrail_contracts import names
from handrail_contracts.secret_refs import runtime_references
from handrail_contracts.tenant_spec import SecretRef
from handrail_operator.kube import kinds
from handrail_operator.manifests.objects import child, digest
from handrail_operator.manifests.place import Manifest, Place
from handrail_operator.manifests.sizes import Size, sizes

_READ_ANEW = (names.PRINCIPAL_KEYS_FILE,)
"""Files that a running process reads again when they change."""
_DOCKER, _DOCKER_KEY = "kubernetes.io/dockerconfigjson", ".dockerconfigjson"


def secrets(place: Place) -> list[Manifest]:
    made = [_secret(place, names.MIGRATE, names.role_secret(names.MIGRATE), place.provisioned.owner_files)]
    for size in sizes(place):
        data = files(place, size) | variables(place, size)
        made.append(_secret(place, size.component, names.role_secret(size.component), data))
    made.append(_secret(place, None, names.KEYS_SECRET, _keys(place)))
    if not place.spec.identity.signing_secret_refs:
        made.append(_secret(place, None, names.IDENTITY_SECRET, {"current": place.secrets.identity_secret}))
    if place.registries:
        made.append(_secret(place, None, names.REGISTRY_SECRET, {_DOCKER_KEY: place.registries}, kind=_DOCKER))
    return made


def files(place: Place, size: Size) -> dict[str, str]:
    """What stands in the secrets folder of a Deployment's pods, references of the spec apart."""
    wanted = [names.DATABASE_URL_FILE, names.REDIS_URL_FILE, *map(names.creds_file, size.roles)]
    if "realtime" in size.roles:
        wanted.append(names.PRINCIPAL_KEYS_FILE)
    return {name: place.provisioned.runtime_files[name] for name in sorted(wanted)}


def variables(place: Place, size: Size) -> dict[str, str]:
    """What a Deployment's pods get as environment from their Secret."""
    mails = "agent" in size.roles and place.mails and place.smtp_url
    return {names.SMTP_URL_FILE: place.smtp_url} if mails else {}


def references(place: Place, size: Size) -> dict[str, list[str]]:
    """Secrets of the tenant that a Deployment's pods may read: name -> keys, both in order. Only the agent reads any,
    and never one that the operator made, whatever its label says."""
    wanted: set[SecretRef] = set(runtime_references(place.spec)) if "agent" in size.roles else set()
    found: dict[str, list[str]] = {}
    for one in sorted(wanted.intersection(place.usable_refs), key=lambda one: (one.name, one.key)):
        if not names.is_platform_secret(one.name):
            found.setdefault(one.name, []).append(one.key)
    return found


def credentials_digest(place: Place, size: Size) -> str:
    """Changes with what a pod reads at its start alone."""
    read_once = {name: text for name, text in files(place, size).items() if name not in _READ_ANEW}
    return digest(read_once | variables(place, size))


def _keys(place: Place) -> dict[str, str]:
    live = {key.key_id: key.key for key in place.secrets.keys}
    newest = {kind: place.secrets.newest(kind) for kind in ("publishable", "secret")}
    return live | {kind: key.key for kind, key in newest.items() if key is not None}


def _secret(
    place: Place, component: str | None, name: str, texts: Mapping[str, str], *, kind: str = "Opaque"
) -> Manifest:
    return child(
        place,
        kinds.SECRET,
        name,
        component=component,
        labels={names.LABEL_USE: names.USE_PLATFORM},
        type=kind,
        data={key: base64.b64encode(texts[key].encode()).decode() for key in sorted(texts)},
    )
