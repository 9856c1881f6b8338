"""Any config becomes any other, and what is equal keeps its owner."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.cluster.config_edits.room import shown, value
from tests.cluster.test_crd import specs

from handrail_contracts.operator_calls import HandBack
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.calls.answers import Answers
from handrail_operator.calls.fields import entries, fields, sequences
from handrail_operator.kube import kinds, managed_fields
from handrail_operator.reconcile.keyrings import Keyrings

pytestmark = pytest.mark.cluster


class EveryPlan:
    def __contains__(self, plan: object) -> bool:
        return True


def values(spec: dict[str, Any]) -> dict[managed_fields.Path, Any]:
    """What a spec says, but for the order of lists where it means nothing."""
    found = fields(TenantSpec.model_validate(spec).dump())
    return found | {path: tuple(order) for path, order in sequences(found).items()}


def owners(tenant: dict[str, Any]) -> dict[managed_fields.Path, set[str]]:
    found: dict[managed_fields.Path, set[str]] = {}
    for entry in tenant["metadata"]["managedFields"]:
        if not entry.get("subresource"):
            for path in managed_fields.decoded(entry["fieldsV1"].get("f:spec")):
                found.setdefault(path, set()).add(entry["manager"])
    return found


def equal_ones_kept_their_owners(before: dict[str, Any], after: dict[str, Any]) -> None:
    old, new = values(before["spec"]), values(after["spec"])
    changed = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
    had, have = owners(before), owners(after)
    for path in fields(after["spec"]):
        in_changed_entry = any(one[: len(entry)] == entry for entry in entries(path) for one in changed)
        if path not in changed and not in_changed_entry:
            assert had.get(path) == have.get(path), shown(path)


@st.composite
def histories(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Three specs, each with some parts of the one before: whole, or with other entries in its lists."""
    found: list[dict[str, Any]] = [dict(draw(specs))]
    for _ in range(2):
        fresh: dict[str, Any] = dict(draw(specs))
        kept = draw(st.sets(st.sampled_from(sorted(found[-1]))))
        mixed = fresh | {name: found[-1][name] for name in kept}
        if "baselines" in fresh and "baselines" in found[-1] and draw(st.booleans()):
            both = {one["name"]: one for one in draw(st.permutations([*fresh["baselines"], *found[-1]["baselines"]]))}
            mixed["baselines"] = list(both.values())
        found.append(mixed)
    return found[0], found[1], found[2]


@given(history=histories(), applies=st.booleans())
@settings(
    max_examples=40,
    # Each example asks a server a dozen times: what was found is shown as it was found.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_any_spec_becomes_any_other_and_what_is_equal_keeps_its_owner(room, history, applies):
    first, mine, wanted = history
    room.desk = Answers(
        room.cluster, Keyrings(room.cluster, "default"), EveryPlan(), touch=room.touched.append, publish=sleeping
    )
    await room.cluster.delete(kinds.TENANT, None, room.name)
    start = await (room.git(first) if applies else room.cluster.create(room.document(first)))
    value(await room.replace(mine, platform=True, take_over=True))
    middle = await room.live()
    assert values(middle["spec"]) == values(mine)
    equal_ones_kept_their_owners(start, middle)

    reply = await room.replace(wanted, platform=True)
    end = await room.live()
    if reply.problem is None:
        assert values(end["spec"]) == values(wanted)
        equal_ones_kept_their_owners(middle, end)
    else:
        assert reply.problem.code == "conflict"
        assert end["metadata"]["resourceVersion"] == middle["metadata"]["resourceVersion"]
        value(await room.replace(wanted, platform=True, take_over=True))
        assert values(await room.spec()) == values(wanted)
    value(await room.desk.hand_back(room.name, HandBack([[]])))
    assert values(await room.spec()) == values(wanted)
    assert await room.owned() == set()


async def sleeping(name: str) -> None:
    await asyncio.sleep(0)
