"""Who gets a turn when a watch tells something."""

from tests.operator.watching.objects import child, tenant

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.kube.kinds import NAMESPACE, TENANT
from handrail_operator.watching.cache import Children, Tenants
from handrail_operator.watching.told import Told


class Heard:
    """The queue's and the Secrets' side."""

    def __init__(self) -> None:
        self.touched: list[tuple[str, bool]] = []
        self.asked: list[bool] = []
        self.spaces: list[tuple[str, set[str]]] = []
        self.told = Told(Tenants(), Children(), self.touch, lambda name, spaces: self.spaces.append((name, spaces)))

    def touch(self, name: str, *, urgent: bool = False, asked: bool = False) -> None:
        self.touched.append((name, urgent))
        self.asked.append(asked)


def test_a_tenant_gets_a_turn_when_it_comes_changes_and_goes():
    heard = Heard()
    heard.told.hear(TENANT, None, tenant())
    heard.told.hear(TENANT, "MODIFIED", tenant(version=2, generation=2))
    heard.told.hear(TENANT, "DELETED", tenant(version=3))
    assert heard.touched == [("acme", True)] * 3
    assert heard.asked == [False, True, False], "nobody waits for what stood there before, or is gone"
    assert heard.told.tenants.names() == []


def test_somebody_waits_for_a_new_tenant_and_for_a_change_that_a_list_tells():
    heard = Heard()
    heard.told.hear(TENANT, "ADDED", tenant())
    heard.told.hear(TENANT, None, tenant(version=2, generation=2))
    assert heard.asked == [True, True]


def test_its_status_is_no_reason():
    heard = Heard()
    heard.told.hear(TENANT, "ADDED", tenant())
    ours = [{"manager": names.FIELD_MANAGER, "subresource": "status"}]
    told = tenant(version=2, managedFields=ours) | {"status": {"namespace": "handrail-acme"}}
    heard.told.hear(TENANT, "MODIFIED", told)
    assert heard.touched == [("acme", True)]


def test_a_child_gives_its_tenant_a_turn_once_that_is_known():
    heard = Heard()
    heard.told.hear(kinds.DEPLOYMENT, None, child())
    assert heard.touched == []
    heard.told.hear(TENANT, None, tenant())
    heard.told.hear(kinds.DEPLOYMENT, "MODIFIED", child(version=2, spec={"replicas": 3}))
    heard.told.hear(kinds.DEPLOYMENT, "MODIFIED", child(version=2, spec={"replicas": 3}))
    heard.told.hear(kinds.DEPLOYMENT, "DELETED", child(version=3))
    assert heard.touched == [("acme", True)] * 3


def test_secrets_are_watched_where_the_tenants_label_stands_as_long_as_there_is_the_tenant():
    heard = Heard()
    space = child("handrail-acme", kind=NAMESPACE, uid="n1")
    heard.told.hear(NAMESPACE, None, space)
    assert heard.spaces == [], "a stranger may write the label of a tenant that is not there"
    heard.told.hear(TENANT, None, tenant())
    heard.told.hear(NAMESPACE, "ADDED", child("extra", kind=NAMESPACE, uid="n2"))
    heard.told.hear(NAMESPACE, "DELETED", child("extra", kind=NAMESPACE, uid="n2", version=2))
    heard.told.hear(TENANT, "DELETED", tenant(version=9))
    assert heard.spaces == [
        ("acme", {"handrail-acme"}),
        ("acme", {"handrail-acme", "extra"}),
        ("acme", {"handrail-acme"}),
        ("acme", set()),
    ]


def test_what_ended_unheard_is_as_if_it_had_been_told():
    heard = Heard()
    heard.told.hear(TENANT, None, tenant())
    heard.told.hear(kinds.DEPLOYMENT, None, child())
    heard.told.missed(kinds.DEPLOYMENT, ("deployments", "handrail-acme", "web"), "c1")
    assert heard.told.children.of("acme") == {}
    heard.told.missed(TENANT, ("onboardingtenants", "", "acme"), "another")
    assert heard.told.tenants.names() == ["acme"]
    heard.told.missed(TENANT, ("onboardingtenants", "", "acme"), "u1")
    assert heard.told.tenants.names() == []
    assert heard.touched == [("acme", True)] * 4


def test_an_echo_of_our_own_write_is_kept_and_gives_no_turn():
    heard = Heard()
    heard.told.hear(TENANT, None, tenant())
    heard.touched.clear()
    key = ("deployments", "handrail-acme", "web")
    echoes = heard.told.children.echoes
    echoes.writes(key)
    heard.told.hear(kinds.DEPLOYMENT, "ADDED", child(version=5))
    assert not echoes.wrote(key, 5)
    assert heard.touched == []
    assert heard.told.children.seen(kinds.DEPLOYMENT) == {key: ("c1", 5)}
    heard.told.hear(kinds.DEPLOYMENT, "MODIFIED", child(version=6, spec={"replicas": 3}))
    assert heard.touched == [("acme", True)]
