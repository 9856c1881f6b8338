"""How a Deployment's number of pods passes from the operator to an autoscaler. Pure.

A field that we applied and no longer name falls back to its default: one pod, until the autoscaler comes round to look,
where there were perhaps ten. So the number changes hands first: a word at the subresource `scale` takes it from us.
"""

from typing import Any

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.kube.managed_fields import decoded

Object = dict[str, Any]
SUBRESOURCE = "scale"


def steps(wanted: Object, live: Object) -> list[Object]:
    """A JSON patch of the Deployment's subresource `scale`, to come before the Deployment is applied. Empty where it
    needs none. The number grows by one, for only another value is another's; an autoscaler has at least that room."""
    if kinds.of(wanted) != kinds.DEPLOYMENT or "replicas" in wanted["spec"] or not _is_ours(live):
        return []
    now = live["spec"].get("replicas", 1)
    if now == 0:  # it slept, and wakes with one
        return []
    path = "/spec/replicas"
    return [{"op": "test", "path": path, "value": now}, {"op": "replace", "path": path, "value": now + 1}]


def _is_ours(live: Object) -> bool:
    return any(
        ("spec", "replicas") in decoded(entry.get("fieldsV1"))
        for entry in live["metadata"].get("managedFields") or []
        if entry.get("manager") == names.FIELD_MANAGER and entry.get("operation") == "Apply"
    )
