"""Who owns which field, out of managedFields and back into them."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from handrail_contracts import names
from handrail_operator.calls.ownership import claimed, others, owned, released
from handrail_operator.kube.managed_fields import Entry, Member, Other, Path, decoded, encoded

ONE = Entry((("name", "one"),))
FIELDS = {
    "f:tone": {"f:voice": {}},
    "f:origins": {".": {}, 'v:"https://a.test"': {}},
    "f:baselines": {'k:{"name":"one"}': {".": {}, "f:name": {}, "f:success": {"f:event": {}}}},
}
VOICE: Path = ("tone", "voice")
ORIGIN: Path = ("origins", Member("https://a.test"))
PATHS = {
    VOICE,
    ("origins",),
    ORIGIN,
    ("baselines", ONE),
    ("baselines", ONE, "name"),
    ("baselines", ONE, "success", "event"),
}


def entry(manager: str, fields: dict[str, Any], operation: str = "Apply", **more: Any) -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": names.API_VERSION,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    } | more


def tenant(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"managedFields": list(entries)}}


def test_a_tree_means_paths():
    assert decoded(FIELDS) == PATHS
    assert encoded(PATHS) == FIELDS
    assert (decoded({}), encoded([])) == (set(), {})


def test_what_no_schema_has_is_kept():
    fields: dict[str, Any] = {"f:list": {"i:0": {}, 'k:{"b":1,"a":"x"}': {".": {}}}}
    found = decoded(fields)
    assert found == {("list", Other("i:0")), ("list", Entry((("a", "x"), ("b", 1))))}
    assert decoded(encoded(found)) == found


texts = st.text(max_size=8)
elements = (
    texts
    | st.builds(Member, texts | st.integers(-9, 9).filter(lambda n: n not in (0, 1)) | st.booleans())
    | st.dictionaries(texts, texts, min_size=1, max_size=2).map(lambda keys: Entry(tuple(sorted(keys.items()))))
)
paths = st.lists(elements, min_size=1, max_size=4).map(tuple)


@given(st.sets(paths, max_size=20))
def test_paths_come_back_from_their_tree(wanted):
    # As it travels: JSON.
    assert decoded(json.loads(json.dumps(encoded(wanted)))) == wanted


def test_only_what_the_dashboard_applied_is_its_own():
    found = tenant(
        entry(names.DASHBOARD_MANAGER, {"f:spec": {"f:tone": {"f:voice": {}}}}),
        entry(names.DASHBOARD_MANAGER, {"f:spec": {"f:plan": {}}}, "Update"),
        entry(names.DASHBOARD_MANAGER, {"f:status": {"f:revision": {}}}, subresource="status"),
        entry("git", {"f:metadata": {"f:labels": {}}, "f:spec": {"f:tone": {"f:voice": {}, "f:language": {}}}}),
        entry("hand", {"f:metadata": {}}, "Update"),
    )
    assert owned(found) == {VOICE}
    assert list(others(found)) == [
        (names.DASHBOARD_MANAGER, False, {("plan",)}),
        ("git", True, {VOICE, ("tone", "language")}),
        ("hand", False, set()),
    ]
    assert (owned({"metadata": {}}), list(others({"metadata": {}}))) == (set(), [])


def test_claimed_fields_are_the_dashboards_alone():
    git = entry("git", {"f:metadata": {"f:labels": {}}, "f:spec": FIELDS}, time="2026-01-01T00:00:00Z")
    hand = entry("hand", {"f:spec": {"f:tone": {"f:voice": {}}}}, "Update")
    status = entry("operator", {"f:status": {}}, subresource="status")
    kept = encoded(PATHS - {VOICE, ORIGIN})
    assert claimed(tenant(git, hand, status), {VOICE, ORIGIN}) == [
        git | {"fieldsV1": {"f:metadata": {"f:labels": {}}, "f:spec": kept}},
        status,
        entry(names.DASHBOARD_MANAGER, {"f:spec": encoded({VOICE, ORIGIN})}),
    ]
    ours = entry(names.DASHBOARD_MANAGER, {"f:spec": {"f:plan": {}}}, time="2026-01-01T00:00:00Z")
    assert claimed(tenant(ours, hand), {VOICE}) == [ours | {"fieldsV1": {"f:spec": encoded({VOICE, ("plan",)})}}]


def test_released_fields_are_nobodys_or_the_others():
    ours = entry(names.DASHBOARD_MANAGER, {"f:spec": FIELDS})
    git = entry("git", {"f:spec": FIELDS})
    assert released(tenant(ours, git), {VOICE}) == [ours | {"fieldsV1": {"f:spec": encoded(PATHS - {VOICE})}}, git]
    assert released(tenant(ours, git), PATHS) == [git]
    assert released(tenant(git), PATHS) == [git]
