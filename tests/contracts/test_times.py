"""Durations and points in time, as every room reads and writes them."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail_contracts import durations, times

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


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
