"""One tenant on a real API server, and who works on its config."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.cluster.control_plane import ControlPlane, kubectl

from handrail_contracts import names
from handrail_contracts.operator_calls import ConfigEdit, HandBack, OperatorReply, ReplyProblem
from handrail_operator.calls import ownership
from handrail_operator.calls.answers import Answers
from handrail_operator.kube import kinds, managed_fields
from handrail_operator.kube.client import Cluster
from handrail_operator.plans import DEFAULT
from handrail_operator.reconcile.keyrings import Keyrings

GIT = "argocd-controller"
SPEC: dict[str, Any] = {
    "displayName": "Acme",
    "origins": ["https://a.test"],
    "tone": {"voice": "formal"},
    "nudges": {"cooldown": "300s"},
    "baselines": [
        {
            "name": "one",
            "success": {"event": "submit"},
            "steps": [{"name": "a", "event": "click", "within": "60s"}, {"name": "b", "event": "click"}],
        }
    ],
    "escalation": {"webhooks": [{"name": "support", "urlSecretRef": {"name": "hooks", "key": "support"}}]},
}


@dataclass
class Room:
    """One tenant, and who works on it."""

    cluster: Cluster
    plane: ControlPlane
    name: str
    touched: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        async def publish(name: str) -> None:
            self.touched.append(name)

        keyrings = Keyrings(self.cluster, "default")
        self.desk = Answers(self.cluster, keyrings, DEFAULT, touch=self.touched.append, publish=publish)

    def document(self, spec: Any) -> dict[str, Any]:
        return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": self.name}, "spec": spec}

    async def git(self, spec: Any, *, force: bool = False) -> dict[str, Any]:
        return await self.cluster.apply(self.document(spec), manager=GIT, force=force)

    def kubectl(self, *arguments: str, spec: Any = None) -> str:
        return kubectl(self.plane, *arguments, text=json.dumps(self.document(spec)) if spec else None)

    async def patch(self, body: dict[str, Any], **more: Any) -> OperatorReply:
        return await self.desk.edit(self.name, ConfigEdit("merge", body, **more))

    async def replace(self, body: dict[str, Any], **more: Any) -> OperatorReply:
        return await self.desk.edit(self.name, ConfigEdit("replace", body, **more))

    async def done(self, body: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A patch that is taken; what the config is then."""
        return dict(value(await self.patch(body, **more))["spec"])

    async def refused(self, body: dict[str, Any], **more: Any) -> ReplyProblem:
        """A patch that is not, and changes nothing."""
        before = await self.live()
        reply = await self.patch(body, **more)
        assert reply.problem is not None
        assert (await self.live())["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
        return reply.problem

    async def hand_back(self, *places: list[Any]) -> list[list[str]]:
        return list(value(await self.desk.hand_back(self.name, HandBack(list(places))))["fields"])

    async def live(self) -> dict[str, Any]:
        found = await self.cluster.get(kinds.TENANT, None, self.name)
        assert found is not None
        return found

    async def spec(self) -> dict[str, Any]:
        return dict((await self.live())["spec"])

    async def owned(self) -> set[str]:
        """The dashboard's fields, in short."""
        return {shown(path) for path in ownership.owned(await self.live())}


def shown(path: managed_fields.Path) -> str:
    return ".".join(one if isinstance(one, str) else one.label for one in path)


def value(reply: OperatorReply) -> Any:
    assert reply.problem is None, reply.problem
    assert reply.value is not None
    return reply.value


def baseline(name: str, event: str = "submit", **more: Any) -> dict[str, Any]:
    return {"name": name, "success": {"event": event}, **more}
