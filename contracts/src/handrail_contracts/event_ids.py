"""Ids of events that are made by us and not by a browser. Pure: clock and chance are the caller's."""

from datetime import datetime
from uuid import UUID


def uuid7(at: datetime, chance: bytes) -> str:
    """A UUIDv7 (RFC 9562) of the time `at`, with 10 random bytes."""
    number = int.from_bytes(int(at.timestamp() * 1000).to_bytes(6, "big") + chance, "big")
    number &= ~(0xF << 76) & ~(0x3 << 62)
    return str(UUID(int=number | (0x7 << 76) | (0x2 << 62)))
