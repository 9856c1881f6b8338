"""The installation's file: the least of it, all of it, and what is refused with its place."""

from pathlib import Path

import msgspec
import pytest

from handrail_contracts.record import Limits
from handrail_operator.installation import Destination, InstallationInvalid, Peer, TenantAccess, read
from handrail_operator.plans import DEFAULT, PlanLimits

WHOLE = """
runtime:
  image: registry.test/handrail/runtime:1.2.3
  version: 1.2.3
  pullPolicy: Always
  pullSecrets: [registry]
  nodeSelector: {pool: tenants}
  tolerations: [{key: tenants, operator: Exists}]
  priorityClass: handrail-tenants
  logFormat: console
  mailFrom: alerts@handrail.test
network:
  dns: {port: 5353, peers: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: openshift-dns}}}]}
  nats: {port: 4222, peers: [{podSelector: {matchLabels: {app: nats}}, namespaceSelector: {}}]}
  postgres: {port: 6432, peers: [{ipBlock: {cidr: 10.3.0.0/24}}]}
  redis: {port: 6380}
  smtp: {port: 587}
  gateway: {namespaceSelector: {matchLabels: {gateway: here}}}
  monitoring: {namespaceSelector: {matchLabels: {monitoring: here}}}
  outboundPorts: [443, 8443]
  outboundAllowed: [10.20.0.0/16, "llm.corp.test:8000"]
  outboundInside: [{port: 8000, peers: [{namespaceSelector: {matchLabels: {models: here}}}]}]
tenantAccess: {serviceAccount: handrail-operator, clusterRole: handrail-tenant}
plans:
  small: {limits: {eventsPerSecond: 10}, eventsBytes: 1048576, signalsBytes: 1048576, databaseConnections: 4,
          combined: true, maxPods: 4, resources: {runtime: {cpu: 50m, memory: 300Mi}}}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "installation.yaml"
    path.write_text(text)
    return path


def plan(**fields: object) -> str:
    """A file with one plan."""
    given = {"limits": "{}", "eventsBytes": 1048576, "signalsBytes": 1048576, "databaseConnections": 4} | fields
    return f"runtime: {{image: a}}\nplans: {{tiny: {{{', '.join(f'{key}: {value}' for key, value in given.items())}}}}}"


def test_what_a_plan_says_is_what_a_record_holds():
    fields = {one.name: one.default for one in msgspec.structs.fields(PlanLimits)}
    assert fields == {one.name: one.default for one in msgspec.structs.fields(Limits)}


def test_an_image_is_enough(tmp_path):
    found = read(written(tmp_path, "runtime: {image: runtime:1}"))
    assert found.plans == DEFAULT
    assert (found.tenant_access, found.network.gateway, found.network.monitoring) == (None, None, None)
    assert found.network.outbound_ports == (443,)
    assert found.network.dns.peers[0].pod_selector == {"matchLabels": {"k8s-app": "kube-dns"}}


def test_all_of_it(tmp_path):
    found = read(written(tmp_path, WHOLE))
    assert found.runtime.tolerations == ({"key": "tenants", "operator": "Exists"},)
    assert found.network.postgres == Destination(6432, (Peer(ip_block={"cidr": "10.3.0.0/24"}),))
    assert found.network.outbound_allowed == ("10.20.0.0/16", "llm.corp.test:8000")
    assert found.network.outbound_inside[0].port == 8000
    assert found.tenant_access == TenantAccess("handrail-operator", "handrail-tenant")
    assert set(found.plans) == {"small"}
    assert (found.plans["small"].combined, found.plans["small"].limits.events_per_second) == (True, 10)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("runtime: {}", "missing required field `image` - at `$.runtime`"),
        ("runtime: {image: a, imagePolicy: x}", "unknown field `imagePolicy` - at `$.runtime`"),
        ("runtime: {image: a}\nnetwork: {nats: {}}", "missing required field `port` - at `$.network.nats`"),
        ("runtime: {image: a}\nnetwork: {nats: {port: '4222'}}", "at `$.network.nats.port`"),
        ("runtime: {image: a}\nplans: {small: {maxPods: 3}}", "at `$.plans[...]`"),
        (plan(limits="{eventPerSecond: 5}"), "unknown field `eventPerSecond`"),
        (plan(limits="{sockets: -1}"), "`int` >= 1 - at `$.plans[...].limits.sockets`"),
        (plan(eventsBytes=-5), "at `$.plans[...].eventsBytes`"),
        (plan(signalsBytes=0), "at `$.plans[...].signalsBytes`"),
        (plan(databaseConnections=0), "at `$.plans[...].databaseConnections`"),
        (plan(resources="{agentt: {cpu: 1m, memory: 1Mi}}"), "matching regex"),
        (plan().replace("tiny", "Bad Name"), "matching regex"),
        ("runtime: {image: a}\nnetwork: {nats: {port: 1, peers: [{ipBlock: {cdir: 10.0.0.0/8}}]}}", "has a `cidr`"),
        ("runtime: {image: a", "is not YAML"),
        ("", "Expected `object`, got `null`"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path, text, words):
    path = written(tmp_path, text)
    with pytest.raises(InstallationInvalid) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert words in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InstallationInvalid, match=r"none\.yaml cannot be read: No such file or directory"):
        read(tmp_path / "none.yaml")


def test_a_plan_without_limits_has_those_of_a_record_without_them():
    assert Limits(**msgspec.structs.asdict(PlanLimits())) == Limits()
