"""What a refused batch is told, and what of a good one is counted."""

import json

import pytest
from tests.contracts.drawn_batches import EVENT, one

from handrail_contracts import events


def test_every_bad_event_is_named():
    good, bad = EVENT, EVENT | {"timestamp": "yesterday"}
    body = json.dumps({"events": [good, bad, good, EVENT | {"user_id": "bob", "session_id": ""}]}).encode()
    with pytest.raises(events.Refused) as refused:
        events.decode(body)
    assert [item.loc for item in refused.value.errors] == [["events", 1, "timestamp"], ["events", 3, "session_id"]]
    with pytest.raises(events.Refused) as refused:
        events.decode(json.dumps({"events": [good, EVENT | {"user_id": "bob"}]}).encode())
    assert [item.loc for item in refused.value.errors] == [["events", 1, "user_id"]]


def test_a_refusal_does_not_repeat_the_input():
    event = EVENT | {"user_id": 5, "url": ["very secret"]}
    body = json.dumps({"events": [event], "token": {"a": "very secret"}}).encode()
    with pytest.raises(events.Refused) as refused:
        events.decode(body)
    assert "secret" not in str([item.msg for item in refused.value.errors])


def test_errors_are_bounded():
    body = json.dumps({"events": [{"event_id": 1}] * 500}).encode()
    with pytest.raises(events.Refused) as refused:
        events.decode(body)
    assert len(refused.value.errors) <= events.MAX_ERRORS


def test_unknown_fields_are_counted():
    event = EVENT | {"new": 1, "target_element": {"selector": "a", "x": 1, "y": 2}, "properties": {"any": 1}}
    body = json.dumps({"events": [event], "context": {"os": "b"}, "extra": {"a": {"b": 1}}}).encode()
    assert events.unknown_fields(body) == 5
    assert events.unknown_fields(one()) == 0
