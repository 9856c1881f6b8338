"""Which users of a tenant were seen lately: two Bloom filters that take turns, so memory is bounded.

A user who was seen is always known again until twice `_GENERATION` others came; one in some hundred strangers passes
for known, which costs a limit on strangers nothing.
"""

_BITS = 1 << 17
_MASK = _BITS - 1
_GENERATION = 10_000
"""Users in one filter: 13 bits for each."""
_PROBES = 4


class Known:
    """The users of one tenant; 32 KiB at most."""

    __slots__ = ("_count", "_new", "_old")

    def __init__(self) -> None:
        self._new = bytearray(_BITS // 8)
        self._old = b""
        self._count = 0

    def __contains__(self, user_id: str) -> bool:
        # Python's own hash is keyed by chance for each process, so nobody can make ids that look alike to it.
        digest = hash(user_id)
        if _holds(self._new, digest):
            return True
        if not self._old or not _holds(self._old, digest):
            return False
        # Seen again: goes into the filter that stays longer.
        self._put(digest)
        return True

    def add(self, user_id: str) -> None:
        self._put(hash(user_id))

    def _put(self, digest: int) -> None:
        if self._count >= _GENERATION:
            self._old, self._new, self._count = bytes(self._new), bytearray(_BITS // 8), 0
        step = digest >> 32 | 1
        for number in range(_PROBES):
            place = digest + number * step & _MASK
            self._new[place >> 3] |= 1 << (place & 7)
        self._count += 1


def _holds(bits: bytes | bytearray, digest: int) -> bool:
    # A loop and no list: this runs for every batch.
    step = digest >> 32 | 1
    for _ in range(_PROBES):
        place = digest & _MASK
        if not bits[place >> 3] >> (place & 7) & 1:
            return False
        digest += step
    return True
