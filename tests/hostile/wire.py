"""Requests byte by byte, and what every answer must be."""

import contextlib
import json
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handrail_contracts.problems import CODES

_BROWSER = re.compile(rb"/api/v1/(?:events|identify)(?:\?.*)?|/sdk/.*")
_UNAVAILABLE = {"unavailable", "stream_full", "suspended", "asleep"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["code"]) if self.status >= 400 else ""


def request(method: str, target: str | bytes, headers: Sequence[tuple[str, str]] = (), body: bytes = b"") -> bytes:
    """One whole request, after which the connection is closed."""
    raw = target if isinstance(target, bytes) else target.encode()
    lines = [method.encode() + b" " + raw + b" HTTP/1.1", b"Host: platform.test", b"Connection: close"]
    lines += [f"{name}: {value}".encode("latin-1") for name, value in headers]
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


def exchange(port: int, sent: bytes, seconds: float = 60.0) -> bytes:
    """All that comes back until the other side ends the connection."""
    found = bytearray()
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        # Refused before all of it was sent: the answer may still be there.
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65536):
                found += part
    return bytes(found)


def read(raw: bytes) -> Answer:
    """The first answer in it."""
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        headers[name.lower()] = value
    return Answer(int(status.split(" ")[1]), headers, body)


def check(answer: Answer, target: str | bytes, method: str = "GET") -> None:
    """What holds of every answer whatever was asked. Raises AssertionError."""
    raw = target if isinstance(target, bytes) else target.encode()
    headers = answer.headers
    assert answer.status < 500 or answer.status == 503, answer
    assert re.fullmatch(r"[A-Za-z0-9._:+=@-]{1,128}", headers["x-request-id"]), headers
    assert headers["x-content-type-options"] == "nosniff"
    if _BROWSER.fullmatch(raw):
        assert headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in headers
    if answer.status >= 400 and method != "HEAD":
        body = answer.json
        assert headers["content-type"] == "application/problem+json", headers
        assert CODES[body["code"]] == (answer.status, body["title"]), body
        assert (body["status"], body["request_id"]) == (answer.status, headers["x-request-id"])
        assert all(set(item) == {"loc", "msg"} for item in body["errors"])
        assert (answer.status != 503) or (body["code"] in _UNAVAILABLE and int(headers["retry-after"]) >= 1)
        assert (answer.status != 429) or int(headers["retry-after"]) >= 1
