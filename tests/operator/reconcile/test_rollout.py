"""How far Deployments and Jobs are, by what the API server says of them."""

from typing import Any

import pytest

from handrail_operator.reconcile import rollout


def deployment(*, generation: int = 2, observed: int = 2, wanted: int = 2, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"generation": generation},
        "spec": {"replicas": wanted},
        "status": {"observedGeneration": observed, **status},
    }


def test_none_yet():
    assert rollout.of(None) == rollout.ABSENT


def test_all_pods_are_new_and_available():
    found = rollout.of(deployment(replicas=2, updatedReplicas=2, availableReplicas=2))
    assert (found.available, found.moving, found.message) == (True, False, "")


def test_what_its_controller_has_not_seen_moves_and_old_pods_serve():
    found = rollout.of(deployment(observed=1, replicas=2, updatedReplicas=2, availableReplicas=2))
    assert (found.available, found.moving) == (True, True)
    assert found.message == "0 of 2 pods are new."


def test_an_update_is_available_and_moving():
    found = rollout.of(deployment(replicas=3, updatedReplicas=1, availableReplicas=2))
    assert (found.available, found.moving) == (True, True)
    assert found.message == "1 of 2 pods are new."


def test_an_old_pod_that_ends_is_still_movement():
    found = rollout.of(deployment(replicas=3, updatedReplicas=2, availableReplicas=3))
    assert (found.available, found.moving) == (True, True)
    assert found.message == "All 2 new pods are made; 1 of before still to end."


def test_pods_that_come_up():
    found = rollout.of(deployment(replicas=2, updatedReplicas=2, availableReplicas=1))
    assert (found.available, found.moving) == (False, True)
    assert "1 of 2 available" in found.message


def test_stuck():
    stuck = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
    found = rollout.of(deployment(replicas=2, updatedReplicas=1, conditions=stuck))
    assert (found.available, found.moving) == (False, False)
    assert "do not get ready" in found.message


def test_pods_that_may_not_be_made_say_why():
    refused = [{"type": "ReplicaFailure", "status": "True", "message": 'exceeded quota: "handrail"'}]
    found = rollout.of(deployment(conditions=refused))
    assert (found.available, found.moving) == (False, False)
    assert 'exceeded quota: "handrail"' in found.message


def test_zero_pods_wanted():
    found = rollout.of(deployment(wanted=0))
    assert (found.available, found.moving) == (True, False)


@pytest.mark.parametrize(
    ("job", "state"),
    [
        (None, "none"),
        ({"status": {}}, "running"),
        ({"status": {"conditions": [{"type": "Complete", "status": "True"}]}}, "done"),
        ({"status": {"conditions": [{"type": "Failed", "status": "True"}]}}, "failed"),
        ({"status": {"conditions": [{"type": "FailureTarget", "status": "True"}]}}, "running"),
    ],
)
def test_a_migration(job, state):
    assert rollout.migration(job) == state


def test_when_a_job_failed():
    ended = [{"type": "Failed", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]
    assert rollout.ended_at({"status": {"conditions": ended}}) == 1767225600.0
    assert rollout.ended_at({"status": {}}) == 0.0
