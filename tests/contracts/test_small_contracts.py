"""Durations, keys, framing, subjects, times, frames: what rooms must spell alike."""

import json
import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from handrail_contracts import (
    api_keys,
    durations,
    frames,
    intake,
    link,
    names,
    nudges,
    problems,
    signals,
    subjects,
    times,
    traces,
)
from handrail_contracts.snippet_config import SnippetConfig

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
users = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=200)


# --- durations ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("24h", 86400),
        ("1h30m", 5400),
        ("100ms", 0.1),
        ("1.5h", 5400),
        ("0s", 0),
        ("1m1m", 120),
    ],
)
def test_durations_are_read(text, seconds):
    assert durations.parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "m",
        "5 m",
        "-5m",
        "+5m",
        "5M",
        "5d",
        "1h 30m",
        "1e3s",
        ".5s",
        "5.s",
        "\u0665s",
        "5m\n",
        "9" * 10 + "s",
        "1s" * 40,
    ],
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="a duration like"):
        durations.parse(text)


@given(st.integers(0, 90 * 86_400_000))
def test_durations_come_back(milliseconds):
    value = timedelta(milliseconds=milliseconds)
    assert durations.parse(durations.render(value)) == value
    assert re.fullmatch(durations.PATTERN, durations.render(value))


# --- API keys ----------------------------------------------------------------------------------------------


KEY = api_keys.generate("secret")


@pytest.mark.parametrize("kind", ["publishable", "secret"])
def test_a_made_key_is_read_back(kind):
    key = api_keys.generate(kind)
    parsed = api_keys.parse(key)
    assert parsed is not None
    assert (parsed.kind, parsed.digest) == (kind, api_keys.digest(key))
    assert key.startswith({"publishable": "pk_", "secret": "sk_"}[kind] + parsed.key_id + "_")
    assert len(key) == 3 + 8 + 1 + 30 + 6


@given(st.data())
def test_every_typing_error_is_found(data):
    key = KEY
    at = data.draw(st.integers(0, len(key) - 1))
    other = data.draw(st.sampled_from(api_keys.ALPHABET).filter(lambda it: it != key[at]))
    assert api_keys.parse(key[:at] + other + key[at + 1 :]) is None
    swap = data.draw(st.integers(0, len(key) - 2))
    swapped = key[:swap] + key[swap + 1] + key[swap] + key[swap + 2 :]
    assert swapped == key or api_keys.parse(swapped) is None
    assert api_keys.parse(key[:-1]) is None
    assert api_keys.parse(key + "0") is None


@pytest.mark.parametrize("text", ["", "pk_", "\n", "pk_" + "0" * 45, " ", "x" * 10_000, "pk_00000000_" + "\u0661" * 36])
def test_what_is_no_key_is_refused(text):
    assert api_keys.parse(text) is None
    assert api_keys.parse(api_keys.generate("publishable") + text[:1] + "\n") is None


def test_keys_differ():
    assert len({api_keys.generate("secret") for _ in range(1000)}) == 1000


# --- framing of the EVENTS stream --------------------------------------------------------------------------

metas = st.builds(
    intake.BatchMeta,
    st.integers(0, 2**62),
    st.integers(-(2**62), 2**62),
    st.booleans(),
    st.text(max_size=100).map(ascii),
)


@given(st.lists(st.tuples(metas, st.binary(max_size=300)), max_size=5))
def test_joined_batches_come_apart_again(batches):
    message = intake.join(intake.frame(meta, body) for meta, body in batches)
    assert [(it.meta, it.body) for it in intake.split(message)] == batches


@given(st.lists(st.tuples(metas, st.binary(max_size=50)), min_size=1, max_size=3), st.data())
def test_a_cut_message_is_no_shorter_message(batches, data):
    parts = [intake.frame(meta, body) for meta, body in batches]
    message = intake.join(parts)
    ends = {sum(map(len, parts[:count])) for count in range(len(parts) + 1)}
    cut = data.draw(st.integers(0, len(message)).filter(lambda it: it not in ends))
    with pytest.raises(ValueError, match="ends within a frame"):
        list(intake.split(message[:cut]))


@given(st.binary(max_size=200))
def test_any_bytes_are_split_or_refused(data):
    try:
        found = list(intake.split(data))
    except ValueError:
        return
    assert len(intake.join(intake.frame(it.meta, it.body) for it in found)) <= max(len(data), 0) + 20 * len(found)


def test_a_newer_gateways_meta_is_read():
    newer = msgspec.msgpack.encode([1, 2, True, "r", "t", "something new", {"a": 1}])
    message = len(newer).to_bytes(4, "big") + (2).to_bytes(4, "big") + newer + b"{}"
    assert [it.meta for it in intake.split(message)] == [intake.BatchMeta(1, 2, True, "r", "t")]
    older = msgspec.msgpack.encode([1])
    message = len(older).to_bytes(4, "big") + (0).to_bytes(4, "big") + older
    assert [it.meta for it in intake.split(message)] == [intake.BatchMeta(1)]


# --- subjects and names ------------------------------------------------------------------------------------


@given(users)
def test_a_user_id_never_shapes_a_subject(user_id):
    assert re.fullmatch(r"nudges\.[0-9a-f]{32}", subjects.nudge(user_id))


def test_users_who_look_alike_have_subjects_of_their_own():
    ids = ["a", "A", "a.b", "a.*", "*", ">", "a b", "a\u0301", "\u00e1", " a", "a ", "..", "nudges.*"]
    assert len({subjects.nudge(user_id) for user_id in ids}) == len(ids)


@pytest.mark.parametrize("name", ["acme", "a", "0", "a-b", "a" * 40])
def test_tenant_names(name):
    assert names.is_tenant_name(name)
    assert len(names.namespace(name)) <= 63


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a.b", "a_b", "a b", "a" * 41, "a\n", "\u00fc", "a/b", "*", ">"])
def test_what_is_no_tenant_name(name):
    assert not names.is_tenant_name(name)


@given(users)
def test_only_the_exact_form_is_anonymous(user_id):
    assert not names.is_anonymous(user_id)


def test_anonymous_ids():
    exact = "anon-01890a5d-ac96-474b-bcce-b302099a8057"
    assert names.is_anonymous(exact)
    for other in (exact.upper(), exact + "\n", " " + exact, exact[:-1], exact.replace("anon-", ""), exact + "0"):
        assert not names.is_anonymous(other)


@given(users, users)
def test_redis_keys_of_two_users_never_meet(one, other):
    prefix = names.redis_prefix("acme")
    found = {names.session_key(prefix, one), names.presence_key(prefix, other), names.due_key(prefix)}
    assert len(found) == 3
    assert all(key.startswith("{acme}:") for key in found)


# --- times -------------------------------------------------------------------------------------------------


@given(st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_micros_come_back(value):
    assert times.from_micros(times.micros(value)) == value
    assert times.in_range(value)


def test_the_range_of_times():
    assert times.in_range(times.EPOCH)
    assert not times.in_range(times.EPOCH - timedelta(microseconds=1))
    assert not times.in_range(times.LATEST)


@pytest.mark.parametrize("text", ["", "now", "2026-03-01", "2026-03-01T12:00:00", "1767225600", "2026-03-01T25:00:00Z"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="RFC 3339"):
        times.parse(text)


def test_the_time_of_the_way_is_not_taken_for_a_wrong_clock():
    assert times.skew(NOW - times.SAME_CLOCK, NOW) == timedelta(0)
    assert times.skew(NOW + times.SAME_CLOCK, NOW) == timedelta(0)
    wrong = NOW - times.SAME_CLOCK - timedelta(microseconds=1)
    assert times.skew(wrong, NOW) == NOW - wrong


def test_a_clock_that_is_wrong_is_corrected():
    behind = NOW - timedelta(hours=3)
    offset = times.skew(behind, NOW)
    assert times.corrected(behind - timedelta(seconds=5), offset, NOW) == NOW - timedelta(seconds=5)
    assert times.corrected(behind + timedelta(seconds=5), offset, NOW) == NOW, "never in the future"
    assert times.skew(None, NOW) == timedelta(0)
    assert times.corrected(NOW + timedelta(days=1), timedelta(0), NOW) == NOW
    ahead = NOW + timedelta(days=400)
    assert times.corrected(times.EPOCH, times.skew(ahead, NOW), NOW) == times.EPOCH, "never before 1970"


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.datetimes(datetime(2026, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_any_clock_gives_a_time_that_can_be_kept(timestamp, sent_at, received_at):
    corrected = times.corrected(timestamp, times.skew(sent_at, received_at), received_at)
    assert times.EPOCH <= corrected <= received_at


# --- frames of link and socket -----------------------------------------------------------------------------


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


# --- signals and problems ----------------------------------------------------------------------------------


def test_a_signal_comes_back_and_its_id_is_always_the_same():
    first = signals.signal_id("rage_click", "s", "e1")
    assert first == signals.signal_id("rage_click", "s", "e1")
    assert len({first, signals.signal_id("dead_click", "s", "e1"), signals.signal_id("rage_click", "s", "e2")}) == 3
    signal = signals.Signal(
        signal_id=first,
        kind="rage_click",
        user_id="a",
        session_id="s",
        stuck_point="/p",
        occurred_at=1,
        evidence={"n": [1]},
    )
    assert signals.decode(signals.encode(signal)) == signal
    with pytest.raises(msgspec.MsgspecError):
        signals.decode(b'{"kind": "boo"}')


@pytest.mark.parametrize("code", problems.CODES)
def test_every_problem_has_status_and_title(code):
    body = problems.Problem(code, "why", retry_after=1).body("r")
    assert 400 <= body.status < 600
    assert (body.code, body.request_id, bool(body.title)) == (code, "r", True)


# --- traces ------------------------------------------------------------------------------------------------


def test_a_trace_goes_into_headers_and_back():
    parent = traces.traceparent(bytes(range(16)).hex(), bytes(range(8)).hex())
    assert parent == "00-000102030405060708090a0b0c0d0e0f-0001020304050607-00"
    assert traces.is_traceparent(parent)
    trace = {"request_id": "r-1", "traceparent": parent}
    assert traces.to_headers(trace) == {"X-Request-ID": "r-1", "traceparent": parent}
    assert traces.from_headers(traces.to_headers(trace)) == trace
    assert traces.log_fields(trace) == {"request_id": "r-1", "trace_id": "000102030405060708090a0b0c0d0e0f"}
    assert traces.to_headers({}) == traces.from_headers(None) == traces.log_fields({}) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00-" + "0" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "1" * 32 + "-" + "0" * 16 + "-01",
        "01-" + "1" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "A" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "1" * 32 + "-" + "1" * 16 + "-01-more",
        "00-" + "1" * 32 + "-" + "1" * 16 + "-01\n",
    ],
)
def test_what_is_no_traceparent_is_not_passed_on(text):
    assert not traces.is_traceparent(text)
    assert traces.trace_id(text) == ""
