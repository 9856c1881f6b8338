"""The tests' own control plane."""

import psutil
import pytest
from tests.cluster.control_plane import ControlPlane, kubectl
from tests.cluster.pod_manifests import until

pytestmark = pytest.mark.cluster


def controllers(plane: ControlPlane) -> list[psutil.Process]:
    mine = f"--kubeconfig={plane.kubeconfig()}"
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "kube-controller-manager" in command and mine in command:
            found.append(process)
    return found


def test_controllers_that_end_come_back(plane: ControlPlane):
    (first,) = controllers(plane)
    first.kill()
    until(lambda: [one for one in controllers(plane) if one.pid != first.pid], "another one")
    kubectl(plane, "create", "namespace", "after-a-kill")
    account = ("get", "serviceaccount", "default", "-n", "after-a-kill", "--ignore-not-found")
    until(lambda: kubectl(plane, *account), "what controllers make")
    kubectl(plane, "delete", "namespace", "after-a-kill", "--wait=false")
