"""What a Retry-After header says, whoever sent it."""

from datetime import UTC, datetime

import pytest

from handrail_runtime import retry_after

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 30 ", 30.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("1e9", retry_after.LONGEST),
        ("9" * 400, retry_after.LONGEST),
        ("Mon, 02 Nov 2026 12:01:00 GMT", 60.0),
        ("Mon, 02 Nov 2026 12:00:30", 30.0),
        ("Mon, 02 Nov 2026 11:00:00 GMT", 0.0),
        ("Mon, 02 Nov 9999 11:00:00 GMT", retry_after.LONGEST),
        ("Mon, 02 Nov 99999999999999999999 11:00:00 GMT", None),
        ("-5", None),
        ("soon", None),
        ("nan", None),
        ("", None),
        (None, None),
    ],
)
def test_it_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after.seconds(header, NOW) == seconds
