"""How far a tenant's Deployments and its migration are. Pure: objects of the API server in, facts out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Migration = Literal["none", "running", "done", "failed"]


@dataclass(frozen=True)
class Rollout:
    """One Deployment, seen as its roles' state."""

    available: bool
    moving: bool
    """Something is being exchanged, or has yet to come up."""
    message: str = ""
    """Why it is not available, for a person."""
    deployment: str = ""
    """Its name, where it is not the role's own."""


ABSENT = Rollout(available=False, moving=True, message="It is not made yet.")


def of(deployment: dict[str, Any] | None) -> Rollout:
    if deployment is None:
        return ABSENT
    spec, status = deployment.get("spec", {}), deployment.get("status", {})
    wanted = spec.get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    updated, ready = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    conditions = {one["type"]: one for one in status.get("conditions", [])}
    settled = seen and updated >= wanted and ready >= wanted and status.get("replicas", 0) <= updated
    if (failure := conditions.get("ReplicaFailure", {})).get("status") == "True":
        return Rollout(settled, False, f"Pods cannot be made: {failure.get('message', '')}")
    stuck = conditions.get("Progressing", {}).get("reason") == "ProgressDeadlineExceeded"
    # Old pods serve while new ones come up: it is available as long as as many as wanted are.
    if ready >= wanted:
        return Rollout(True, not settled and not stuck, "" if settled else _exchange(wanted, status, seen=seen))
    reason = "Its pods do not get ready" if stuck else "Its pods are coming up"
    return Rollout(False, not stuck, f"{reason}: {ready} of {wanted} available.")


def _exchange(wanted: int, status: dict[str, Any], *, seen: bool) -> str:
    done = status.get("updatedReplicas", 0) if seen else 0
    if done < wanted:
        return f"{done} of {wanted} pods are new."
    before = status.get("replicas", 0) - done
    return f"All {wanted} new pods are made; {before} of before still to end."


def migration(job: dict[str, Any] | None) -> Migration:
    if job is None:
        return "none"
    found = {one["type"] for one in job.get("status", {}).get("conditions", []) if one.get("status") == "True"}
    if "Complete" in found:
        return "done"
    return "failed" if "Failed" in found else "running"


def ended_at(job: dict[str, Any]) -> float:
    """Seconds since 1970 at which a Job failed; 0 where it did not."""
    for one in job.get("status", {}).get("conditions", []):
        if one["type"] == "Failed" and one.get("status") == "True":
            return datetime.fromisoformat(one["lastTransitionTime"]).timestamp()
    return 0.0
