"""What one version writes and another reads, while both run or after a restart.

The files in `written_by_0_1` are as version 0.1 writes them, and stay as they are for as long as it may be upgraded
from. Each must be read; written again, it must still hold all that 0.1 reads in it; and what a later version may add
must not be in the way.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from handrail_contracts import intake, link, nudges, operator_calls, principal, record, signals
from handrail_contracts.other_versions import read_spec
from handrail_contracts.status import TenantStatus
from handrail_contracts.tenant_spec import OnboardingTenant
from handrail_operator.provision import keyring

FOLDER = Path(__file__).parent / "written_by_0_1"
LATER = {"addedLater": {"by": ["a newer version"]}}


def struct(kind: Any) -> tuple[Callable[[bytes], Any], Callable[[Any], Any]]:
    return msgspec.json.Decoder(kind).decode, lambda value: json.loads(msgspec.json.encode(value))


SHAPES: dict[str, tuple[Callable[[bytes], Any], Callable[[Any], Any]]] = {
    "tenant_record": (record.decode_record, struct(record.TenantRecord)[1]),
    "effective_config": (record.decode_config, struct(record.EffectiveConfig)[1]),
    "signal": (signals.decode, struct(signals.Signal)[1]),
    "nudge_notice": struct(nudges.NudgeNotice),
    "config_edit": struct(operator_calls.ConfigEdit),
    "operator_reply": (operator_calls.decode_reply, struct(operator_calls.OperatorReply)[1]),
    "principal": struct(principal.Principal),
    "platform_secrets": (keyring.decode_platform, struct(keyring.PlatformSecrets)[1]),
    "keyring": (keyring.decode_tenant, struct(keyring.TenantSecrets)[1]),
    "status": (TenantStatus.model_validate_json, lambda value: value.model_dump(mode="json", by_alias=True)),
}


def written(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SHAPES)
def test_read_and_still_written_for_the_version_before(name: str):
    read, write = SHAPES[name]
    before = written(name)
    again = write(read(json.dumps(before).encode()))
    assert_within(before, again, name)


@pytest.mark.parametrize("name", SHAPES)
def test_what_a_later_version_adds_is_not_in_the_way(name: str):
    read, _ = SHAPES[name]
    before = written(name)
    assert read(json.dumps(before | LATER).encode()) == read(json.dumps(before).encode())


def test_every_file_is_read():
    assert {path.stem for path in FOLDER.iterdir()} == {*SHAPES, "onboarding_tenant", "messages"}


def test_a_tenants_document_means_what_it_meant():
    spec = OnboardingTenant.model_validate(written("onboarding_tenant")).spec
    # What stood in the record, defaults and all.
    assert_within(written("tenant_record")["spec"], spec.dump(), "spec")
    assert read_spec(written("tenant_record")["spec"]) == (spec, [])


def test_messages_of_the_streams_and_the_link():
    before = {name: bytes.fromhex(text) for name, text in written("messages").items()}
    (batch,) = intake.split(before["events"])
    assert batch == intake.FramedBatch(intake.BatchMeta(1700000000000000, 5, True, "r", "t"), b'{"events":[]}')
    assert link.decode_for_realtime(before["link_to_realtime"]) == [
        link.Attach(1, "ann", True, 7, "digest"),
        link.FromBrowser(1, '{"type":"ack","seq":7}'),
        link.Detach(1),
    ]
    assert link.decode_for_gateway(before["link_to_gateway"]) == [
        link.ToBrowser(1, 8, "{}", "digest"),
        link.Close(1, 4401, "token"),
    ]
    # Each frame's fields are told apart by their places: those of a later version come behind.
    later = [[*one, "more"] for one in msgspec.msgpack.decode(before["link_to_realtime"])]
    assert link.decode_for_realtime(msgspec.msgpack.encode(later)) == link.decode_for_realtime(
        before["link_to_realtime"]
    )


def test_a_spec_of_a_later_version_is_read_without_what_is_new():
    spec = written("tenant_record")["spec"]
    known, _ = read_spec(spec)
    later = json.loads(json.dumps(spec)) | LATER
    later["nudges"] |= LATER
    later["baselines"][0]["steps"][1] |= {"times": 2}
    assert read_spec(later) == (known, ["addedLater", "baselines.0.steps.1.times", "nudges.addedLater"])
    assert "addedLater" in later, "what was given is left as it is"


@pytest.mark.parametrize("broken", [None, [], {}, {"displayName": 5}, {"plan": "small", "addedLater": 1}])
def test_what_is_wrong_is_refused_as_ever(broken: Any):
    with pytest.raises(ValidationError):
        read_spec(broken)


def assert_within(before: Any, after: Any, place: str) -> None:
    """All that was there is there, with its value; more may be."""
    if isinstance(before, dict):
        assert isinstance(after, dict), place
        for name, value in before.items():
            assert name in after, f"{place}.{name} is no longer written, and version 0.1 reads it"
            assert_within(value, after[name], f"{place}.{name}")
    elif isinstance(before, list):
        assert isinstance(after, list), place
        assert len(after) == len(before), place
        for index, value in enumerate(before):
            assert_within(value, after[index], f"{place}[{index}]")
    else:
        assert after == before, place
