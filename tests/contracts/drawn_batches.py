"""Batches of events to try the two descriptions on: good ones, and what can be put in the place of a part."""

import json
from typing import Any

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


def one(**changed: Any) -> bytes:
    return json.dumps({"events": [EVENT | changed]}).encode()


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
        if draw(st.booleans()):
            batch["context"]["dropped"] = draw(st.integers(0, events.MAX_DROPPED))
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
    ("context", "dropped"),
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
        if isinstance(place, list) and isinstance(step, str):
            return
        if isinstance(place, dict) and not isinstance(place.get(step), dict | list):
            place[step] = {}
        place = place[step]
    if isinstance(place, list) and isinstance(path[-1], str):
        return
    place[path[-1]] = value


PIECES = [b"\\u0000", b"\\ud800", b"\0", b"1E999", b"{", b'"', b",", b"null", b"\xff"]
