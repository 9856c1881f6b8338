"""A hostile request as data: it names the statuses that may answer it; none may do harm."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

EVENTS, IDENTIFY, CONFIG, KEYS = "/api/v1/events", "/api/v1/identify", "/api/v1/config", "/api/v1/keys"
ANON = "anon-00000000-0000-4000-8000-000000000001"
JSON = ("Content-Type", "application/json")
TEN_MB = 10 * 1024 * 1024


@dataclass(frozen=True)
class Case:
    name: str
    method: str
    target: str | bytes
    expect: frozenset[int]
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = field(default=())
    kind: str = "publishable"
    """Of the key that is sent; "" for none."""

    @property
    def asks_operator(self) -> bool:
        """Whether it is a change of config or keys, which the gateway hands on."""
        return str(self.target).startswith((CONFIG, KEYS)) and self.method != "GET"


def case(name: str, method: str, target: str | bytes, *expect: int, **more: Any) -> Case:
    """A case by the statuses that may answer it."""
    return Case(name, method, target, frozenset(expect), **more)


def user_path(user_id: str) -> str:
    return f"/api/v1/users/{quote(user_id, safe='')}"
