"""The two descriptions of an event batch, msgspec's and Pydantic's, accept and refuse the same."""

import json
import random

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.contracts.drawn_batches import EVENT, FIELDS, PIECES, batches, one, put, times_text, wrong

from handrail_contracts import events, lenient_json

MANY = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def fast(body: bytes) -> bool:
    """The hot path's word: msgspec types and what types do not say."""
    try:
        batch = events._decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return events._storable(batch, body)


def public(body: bytes) -> bool:
    """The public models' word on the same JSON."""
    if not lenient_json.is_utf8(body):
        return False
    try:
        return not events.faults(lenient_json.read(body))
    except (msgspec.MsgspecError, RecursionError):
        return False


def check(body: bytes) -> bool:
    """The one verdict of both; a refusal names at least one place, and says the same through the front door."""
    verdict = fast(body)
    assert verdict == public(body), body[:2000]
    if verdict:
        events.decode(body)
        events.unknown_fields(body)
    else:
        with pytest.raises(events.Refused) as refused:
            events.decode(body)
        assert refused.value.errors
        json.dumps([item.model_dump() for item in refused.value.errors])
    return verdict


@MANY
@given(batches())
def test_good_batches_are_accepted_by_both(batch):
    assert check(json.dumps(batch).encode())
    assert check(json.dumps(batch, ensure_ascii=False).encode())


@MANY
@given(batches(), st.lists(st.tuples(st.sampled_from(FIELDS), wrong), min_size=1, max_size=2), st.booleans())
def test_changed_fields_get_one_verdict(batch, changes, ascii_only):
    for path, value in changes:
        if isinstance(batch.get("events"), list) or path[0] != "events" or len(path) == 1:
            put(batch, path, value)
    check(json.dumps(batch, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"))


@MANY
@given(times_text, st.sampled_from(["timestamp", "sent_at"]))
def test_times_get_one_verdict(text, field):
    if field == "timestamp":
        check(one(timestamp=text))
    else:
        check(json.dumps({"events": [EVENT], "sent_at": text}).encode())


@MANY
@given(batches(), st.data())
def test_changed_bytes_get_one_verdict(batch, data):
    body = bytearray(json.dumps(batch, ensure_ascii=data.draw(st.booleans())).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, max(0, len(body) - 1)))
        match data.draw(st.integers(0, 3)):
            case 0:
                body[at] = data.draw(st.integers(0, 255))
            case 1:
                del body[at : at + data.draw(st.integers(1, 4))]
            case 2:
                body[at:at] = data.draw(st.binary(min_size=1, max_size=4))
            case _:
                body[at:at] = data.draw(st.sampled_from(PIECES))
    check(bytes(body))


@MANY
@given(st.binary(max_size=60))
@example(b"")
@example(b"null")
@example(b"[]")
@example(b"{}")
@example(b'{"events":[]}')
@example(b'{"events":{}}')
@example(b'{"events":[null]}')
@example(b"\xef\xbb\xbf{}")
@example(b"[" * 100_000)
@example(b'{"events":' + b"[" * 100_000)
@example(b'{"a":' * 50_000)
def test_any_bytes_get_one_verdict(body):
    assert not check(body)


@pytest.mark.parametrize(
    ("number", "count"),
    [
        ("1E15", 910),
        ("1E15", 911),
        ("9E15", 3000),
        ("1E14", 1200),
        ("-1E15", 1000),
        ("1e-5", 2000),
        ("123456789", 1600),
        ("1E2", 2048),
        ("1E20", 2500),
    ],
)
def test_numbers_grow_by_being_written_again(number, count):
    """What counts is the size as it is stored, not as it came: near the limit, both must see the same."""
    for more in range(count - 4, count + 4):
        body = one(properties={"a": 0}).replace(b'"a": 0', f'"a": [{",".join([number] * more)}]'.encode())
        check(body)


@pytest.mark.parametrize("fill", ["x", "\u00fc", "\U0001f642", "\n", '"', "\\", "\u2028", "\x7f"])
def test_sizes_around_the_limit(fill):
    width = len(msgspec.json.encode(fill)) - 2
    verdicts = set()
    for extra in range(-3, 4):
        size = events.MAX_PROPERTIES - len('{"a":""}') + extra
        text = fill * (size // width) + "x" * (size % width)
        for ascii_only in (True, False):
            body = json.dumps({"events": [EVENT | {"properties": {"a": text}}]}, ensure_ascii=ascii_only).encode()
            assert check(body) == (extra <= 0)
            verdicts.add(extra <= 0)
    assert verdicts == {True, False}


def test_levels_around_the_limit():
    for levels, accepted in ((7, True), (8, True), (9, False), (500, False), (2000, False)):
        for opened, closed in (('{"a":', "}"), ("[", "]")):
            inner = opened * (levels - 1) + "1" + closed * (levels - 1)
            body = one(properties={"p": 0}).replace(b'"p": 0', b'"p": ' + inner.encode())
            assert check(body) == accepted, (levels, opened)


def test_counts_around_the_limit():
    for count, accepted in ((1, True), (500, True), (501, False)):
        assert check(json.dumps({"events": [EVENT] * count}).encode()) == accepted


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        (b'"\\ud83d\\ude42"', True),
        (b'"\\ud83d"', False),
        (b'"\\u0000"', False),
        (b'"\\\\u0000"', True),
        (b'"\xff"', False),
        (b"1e999", False),
        (b"-1E400", False),
        (b"1e308", True),
        (b"1" * 400, True),
        (b"1" * 5000, False),
        (b"NaN", False),
        (b"Infinity", False),
        (b'{"a":1,"a":2}', True),
        (b'{"\\u0000":1}', False),
        (b'["\\u0000"]', False),
        (b"01", False),
    ],
)
def test_what_can_be_kept(value, accepted):
    body = one(properties={"p": 0}).replace(b'"p": 0', b'"p": ' + value)
    assert check(body) == accepted


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        (b'"\\ud83d"', False),
        (b'"\xff"', False),
        (b'"\\u0000"', True),
        (b"1e999", True),
        (b"1" * 5000, True),
        (b'{"deep":' * 100 + b"1" + b"}" * 100, True),
        (b'"' + b"x" * 20_000 + b'"', True),
        (b"tru", False),
    ],
)
def test_what_nobody_keeps_need_only_be_json(value, accepted):
    for body in (one(unknown=0), b'{"unknown": 0, ' + one()[1:], one(target_element={"unknown": 0})):
        assert check(body.replace(b'"unknown": 0', b'"unknown": ' + value)) == accepted
    # ... and brings no leniency with it.
    body = one(properties={"p": 0}, unknown=0).replace(b'"unknown": 0', b'"unknown": 1e999')
    assert check(body)
    assert check(body.replace(b'"p": 0', b'"p": ' + b"7" * 400))
    assert not check(body.replace(b'"p": 0', b'"p": 1e999'))


def test_the_first_of_two_alike_keys_counts_too():
    """msgspec looks at both, the models see the last: the door stays shut and says what was wrong."""
    body = one().replace(b'"user_id": "ann"', b'"user_id": 7, "user_id": "ann"')
    with pytest.raises(events.Refused) as refused:
        events.decode(body)
    assert "Expected `str`, got `int`" in refused.value.errors[0].msg


@pytest.mark.parametrize(
    ("changed", "loc"),
    [
        ({"user_id": "ann\ud83d"}, ["user_id"]),
        ({"url": "\udc00"}, ["url"]),
        ({"target_element": {"name": "cut off \ud83d"}}, ["target_element", "name"]),
        ({"properties": {"title": "cut off \ud83d"}}, ["properties"]),
        ({"properties": {"\ud83d": {"a": [1]}}}, ["properties"]),
        ({"properties": {"a": 1}, "unknown": {"a": ["\ud83d"]}}, []),
        ({"\udfff": 1}, []),
    ],
)
def test_half_a_character_is_named_like_any_other_fault(changed, loc):
    """A script that cuts a text between the halves of an emoji must learn which event to drop."""
    body = json.dumps({"events": [EVENT, EVENT | changed, EVENT]}).encode()
    assert not check(body)
    with pytest.raises(events.Refused) as refused:
        events.decode(body)
    assert [item.loc for item in refused.value.errors] == [["events", 1, *loc]]


def test_long_seeded_walk():
    """Many more mutations than hypothesis tries, by a fixed seed: cheap, and the same every time."""
    chance = random.Random(7)
    event = EVENT | {"properties": {"a": [1, 2.5, "x"], "\u00fc": None}, "url": "https://a/?b"}
    body = json.dumps({"events": [event] * 2}).encode()
    alphabet = b'{}[]",:0123456789eE+-.\\u0d8ntrfalse \0\xc3\xff'
    accepted = 0
    for _ in range(20_000):
        changed = bytearray(body)
        for _ in range(chance.randint(1, 2)):
            changed[chance.randrange(len(changed))] = chance.choice(alphabet)
        verdict = fast(bytes(changed))
        assert verdict == public(bytes(changed)), bytes(changed)
        accepted += verdict
    assert accepted > 100
