"""Which Secrets stand in the tenants' namespaces, by name and version alone, as the watches tell. Pure.

Who knows what a Secret was at a version knows by it that nothing has happened to it since, and need not read it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]
Place = tuple[str, str]
"""Tenant, and a namespace of its."""


@dataclass
class SecretVersions:
    _told: dict[Place, dict[str, str]] = field(default_factory=dict)
    _doubted: set[Place] = field(default_factory=set)

    def begins(self, place: Place) -> None:
        """A watch from nowhere, which tells of everything anew."""
        self._told[place] = {}
        self._doubted.add(place)

    def tells(self, place: Place, event: str, secret: Object) -> None:
        """`event`: ADDED, MODIFIED, DELETED or BOOKMARK."""
        self._doubted.discard(place)
        if event == "DELETED":
            self._told[place].pop(secret["metadata"]["name"], None)
        elif event != "BOOKMARK":
            self._told[place][secret["metadata"]["name"]] = secret["metadata"]["resourceVersion"]

    def breaks(self, place: Place) -> None:
        """The watch is to go on where it was; until it tells something, nobody knows what it missed."""
        self._doubted.add(place)

    def ends(self, place: Place) -> None:
        """Nobody watches it any more."""
        self._told.pop(place, None)
        self._doubted.discard(place)

    def of(self, place: Place) -> Mapping[str, str] | None:
        """Name -> version; None while that is not known. Right after the beginning it may be a part of them."""
        return None if place in self._doubted else self._told.get(place)
