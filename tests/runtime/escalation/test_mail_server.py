"""Where mail is handed in, and how."""

import re

import pytest

from handrail_runtime import mail_server


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.test", ("mail.test", 25, False, False)),
        ("smtp://mail.test:2525", ("mail.test", 2525, False, False)),
        ("smtp://me:word@mail.test:587", ("mail.test", 587, False, True)),
        ("smtps://me:word@mail.test", ("mail.test", 465, True, False)),
        ("smtp+starttls://mail.test", ("mail.test", 587, False, True)),
        ("smtp+starttls://me:word@mail.test", ("mail.test", 587, False, True)),
    ],
)
def test_what_an_address_says(url: str, expected: tuple[str, int, bool, bool]) -> None:
    found = mail_server.parse(url)
    assert (found.host, found.port, found.tls, found.start_tls) == expected


@pytest.mark.parametrize("url", ["mail.test:25", "http://mail.test", "smtp://me:s3cret@:25", "smtp://me:s3cret@h:x"])
def test_what_is_no_address_is_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=re.escape("smtp+starttls://host:port")) as caught:
        mail_server.parse(url)
    assert "s3cret" not in str(caught.value)
