"""Who holds a field against the dashboard. Pure.

The API server makes whoever creates an object the owner of all its fields, defaults that he never wrote included. If
these counted, nobody but he could edit the config of a tenant that came by `kubectl apply` or `kubectl create`. So:
who applies server-side holds what he says; who applies by kubectl's own way, what stands in his file; anybody else,
what differs from the default.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handrail_operator.calls import ownership
from handrail_operator.calls.fields import default, fields
from handrail_operator.kube.managed_fields import Object, Path

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True)
class Holders:
    mine: set[Path]
    """Of the dashboard, alone or with others."""
    others: Mapping[Path, list[str]]
    """Managers that hold a field."""
    loose: set[Path]
    """Defaults that another owns and does not hold: he must be relieved of them before they can change."""


def holders(tenant: Object, live: Mapping[Path, Any]) -> Holders:
    """`live`: the fields of the stored spec."""
    said = _in_file(tenant)
    others: dict[Path, list[str]] = {}
    loose: set[Path] = set()
    for manager, applies, paths in ownership.others(tenant):
        for path in paths:
            if applies or path in said or path not in live or live[path] != default(path):
                managers = others.setdefault(path, [])
                if manager not in managers:
                    managers.append(manager)
            else:
                loose.add(path)
    return Holders(ownership.owned(tenant), others, loose - others.keys())


def _in_file(tenant: Object) -> set[Path]:
    """What kubectl last sent from a file."""
    text = (tenant["metadata"].get("annotations") or {}).get(_LAST_APPLIED, "")
    try:
        return set(fields(json.loads(text)["spec"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return set()  # There is none, or somebody wrote it himself.
