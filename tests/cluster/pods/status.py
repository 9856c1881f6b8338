"""A pod's status from its containers, as a kubelet tells it. Pure."""

from typing import Any

from tests.cluster.pods.addresses import told
from tests.cluster.pods.api import Object


def phase(policy: str, init: list[Object], containers: list[Object], *, over: bool) -> str:
    """`over`: none of its containers will be started again."""
    codes = [one["state"].get("terminated", {}).get("exitCode") for one in containers]
    if any(one["state"].get("terminated", {}).get("exitCode", 0) for one in init) and policy == "Never":
        return "Failed"
    if over:
        return "Succeeded" if all(code == 0 for code in codes) else "Failed"
    begun = any("waiting" not in one["state"] or one["restartCount"] for one in containers)
    return "Running" if begun else "Pending"


def compose(
    pod: Object,
    before: Object,
    address: str,
    host: str,
    init: list[Object],
    containers: list[Object],
    *,
    over: bool,
    sandbox: bool,
    moment: str,
) -> Object:
    """The whole status but what the scheduler wrote. `before`: what was told last. `sandbox`: its volumes are there.
    `moment`: RFC 3339."""
    found = phase(pod["spec"].get("restartPolicy", "Always"), init, containers, over=over)
    initialized = all(one["state"].get("terminated", {}).get("exitCode") == 0 for one in init)
    unready = [one["name"] for one in containers if not one["ready"]]
    ended = found in {"Succeeded", "Failed"}
    why = {} if not ended else {"reason": "PodCompleted" if found == "Succeeded" else "PodFailed"}
    lacking = why or {
        "reason": "ContainersNotReady",
        "message": f"containers with unready status: [{' '.join(unready)}]",
    }
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates", [])]
    given = {one["type"]: one["status"] for one in pod.get("status", {}).get("conditions", [])}
    ready = not unready and not ended
    truths: dict[str, tuple[bool, dict[str, str]]] = {
        "PodReadyToStartContainers": (sandbox and not ended, {}),
        "Initialized": (initialized, {} if initialized else {"reason": "ContainersNotInitialized"}),
        "ContainersReady": (ready, {} if ready else lacking),
        "Ready": (ready and all(given.get(gate) == "True" for gate in gates), {} if ready else lacking),
    }
    held = {one["type"]: one for one in before.get("conditions", [])}
    conditions = [_condition(kind, good, more, held.get(kind), moment) for kind, (good, more) in truths.items()]
    status: dict[str, Any] = {
        "phase": found,
        "conditions": conditions,
        "hostIP": host,
        "podIP": told(address),
        "podIPs": [{"ip": told(address)}],
        "containerStatuses": containers,
        "startTime": before.get("startTime", moment),
    }
    return status | ({"initContainerStatuses": init} if init else {})


def _condition(kind: str, good: bool, more: dict[str, str], before: Object | None, moment: str) -> Object:
    said = "True" if good else "False"
    since = before["lastTransitionTime"] if before and before["status"] == said else moment
    # Null takes away what an earlier status said.
    return {"type": kind, "status": said, "lastTransitionTime": since, "reason": None, "message": None} | more
