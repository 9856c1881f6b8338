"""A role that is given room to grow loses no pod on the way to its autoscaler, nor back."""

from typing import Any

import pytest
from tests.cluster.kube_api import eventually, tenant
from tests.cluster.stage import Stage

from handrail_contracts import names
from handrail_operator.kube import kinds

pytestmark = pytest.mark.cluster


def realtime(replicas: int, most: int) -> dict[str, Any]:
    return {"runtime": {"realtime": {"replicas": replicas, "maxReplicas": most}}}


def replicas(stage: Stage, name: str) -> int:
    found = stage.api.get(kinds.DEPLOYMENT, names.namespace(name), names.ALL_ROLES)
    assert found is not None
    return int(found["spec"]["replicas"])


def scaler(stage: Stage, name: str) -> object:
    return stage.api.get(kinds.AUTOSCALER, names.namespace(name), names.ALL_ROLES)


def test_no_pod_is_lost_when_a_fixed_number_becomes_a_range(stage: Stage):
    name = stage.tenant(**realtime(3, 3))
    space = names.namespace(name)
    with stage.operator():
        stage.await_settled(name)
        assert replicas(stage, name) == 3
        before = {one["metadata"]["uid"] for one in stage.api.list(kinds.Kind("v1", "Pod", "pods"), space)}
        stage.api.apply(tenant(name, **realtime(3, 5)))
        eventually(lambda: scaler(stage, name), "there is an autoscaler")
        stage.await_settled(name)
        # One more, by which the number became another's. Had it fallen to the default, the autoscaler would have
        # brought it to three again at most.
        assert replicas(stage, name) == 4
        after = stage.api.list(kinds.Kind("v1", "Pod", "pods"), space)
        runs = {one["metadata"]["uid"] for one in after if "deletionTimestamp" not in one["metadata"]}
        serving = {
            one["metadata"]["uid"] for one in after if one["metadata"]["labels"][names.LABEL_COMPONENT] == "runtime"
        }
        assert len(serving) == 4
        assert before & serving <= runs

        stage.api.apply(tenant(name, **realtime(2, 2)))
        eventually(lambda: scaler(stage, name) is None, "the autoscaler is gone")
        eventually(lambda: replicas(stage, name) == 2, "two, and no more")
        stage.await_settled(name)
