"""When the number of pods passes to an autoscaler, and when there is nothing to pass."""

from typing import Any

import pytest
from tests.operator.manifests import places

from handrail_operator.manifests import tenant
from handrail_operator.reconcile import handover


def deployment(replicas: int, most: int) -> Any:
    wanted = places.spec(runtime={"ingest": {"replicas": replicas, "maxReplicas": most}})
    return places.by_name(tenant.workloads(places.place(wanted)))["Deployment", "ingest"]


def live(replicas: int, manager: str = "handrail-operator", **entry: str) -> Any:
    fields: Any = {"f:spec": {"f:replicas": {}}}
    managed = {"manager": manager, "operation": "Apply", "fieldsV1": fields} | entry
    return {"metadata": {"managedFields": [managed]}, "spec": {"replicas": replicas}}


def test_our_number_is_passed_on():
    assert handover.steps(deployment(3, 6), live(3)) == [
        {"op": "test", "path": "/spec/replicas", "value": 3},
        {"op": "replace", "path": "/spec/replicas", "value": 4},
    ]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (deployment(3, 3), live(3)),
        (deployment(3, 6), live(4, "kube-controller-manager", operation="Update", subresource="scale")),
        (deployment(3, 6), live(4, "handrail-operator", operation="Update", subresource="scale")),
        (deployment(3, 6), live(0)),
        (deployment(3, 6), {"metadata": {}, "spec": {}}),
        (tenant.namespace("acme", places.UID), live(3)),
    ],
    ids=["fixed", "autoscaler's", "passed-on", "asleep", "nobody's", "no-deployment"],
)
def test_there_is_nothing_to_pass_on(wanted, found):
    assert handover.steps(wanted, found) == []
