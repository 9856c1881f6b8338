"""API keys: `pk_` or `sk_`, 8 characters of key id, `_`, 30 random base62, 6 of CRC32.

The checksum lets the door refuse a typing error without a look-up and secret scanners find leaks. The random
part carries 178 bits, so a plain SHA-256 is a safe thing to keep.
"""

import re
import secrets
import string
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal
from zlib import crc32

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
KeyKind = Literal["publishable", "secret"]
PREFIXES: dict[KeyKind, str] = {"publishable": "pk_", "secret": "sk_"}
_FORM = re.compile(r"(pk|sk)_([0-9A-Za-z]{8})_([0-9A-Za-z]{30})([0-9A-Za-z]{6})")


@dataclass(frozen=True)
class ParsedKey:
    """A well-formed key, not yet known to be a live one."""

    kind: KeyKind
    key_id: str
    digest: str


def _base62(number: int, width: int) -> str:
    out = ""
    for _ in range(width):
        number, rest = divmod(number, 62)
        out = ALPHABET[rest] + out
    return out


def _checksum(body: str) -> str:
    return _base62(crc32(body.encode()), 6)


def generate(kind: KeyKind) -> str:
    """A new key in clear text, to be shown once."""
    key_id = "".join(secrets.choice(ALPHABET) for _ in range(8))
    body = f"{PREFIXES[kind]}{key_id}_" + "".join(secrets.choice(ALPHABET) for _ in range(30))
    return body + _checksum(body)


def digest(key: str) -> str:
    """What is kept of a key everywhere but in the tenant's own Secret: SHA-256, hexadecimal."""
    return sha256(key.encode()).hexdigest()


def parse(text: str) -> ParsedKey | None:
    """The parts of a key, or None where form or checksum is wrong."""
    match = _FORM.fullmatch(text)
    if match is None or _checksum(text[:-6]) != match[4]:
        return None
    return ParsedKey("publishable" if match[1] == "pk" else "secret", match[2], digest(text))
