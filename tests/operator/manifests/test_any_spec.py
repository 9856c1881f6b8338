"""Whatever a valid spec says, its objects can be built, have names the API server takes, and keep their promises."""

import json
import re
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.cluster.test_crd import specs
from tests.operator.manifests import places
from tests.operator.manifests.places import by_name, place

from handrail_contracts import names
from handrail_contracts.secret_refs import references
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.manifests import tenant
from handrail_operator.manifests.sizes import pods

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
tenants = st.from_regex(names.TENANT_NAME_PATTERN, fullmatch=True) | st.just("a" * 40)


def labels(manifest: Any) -> Iterator[tuple[str, str]]:
    """Of the object and of its pods."""
    yield from manifest["metadata"]["labels"].items()
    if (template := manifest.get("spec", {}).get("template")) is not None:
        yield from template["metadata"]["labels"].items()


def nothing_empty(value: Any) -> bool:
    """No null, no empty list or text: the API server drops them, and the object would seem changed for ever."""
    if isinstance(value, dict):
        return all(nothing_empty(one) for one in value.values())
    if isinstance(value, list):
        return bool(value) and all(map(nothing_empty, value))
    return value is not None and value != ""


@given(raw=specs, name=tenants, plan=st.sampled_from(["small", "standard", "business"]), usable=st.booleans())
def test_any_valid_spec_becomes_objects(raw, name, plan, usable):
    spec = TenantSpec.model_validate(raw)
    of = place(spec, plan=plan, name=name, usable=references(spec) if usable else ())
    made = [tenant.namespace(name, places.UID), *tenant.everything(of)]
    for (kind, called), one in by_name(made).items():
        assert LABEL.fullmatch(called), (kind, called)
        assert all(LABEL_VALUE.fullmatch(value) for _, value in labels(one))
        assert one["metadata"]["labels"][names.LABEL_TENANT] == name
        assert one["metadata"]["labels"][names.LABEL_MANAGED_BY] == names.FIELD_MANAGER
        assert one["metadata"]["ownerReferences"][0]["uid"] == places.UID
        assert one["metadata"]["annotations"][names.ANNOTATION_APPLIED]
        assert nothing_empty(one)
        assert len(json.dumps(one)) < 100_000
    assert [*tenant.rights(of), *tenant.foundation(of), tenant.migration(of), *tenant.workloads(of)] == made[1:]


@given(raw=specs, plan=st.sampled_from(["small", "standard", "business"]))
def test_all_pods_of_a_spec_fit_the_quota_while_it_is_updated(raw, plan):
    of = place(TenantSpec.model_validate(raw), plan=plan)
    found = by_name(tenant.workloads(of))
    at_rest = 0
    for (kind, name), one in found.items():
        if kind == "Deployment":
            scaler = found.get(("HorizontalPodAutoscaler", name))
            at_rest += scaler["spec"]["maxReplicas"] if scaler else one["spec"]["replicas"]
    surge = sum(1 for kind, _ in found if kind == "Deployment")
    assert at_rest + surge + 1 <= pods(of)
    assert not of.spec.suspend or at_rest == 0


@given(raw=specs)
def test_pods_paths_are_told_apart_and_stay_in_their_folder(raw):
    spec = TenantSpec.model_validate(raw)
    of = place(spec, usable=references(spec))
    for one in tenant.workloads(of):
        if one["kind"] != "Deployment":
            continue
        volume = next(v for v in one["spec"]["template"]["spec"]["volumes"] if v["name"] == "secrets")
        paths = [item["path"] for source in volume["projected"]["sources"] for item in source["secret"]["items"]]
        assert len(set(paths)) == len(paths)
        assert not any(part in ("", ".", "..") for path in paths for part in path.split("/"))
