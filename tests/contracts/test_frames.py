"""Frames of the socket and of the link behind it, and the nudges in them."""

import json
import re
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from handrail_contracts import frames, link, nudges
from handrail_contracts.snippet_config import SnippetConfig

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
users = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=200)


@given(
    st.lists(
        st.one_of(
            st.builds(
                link.Attach,
                st.integers(0, 2**31),
                users,
                st.booleans(),
                st.integers(0, 2**53),
                st.text(max_size=3).map(ascii),
            ),
            st.builds(link.FromBrowser, st.integers(0, 2**31), users),
            st.builds(link.Detach, st.integers(0, 2**31)),
        ),
        max_size=5,
    )
)
def test_frames_to_realtime_come_back(sent):
    assert link.decode_for_realtime(link.encode(sent)) == sent


def test_frames_to_the_gateway_come_back():
    sent: list[link.ToGateway] = [link.ToBrowser(1, 2, "\u00fc", "d"), link.Close(3, 1012, "restart")]
    assert link.decode_for_gateway(link.encode(sent)) == sent


def test_frames_of_a_peer_that_is_older_or_newer_are_read():
    older = msgspec.msgpack.encode([["a", 1, "ann"], ["a", 2, "bob", True, 7, "digest", "new"]])
    assert link.decode_for_realtime(older) == [link.Attach(1, "ann"), link.Attach(2, "bob", True, 7, "digest")]
    assert link.decode_for_gateway(msgspec.msgpack.encode([["t", 1, 2, "x"]])) == [link.ToBrowser(1, 2, "x")]


@given(st.binary(max_size=100))
def test_any_bytes_on_a_link_are_read_or_refused(data):
    for decode in (link.decode_for_realtime, link.decode_for_gateway):
        try:
            decode(data)
        except msgspec.MsgspecError:
            continue


@given(
    st.one_of(
        st.text(max_size=50),
        st.fixed_dictionaries(
            {"type": st.sampled_from(["ack", "resume", "hello", 1])},
            optional={
                name: st.one_of(st.integers(-2, 2**54), st.floats(), st.none(), st.booleans(), st.text(max_size=3))
                for name in ("seq", "last_seq", "other")
            },
        ).map(json.dumps),
    )
)
def test_client_frames_get_one_verdict(text):
    """As with event batches: the hot path and the public models say the same of JSON, which knows no Infinity."""
    assume(not {"Infinity", "NaN"} & set(re.findall(r"Infinity|NaN", text)))
    try:
        fast: object = frames.decode_client(text)
    except (msgspec.MsgspecError, UnicodeError):
        fast = None
    try:
        # Strict, as msgspec is; 1.0 is an integer to JSON Schema and to both.
        public: object = frames.CLIENT_FRAME.validate_json(text.encode("utf-8", "surrogatepass"))
    except ValidationError:
        public = None
    if fast is None and public is not None:
        assert not _whole(text), text
    else:
        assert (fast is None) == (public is None), text


def _whole(text: str) -> bool:
    """Whether the number in a frame is written as an integer, which a lax model does not insist on."""
    value = json.loads(text)
    seq = value.get("seq" if value["type"] == "ack" else "last_seq")
    return isinstance(seq, int) and not isinstance(seq, bool)


def test_server_frames_come_back():
    nudge = nudges.Nudge(
        nudge_id="n", kind="chat", stuck_point="/", target=None, title="t", body="b", language="en", expires_at=NOW
    )
    hello = {"type": "hello", "seq": 3, "config": SnippetConfig().model_dump()}
    message = {"type": "message", "seq": 5, "message_id": "m", "text": "x", "from": "human", "in_reply_to": None}
    for frame in (
        hello,
        hello | {"type": "config"},
        message,
        {"type": "nudge", "seq": 4, "nudge": nudge.model_dump(mode="json")},
    ):
        parsed = frames.SERVER_FRAME.validate_json(json.dumps(frame))
        assert json.loads(parsed.model_dump_json(by_alias=True)) == frame
    for wrong in ({}, {"type": "nudge"}, {"type": "boo", "seq": 1}, message | {"from": "boss"}):
        with pytest.raises(ValidationError):
            frames.SERVER_FRAME.validate_json(json.dumps(wrong))


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x", "/relative", "http://", "//host", "ftp://a", ""],
)
def test_a_link_of_a_nudge_is_http_only(url):
    with pytest.raises(ValidationError):
        nudges.Action(id="a", label="b", kind="link", url=url)
    assert nudges.Action(id="a", label="b", kind="link", url="https://a.test/x").url == "https://a.test/x"
