"""While no operator is there, tenants stay as they are and Kubernetes keeps their pods; one that comes back finds
everything as it should be and writes nothing."""

import time
from datetime import UTC, datetime

import pytest
from tests.cluster.audit import changes
from tests.cluster.kube_api import Object, eventually
from tests.cluster.stage import Stage

from handrail_contracts import names
from handrail_operator.kube.kinds import Kind

pytestmark = pytest.mark.cluster

POD = Kind("v1", "Pod", "pods")
LOOKS = "handrail_operator_reconcile_seconds_count"


def pods(stage: Stage, tenant: str) -> list[Object]:
    """Those that run."""
    found = stage.api.list(POD, names.namespace(tenant))
    return [
        one for one in found if one["status"].get("phase") == "Running" and "deletionTimestamp" not in one["metadata"]
    ]


AWAY = 600.0
"""Seconds. Half a minute of it, with pods that really run, is in `test_living_tenant.py`."""


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_tenants_stay_while_the_operator_is_away(stage: Stage):
    tenants = [stage.tenant() for _ in range(3)]
    with stage.taking(), stage.operator() as first:
        stage.await_probed(*tenants)
        eventually(lambda: not changes(stage.audit.writes(since=_seconds_ago(3))), "the last word is written")
        first.kill()
    since = datetime.now(UTC)
    before = {name: stage.looker.children(name) for name in tenants}
    (lost,) = pods(stage, tenants[0])
    kept = [one["metadata"]["uid"] for name in tenants[1:] for one in pods(stage, name)]
    stage.api.delete(POD, names.namespace(tenants[0]), lost["metadata"]["name"])
    eventually(lambda: pods(stage, tenants[0]), "another pod in the place of the one that was lost")
    time.sleep(max(0.0, AWAY - (datetime.now(UTC) - since).total_seconds()))
    assert [one["metadata"]["uid"] for name in tenants[1:] for one in pods(stage, name)] == kept
    with stage.taking(), stage.operator() as second:
        second.await_ready()
        eventually(lambda: _looks(second.metrics()) >= len(tenants), "all of them were looked at")
    theirs = [write for write in changes(stage.audit.writes(since=since)) if write.kind != POD.plural]
    assert [str(write) for write in theirs] == []
    assert {name: stage.looker.children(name) for name in tenants} == before


def _looks(metrics: str) -> float:
    return next((float(line.split()[1]) for line in metrics.splitlines() if line.startswith(f"{LOOKS} ")), 0.0)


def _seconds_ago(seconds: float) -> datetime:
    return datetime.fromtimestamp(time.time() - seconds, UTC)
