"""What travels on the streams, with its trace, and the problems that answers name."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail_contracts import intake, problems, signals, traces

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
