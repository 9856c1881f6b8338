"""Edits of the config that are refused, and change nothing."""

from typing import Any

import pytest
from tests.cluster.config_edits.room import baseline, value

from handrail_contracts.operator_calls import ConfigEdit, TenantDelete
from handrail_operator.kube import kinds

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize(
    ("body", "code", "loc"),
    [
        ({"tone": {"voice": "loud"}}, "invalid", ["tone", "voice"]),
        ({"tone": 5}, "invalid", ["tone"]),
        ({"origins": {"a": 1}}, "invalid", ["origins"]),
        ({"baselines": [baseline("two"), baseline("two")]}, "invalid", ["baselines"]),
        ({"displayName": "a\0b"}, "invalid", []),
        ({"displayName": None}, "invalid", ["displayName"]),
        ({"display_name": "Acme"}, "invalid", ["display_name"]),
        ({f"extra{number}": 1 for number in range(10_000)}, "invalid", ["extra0"]),
        ({"plan": "business"}, "platform_field", ["plan"]),
        ({"deletionPolicy": "Delete"}, "platform_field", ["deletionPolicy"]),
        ({"llm": {"baseURL": "https://evil.test", "apiKeySecretRef": {"name": "llm", "key": "key"}}}, "invalid",
         ["llm", "baseURL"]),
    ],
)  # fmt: skip
async def test_bad_edits_are_refused(acme, body, code, loc):
    for more in ({}, {"take_over": True}):
        problem = await acme.refused(body, **more)
        assert (problem.code, problem.errors[0]["loc"]) == (code, loc)
        assert len(problem.errors) <= 1000


async def test_deep_bodies_are_refused(acme):
    deep: Any = 1
    for _ in range(900):
        deep = {"tone": deep}
    assert (await acme.refused({"tone": deep})).errors[0]["msg"].startswith("nested deeper")


async def test_plans_must_exist(acme):
    problem = await acme.refused({"plan": "huge"}, platform=True)
    assert problem.errors == [{"loc": ["plan"], "msg": "there is no such plan"}]
    assert (await acme.done({"plan": "small"}, platform=True))["plan"] == "small"


async def test_tenants_that_are_not_there_or_going(acme):
    for name in ("nobody", "a/b", "..", "x" * 300):
        reply = await acme.desk.edit(name, ConfigEdit("merge", {}))
        assert reply.problem is not None
        assert reply.problem.code == "not_found"
    finalizer = {"op": "add", "path": "/metadata/finalizers", "value": ["handrail.dev/test"]}
    await acme.cluster.json_patch(kinds.TENANT, None, acme.name, [finalizer])
    value(await acme.desk.delete(acme.name, TenantDelete(data=True)))
    try:
        problem = await acme.refused({"tone": {"language": "de"}})
        assert (problem.code, "being deleted" in problem.detail) == ("unavailable", True)
        assert (await acme.spec())["deletionPolicy"] == "Delete"
        # Changing one's mind is possible as long as it is there.
        value(await acme.desk.delete(acme.name, TenantDelete(data=False)))
        assert (await acme.spec())["deletionPolicy"] == "Retain"
    finally:
        await acme.cluster.json_patch(kinds.TENANT, None, acme.name, [{"op": "remove", "path": "/metadata/finalizers"}])
