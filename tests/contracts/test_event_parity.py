"""The two descriptions of an event batch, msgspec's and Pydantic's, accept and refuse the same."""

import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from handrail_contracts import events

EVENT_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
EVENT = {
    "event_id": EVENT_ID,
    "event_type": "click",
    "user_id": "ann",
    "session_id": "s1",
    "timestamp": "2026-03-01T12:00:00Z",
}


def fast(body: bytes) -> bool:
    """The hot path's word: msgspec types and what types do not say."""
    try:
        batch = events._decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return events._storable(batch, body)


def public(body: bytes) -> bool:
    """The public models' word on the same JSON."""
    if not events._is_utf8(body):
        return False
    try:
        return not events.faults(events._decode_any(body))
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


def one(**changed: Any) -> bytes:
    return json.dumps({"events": [EVENT | changed]}).encode()


# --- what is drawn -----------------------------------------------------------------------------------------

# json.dumps writes NUL and lone surrogates as escapes, so a text strategy without limits reaches both.
any_text = st.text(st.characters(exclude_categories=()), max_size=40)
sane_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
edge_text = st.sampled_from(
    [
        "",
        ".",
        "..",
        "...",
        "\0",
        "a\0b",
        "\ud800",
        "\udfff\ud800",
        "x" * 200,
        "x" * 201,
        "\U0001f642" * 200,
        "\U0001f642" * 201,
        "x" * 64,
        "x" * 65,
        "x" * 100,
        "x" * 101,
        "x" * 2048,
        "x" * 2049,
        "x" * 4096,
        "x" * 4097,
        "x" * 8192,
        "x" * 8193,
        "\\u0000",
        "Click",
        "click_2",
        "1click",
        "click\n",
        "page view",
        EVENT_ID,
        EVENT_ID.upper(),
        EVENT_ID + "\n",
        EVENT_ID.replace("774b", "474b"),
        EVENT_ID.replace("bcce", "ccce"),
        EVENT_ID[:-1],
        "{" + EVENT_ID + "}",
    ]
)
times_text = st.one_of(
    st.datetimes(timezones=st.just(None)).map(lambda it: it.isoformat() + "Z"),
    st.datetimes().map(lambda it: it.isoformat()),
    st.from_regex(
        r"[0-2]\d{3}-[01]\d-[0-3]\d[Tt ][0-2]\d:[0-6]\d:[0-6]\d(\.\d{1,12})?([Zz]|[+-][0-2]\d:?[0-6]\d)",
        fullmatch=True,
    ),
    st.sampled_from(
        [
            "1970-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999Z",
            "1969-12-31T23:59:59.9999999Z",
            "1970-01-01T00:30:00+01:00",
            "2100-01-01T00:00:00Z",
            "2099-12-31T23:59:59.999999Z",
            "2099-12-31T23:59:59.9999995Z",
            "2100-01-01T01:00:00+02:00",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "0000-01-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2024-02-29T00:00:00Z",
            "2016-12-31T23:59:60Z",
            "2026-03-01T24:00:00Z",
            "2026-03-01",
            "2026-03-01T12:00:00",
            "2026-03-01T12:00Z",
            "1767225600",
            "",
            "now",
            "2026-03-01T12:00:00+24:00",
            "2026-03-01T12:00:00-00:00",
        ]
    ),
)
numbers = st.one_of(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([2**63, 2**64, -(2**63) - 1, 10**30, 10**400, 1e15, 1e16, 5e-324, 1.7976931348623157e308, -0.0]),
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, any_text, st.sampled_from(["\0", "\ud800", "a" * 3300, "b" * 16400])),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(any_text, inner, max_size=4)),
    max_leaves=12,
)
wrong = st.one_of(json_values, edge_text, times_text)
sane_properties = st.dictionaries(
    sane_text, st.one_of(st.booleans(), st.integers(-(2**53), 2**53), sane_text), max_size=4
)


@st.composite
def batches(draw: st.DrawFn) -> dict[str, Any]:
    """Good batches."""
    user, session = draw(sane_text.filter(lambda it: it not in (".", ".."))), draw(sane_text.map(lambda it: "s" + it))
    found = []
    for _ in range(draw(st.integers(1, 3))):
        event: dict[str, Any] = EVENT | {"user_id": user, "session_id": session}
        event["properties"] = draw(sane_properties)
        if draw(st.booleans()):
            event["target_element"] = draw(st.none() | st.fixed_dictionaries({"selector": sane_text, "tag": st.none()}))
        if draw(st.booleans()):
            event["url"] = draw(sane_text)
        found.append(event)
    batch: dict[str, Any] = {"events": found}
    if draw(st.booleans()):
        batch |= {"sent_at": "2026-03-01T12:00:01Z", "sdk_version": "1.0.0", "token": "t", "api_key": "pk"}
        batch["context"] = {"time_zone": "Europe/Berlin", "locale": "de", "simulated": draw(st.booleans())}
    return batch


FIELDS = [
    ("sent_at",),
    ("sdk_version",),
    ("token",),
    ("api_key",),
    ("context",),
    ("events",),
    ("unknown",),
    ("context", "time_zone"),
    ("context", "locale"),
    ("context", "simulated"),
    ("context", "unknown"),
    *(("events", 0, name) for name in (*EVENT, "url", "target_element", "properties", "unknown")),
    *(("events", -1, name) for name in ("user_id", "session_id", "timestamp", "properties")),
    *(("events", 0, "target_element", name) for name in ("selector", "tag", "role", "name", "unknown")),
    *(("events", 0, "properties", name) for name in ("a", "\0", "b")),
]


def put(batch: dict[str, Any], path: tuple[str | int, ...], value: Any) -> None:
    """Nothing where the change before this one left no such place."""
    place: Any = batch
    for step in path[:-1]:
        if isinstance(step, int) and not (isinstance(place, list) and place and isinstance(place[step], dict)):
            return
        if isinstance(place, dict) and not isinstance(place.get(step), dict | list):
            place[step] = {}
        place = place[step]
    place[path[-1]] = value


PIECES = [b"\\u0000", b"\\ud800", b"\0", b"1E999", b"{", b'"', b",", b"null", b"\xff"]
MANY = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


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


def test_every_bad_event_is_named():
    good, bad = EVENT, EVENT | {"timestamp": "yesterday"}
    body = json.dumps({"events": [good, bad, good, EVENT | {"user_id": "bob", "session_id": ""}]}).encode()
    with pytest.raises(events.Refused) as refused:
        events.decode(body)
    assert [item.loc for item in refused.value.errors] == [["events", 1, "timestamp"], ["events", 3, "session_id"]]
    with pytest.raises(events.Refused) as refused:
        events.decode(json.dumps({"events": [good, EVENT | {"user_id": "bob"}]}).encode())
    assert [item.loc for item in refused.value.errors] == [["events", 1, "user_id"]]


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
