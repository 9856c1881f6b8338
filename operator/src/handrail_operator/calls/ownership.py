"""Who owns which field of a tenant's spec, the dashboard or others. Pure."""

from collections.abc import Callable, Collection, Iterator

from handrail_contracts import names
from handrail_operator.kube.managed_fields import Object, Path, decoded, encoded

_SPEC = "f:spec"


def is_ours(entry: Object) -> bool:
    """Whether an entry of managedFields is what we applied ourselves."""
    return entry.get("manager") == names.DASHBOARD_MANAGER and entry.get("operation") == "Apply" and _is_main(entry)


def owned(tenant: Object) -> set[Path]:
    """The spec's fields that the dashboard owns, alone or with others."""
    return {path for entry in _entries(tenant) if is_ours(entry) for path in _paths(entry)}


def others(tenant: Object) -> Iterator[tuple[str, bool, set[Path]]]:
    """Each manager but the dashboard: its name, whether it applies (server-side), what it owns of the spec."""
    for entry in _entries(tenant):
        if not is_ours(entry) and _is_main(entry):
            yield entry.get("manager", ""), entry.get("operation") == "Apply", _paths(entry)


def claimed(tenant: Object, fields: Collection[Path]) -> list[Object]:
    """managedFields where these fields are the dashboard's and nobody else's. What lies below them is not touched."""
    wanted = set(fields)
    mine = owned(tenant) | wanted
    kept = _changed(tenant, lambda entry, paths: mine if is_ours(entry) else paths - wanted)
    if any(is_ours(entry) for entry in kept):
        return kept
    return [*kept, _new_entry(mine)]


def released(tenant: Object, fields: Collection[Path]) -> list[Object]:
    """managedFields where these fields are no longer the dashboard's."""
    dropped = set(fields)
    return _changed(tenant, lambda entry, paths: paths - dropped if is_ours(entry) else paths)


# --- managedFields ----------------------------------------------------------------------------------------------


def _entries(tenant: Object) -> list[Object]:
    return tenant["metadata"].get("managedFields") or []


def _is_main(entry: Object) -> bool:
    """Of the object itself; status has owners of its own."""
    return not entry.get("subresource")


def _paths(entry: Object) -> set[Path]:
    return decoded((entry.get("fieldsV1") or {}).get(_SPEC))


def _changed(tenant: Object, change: Callable[[Object, set[Path]], set[Path]]) -> list[Object]:
    """managedFields with other owners of the spec's fields; entries that own nothing any more are left out."""
    found = []
    for entry in _entries(tenant):
        before = _paths(entry)
        after = change(entry, before) if _is_main(entry) else before
        if after == before:
            found.append(entry)
            continue
        fields = {key: value for key, value in (entry.get("fieldsV1") or {}).items() if key != _SPEC}
        if after:
            fields[_SPEC] = encoded(after)
        if fields:
            found.append(entry | {"fieldsV1": fields})
    return found


def _new_entry(paths: set[Path]) -> Object:
    return {
        "manager": names.DASHBOARD_MANAGER,
        "operation": "Apply",
        "apiVersion": names.API_VERSION,
        "fieldsType": "FieldsV1",
        "fieldsV1": {_SPEC: encoded(paths)},
    }
