"""Edits of the config beside other owners, on a real API server: kubectl in its three ways, and Git applied again and
again."""

import asyncio
import json
import subprocess
from typing import Any

import pytest
from tests.cluster.config_edits.room import GIT, SPEC, baseline, value

from handrail_contracts import names
from handrail_contracts.operator_calls import ReplyProblem
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.kube import kinds
from handrail_operator.kube.errors import Conflicts

pytestmark = pytest.mark.cluster

# --- beside Git -------------------------------------------------------------------------------------------------


async def test_git_applied_again_and_again_leaves_the_dashboards_fields(acme):
    stop = asyncio.Event()
    applied: asyncio.Queue[None] = asyncio.Queue()

    async def applies() -> None:
        while not stop.is_set():
            await acme.git(SPEC)
            applied.put_nowait(None)

    work = asyncio.create_task(applies())
    for number in range(5, 15):
        await acme.done(
            {"nudges": {"maxPerStuckPoint": number}, "origins": ["https://a.test", f"https://{number}.test"]}
        )
        while not applied.empty():
            applied.get_nowait()
        for _ in range(2):  # One may have begun before.
            await asyncio.wait_for(applied.get(), 30)
        spec = await acme.spec()
        assert (spec["nudges"]["maxPerStuckPoint"], spec["nudges"]["cooldown"]) == (number, "300s")
        assert spec["origins"] == ["https://a.test", f"https://{number}.test"]
    stop.set()
    await work
    assert await acme.owned() == {"nudges.maxPerStuckPoint", "origins.https://14.test"}
    assert set(acme.touched) == {acme.name}


async def test_a_field_of_gits_is_taken_over_and_handed_back(acme):
    problem = await acme.refused({"tone": {"voice": "playful", "language": "de"}})
    assert problem == ReplyProblem(
        "conflict",
        f'tone.voice belongs to "{GIT}". Change it there, or take it over: ask again with take_over=true.',
        [{"loc": ["tone", "voice"], "msg": f'tone.voice belongs to "{GIT}"'}],
    )
    spec = await acme.done({"tone": {"voice": "playful", "language": "de"}}, take_over=True)
    assert (spec["tone"]["voice"], spec["tone"]["language"]) == ("playful", "de")
    with pytest.raises(Conflicts) as conflicts:
        await acme.git(SPEC)
    assert conflicts.value.fields == [(".spec.tone.voice", names.DASHBOARD_MANAGER)]
    assert (await acme.done({"tone": {"voice": "concise"}}))["tone"]["voice"] == "concise"

    assert await acme.hand_back(["tone", "voice"]) == [["tone", "voice"]]
    assert (await acme.spec())["tone"]["voice"] == "concise"
    assert (await acme.git(SPEC))["spec"]["tone"] == {"voice": "formal", "language": "de", "instructions": ""}
    assert await acme.owned() == {"tone.language"}
    assert (await acme.refused({"tone": {"voice": "playful"}})).code == "conflict"
    assert await acme.hand_back(["tone", "voice"], []) == [["tone", "language"]]
    assert await acme.hand_back([]) == []
    assert await acme.owned() == set()


async def test_what_is_equal_changes_no_owner(acme):
    before = (await acme.live())["metadata"]["managedFields"]
    same = TenantSpec.model_validate(SPEC).dump()
    assert value(await acme.replace(same))["spec"] == same
    assert value(await acme.replace(same, take_over=True))["spec"] == same
    assert (await acme.live())["metadata"]["managedFields"] == before
    # Written in another way: 300s is 5m.
    await acme.done({"nudges": {"cooldown": "5m", "maxPerStuckPoint": 5}})
    assert (await acme.spec())["nudges"]["cooldown"] == "300s"
    assert await acme.owned() == {"nudges.maxPerStuckPoint"}
    value(await acme.replace(same | {"displayName": "Acme"}))
    assert await acme.owned() == {"nudges.maxPerStuckPoint"}


async def test_a_field_that_is_left_out_goes_back_to_its_default(acme):
    await acme.done({"tone": {"language": "de"}, "privacy": {"retentionDays": 30, "queryParameters": ["ref"]}})
    spec = await acme.done({"tone": {"language": None}, "privacy": None})
    assert (spec["tone"]["language"], spec["privacy"]["retentionDays"]) == ("en", 90)
    assert spec["privacy"]["queryParameters"] == []
    assert await acme.owned() == set()
    problem = await acme.refused({"tone": {"voice": None}, "escalation": None})
    assert [one["loc"] for one in problem.errors] == [["tone", "voice"], ["escalation", "webhooks"]]
    # Gone for good: Git is in conflict with the default, too.
    assert (await acme.done({"tone": {"voice": None}}, take_over=True))["tone"]["voice"] == "friendly"
    with pytest.raises(Conflicts):
        await acme.git(SPEC)


# --- entries of lists -------------------------------------------------------------------------------------------


async def test_entries_are_owned_apart(acme):
    ours = baseline("two", steps=[{"name": "x", "event": "click"}])
    hook = {"name": "pager", "format": "slack", "urlSecretRef": {"name": "hooks", "key": "pager"}}
    webhooks = [*SPEC["escalation"]["webhooks"], hook]
    await acme.done({"baselines": [*SPEC["baselines"], ours], "escalation": {"webhooks": webhooks}})
    spec = (await acme.git(SPEC))["spec"]
    assert [one["name"] for one in spec["baselines"]] == ["one", "two"]
    assert [one["name"] for one in spec["escalation"]["webhooks"]] == ["support", "pager"]

    changed = baseline("two", "click", steps=[{"name": "x", "event": "click"}, {"name": "y", "event": "submit"}])
    await acme.done({"baselines": [*SPEC["baselines"], changed]})
    problem = await acme.refused({"baselines": [changed]})
    assert problem.errors == [{"loc": ["baselines"], "msg": f'baselines[one] belongs to "{GIT}"'}]
    other = baseline("one", "click", steps=SPEC["baselines"][0]["steps"])
    problem = await acme.refused({"baselines": [changed, other]})
    assert [one["loc"] for one in problem.errors] == [["baselines", 1, "success", "event"]]

    # Git's own entries may come and go meanwhile.
    spec = (await acme.git(SPEC | {"baselines": [baseline("three")]}))["spec"]
    assert [one["name"] for one in spec["baselines"]] == ["two", "three"]
    spec = await acme.done({"baselines": [baseline("three")], "escalation": {"webhooks": webhooks[:1]}})
    assert [one["name"] for one in spec["baselines"]] == ["three"]
    assert await acme.owned() == set()


async def test_an_entry_is_taken_over_whole(acme):
    """Half an entry would be left where Git removes the rest of it, and Git's apply be refused for it."""
    one = SPEC["baselines"][0]
    more = one | {"success": {"event": "submit", "path": "/done"}}
    problem = await acme.refused({"baselines": [more]})
    assert problem.errors == [{"loc": ["baselines", 0], "msg": f'baselines[one] belongs to "{GIT}"'}]
    spec = await acme.done({"baselines": [more]}, take_over=True)
    assert spec["baselines"][0]["success"]["path"] == "/done"
    assert "baselines.one.steps.b.event" in await acme.owned()
    spec = (await acme.git(SPEC))["spec"]  # What it says is what is there.
    assert spec["baselines"][0]["success"]["path"] == "/done"
    spec = (await acme.git({key: value for key, value in SPEC.items() if key != "baselines"}))["spec"]
    assert [step["name"] for step in spec["baselines"][0]["steps"]] == ["a", "b"]
    assert await acme.hand_back(["baselines", "one"]) == [["baselines", "one"]]
    assert await acme.done({"baselines": []}) | {"baselines": 0} == spec_of(SPEC, baselines=0)
    assert await acme.owned() == set()


def spec_of(spec: dict[str, Any], **more: Any) -> dict[str, Any]:
    return TenantSpec.model_validate(spec).dump() | more


async def test_what_git_brought_is_removed_on_demand(acme):
    assert (await acme.done({"baselines": [], "escalation": None}, take_over=True))["baselines"] == []
    assert "baselines" not in await acme.spec() or (await acme.spec())["baselines"] == []
    assert await acme.owned() == set()
    # Nobody can own what is not there: Git brings it back.
    assert [one["name"] for one in (await acme.git(SPEC))["spec"]["baselines"]] == ["one"]


async def test_what_its_maker_brought_is_removed_on_demand(room):
    """He owns lists and objects as such, too."""
    await room.cluster.create(room.document(SPEC | {"llm": {"apiKeySecretRef": {"name": "llm", "key": "key"}}}))
    spec = await room.done({"baselines": [], "llm": {"apiKeySecretRef": None}, "escalation": None}, take_over=True)
    assert (spec["baselines"], spec["llm"].get("apiKeySecretRef"), spec["escalation"]["webhooks"]) == ([], None, [])
    assert await room.owned() == set()


async def test_an_empty_list_of_gits_is_no_obstacle(room):
    bare = {"displayName": "Acme", "origins": ["https://a.test"], "escalation": {"webhooks": []}}
    await room.git(bare | {"baselines": [baseline("one", steps=[])]})
    hook = {"name": "pager", "urlSecretRef": {"name": "hooks", "key": "pager"}}
    await room.done({"escalation": {"webhooks": [hook]}})
    step = {"name": "x", "event": "click"}
    await room.done({"baselines": [baseline("one", steps=[step])]}, take_over=True)
    spec = (await room.git(bare | {"baselines": [baseline("one", steps=[])]}))["spec"]
    assert [one["name"] for one in spec["escalation"]["webhooks"]] == ["pager"]
    assert [one["name"] for one in spec["baselines"][0]["steps"]] == ["x"]
    spec = await room.done({"baselines": [], "escalation": {"webhooks": []}}, take_over=True)
    assert (spec["baselines"], spec["escalation"]["webhooks"]) == ([], [])


async def test_the_order_of_steps_is_kept(acme):
    def steps(*wanted: str) -> dict[str, Any]:
        found = {"a": {"name": "a", "event": "click", "within": "60s"}}
        return {
            "baselines": [baseline("one", steps=[found.get(one, {"name": one, "event": "click"}) for one in wanted])]
        }

    problem = await acme.refused(steps("b", "a"))
    assert [one["loc"] for one in problem.errors] == [["baselines", 0, "steps", 1], ["baselines", 0, "steps", 0]]
    assert problem.errors[0]["msg"] == f'baselines[one].steps[a] belongs to "{GIT}"'
    for order in ("b", "a"), ("c", "b", "a"), ("a", "d", "b", "c"), ("c", "a"):
        spec = await acme.done(steps(*order), take_over=True)
        assert [step["name"] for step in spec["baselines"][0]["steps"]] == list(order)
    # Order that means nothing is nobody's.
    await acme.git(SPEC | {"origins": ["https://a.test", "https://b.test"]}, force=True)
    assert (await acme.done({"origins": ["https://b.test", "https://a.test"]}))["origins"][0] == "https://a.test"


async def test_what_nobody_owns_is_anybodys(acme):
    await acme.done({"tone": {"language": "de"}, "baselines": [*SPEC["baselines"], baseline("two")]})
    assert await acme.hand_back([]) == [["baselines", "two"], ["tone", "language"]]
    spec = await acme.done({"tone": {"language": "fr"}, "baselines": [*SPEC["baselines"], baseline("two", "click")]})
    assert (spec["tone"]["language"], spec["baselines"][1]["success"]["event"]) == ("fr", "click")
    await acme.hand_back([])
    spec = await acme.done({"tone": {"language": None}, "baselines": SPEC["baselines"]})
    assert (spec["tone"]["language"], len(spec["baselines"])) == ("en", 1)
    assert await acme.owned() == set()


# --- beside kubectl ---------------------------------------------------------------------------------------------


async def test_beside_client_side_apply(room):
    room.kubectl("apply", "-f", "-", spec=SPEC)
    problem = await room.refused({"tone": {"voice": "playful"}})
    assert problem.errors[0]["msg"] == 'tone.voice belongs to "kubectl-client-side-apply"'
    await room.done({"tone": {"language": "de"}, "baselines": [*SPEC["baselines"], baseline("two")]})
    room.kubectl("apply", "-f", "-", spec=SPEC)
    spec = await room.spec()
    assert spec["tone"] == {"voice": "formal", "language": "de", "instructions": ""}
    await room.done({"tone": {"voice": "playful"}}, take_over=True)
    assert (await room.done({"tone": {"voice": "concise"}}))["tone"]["voice"] == "concise"
    # It knows no conflicts: whoever applies last wins, and the field is his again.
    room.kubectl("apply", "-f", "-", spec=SPEC)
    assert (await room.spec())["tone"]["voice"] == "formal"
    assert (await room.refused({"tone": {"voice": "playful"}})).code == "conflict"


async def test_beside_server_side_apply(room):
    server_side = ("apply", "--server-side", "-f", "-")
    room.kubectl(*server_side, spec=SPEC)
    assert (await room.refused({"tone": {"voice": "playful"}})).errors[0]["msg"] == 'tone.voice belongs to "kubectl"'
    await room.done({"tone": {"voice": "playful", "language": "de"}}, take_over=True)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        room.kubectl(*server_side, spec=SPEC)
    assert 'conflict with "handrail-dashboard": .spec.tone.voice' in refused.value.stderr
    await room.hand_back(["tone", "voice"])
    room.kubectl(*server_side, spec=SPEC)
    assert (await room.spec())["tone"] == {"voice": "formal", "language": "de", "instructions": ""}
    await room.done({"tone": {"voice": "playful"}}, take_over=True)
    room.kubectl(*server_side, "--force-conflicts", spec=SPEC)
    assert (await room.refused({"tone": {"voice": "concise"}})).code == "conflict"


async def test_beside_edits_by_hand(acme):
    await acme.done({"tone": {"language": "de"}, "nudges": {"maxPerStuckPoint": 5}})
    acme.kubectl("patch", "otn", acme.name, "--type=merge", "-p", json.dumps({"spec": {"tone": {"language": "fr"}}}))
    problem = await acme.refused({"tone": {"language": "it"}})
    assert problem.errors[0]["msg"] == 'tone.language belongs to "kubectl-patch"'
    assert (await acme.done({"nudges": {"maxPerStuckPoint": 6}}))["tone"]["language"] == "fr"
    assert (await acme.done({"tone": {"language": "it"}}, take_over=True))["tone"]["language"] == "it"
    assert (await acme.done({"tone": {"language": "es"}}))["tone"]["language"] == "es"


# --- races ------------------------------------------------------------------------------------------------------


async def test_a_status_that_changes_all_the_time_stops_no_edit(acme):
    stop = asyncio.Event()

    async def write_status() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            await acme.cluster.apply_status(kinds.TENANT, acme.name, {"observedGeneration": number})
            await asyncio.sleep(0.01)

    work = asyncio.create_task(write_status())
    for number in range(3, 23):
        etag = TenantSpec.model_validate(await acme.spec()).etag()
        spec = await acme.done({"nudges": {"maxPerStuckPoint": number}}, if_match=etag)
        assert spec["nudges"]["maxPerStuckPoint"] == number
    stop.set()
    await work


async def test_of_two_edits_of_one_state_one_is_taken(acme):
    etag = TenantSpec.model_validate(await acme.spec()).etag()
    voices = ("en", "de", "fr", "it", "es")
    replies = await asyncio.gather(*(acme.patch({"tone": {"language": one}}, if_match=etag) for one in voices[1:]))
    refused = [reply.problem.code for reply in replies if reply.problem]
    assert refused == ["precondition_failed"] * 3
    # Without a condition each is done in turn, and none is lost.
    bodies: list[dict[str, Any]] = [
        {"privacy": {"retentionDays": 7}}, {"nudges": {"holdoutPercent": 5}}, {"llm": {"model": "m"}},
        {"tone": {"instructions": "short"}}, {"detectors": {"rageClick": {"count": 9}}},
    ]  # fmt: skip
    await asyncio.gather(*(acme.done(body) for body in bodies))
    spec = await acme.spec()
    found = (spec["privacy"]["retentionDays"], spec["nudges"]["holdoutPercent"], spec["llm"]["model"])
    assert found == (7, 5, "m")
    assert (spec["tone"]["instructions"], spec["detectors"]["rageClick"]["count"]) == ("short", 9)
