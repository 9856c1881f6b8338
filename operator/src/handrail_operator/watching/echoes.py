"""Watches tell the operator of its own writes too. Those are no news: the look that wrote knows what it wrote.

Pure but for what it remembers: versions of objects between a write and its echo. A word of somebody else's is never
taken for an echo, for its version is another; neither is what he wrote right before us, which an apply leaves standing.
"""

from dataclasses import dataclass, field

Key = tuple[str, str, str]
"""As in the caches."""


@dataclass
class Echoes:
    _under_way: dict[Key, set[int]] = field(default_factory=dict)
    """Objects that are being written, and the versions that were told of them meanwhile."""
    _awaited: dict[Key, int] = field(default_factory=dict)
    """Versions that were written and not told yet."""

    def writes(self, key: Key) -> None:
        """Before it is sent; to be followed by `wrote`."""
        self._under_way[key] = set()

    def wrote(self, key: Key, version: int) -> bool:
        """`version`: as it was answered; 0: nobody knows whether it was done. Whether more than that was told
        meanwhile, which is news then."""
        told = self._under_way.pop(key, set())
        if version > max(told, default=0):
            self._awaited[key] = version
        return bool(told - {version})

    def is_news(self, key: Key, version: int) -> bool:
        """Of what a watch tells."""
        if key in self._under_way:
            self._under_way[key].add(version)
            return False
        written = self._awaited.get(key, 0)
        if version >= written:
            self._awaited.pop(key, None)
        return version != written
