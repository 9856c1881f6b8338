"""Where in a file something stands, and how a wrong place is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Fault:
    """One wrong place. `line` counts from 1; 0 where the file as a whole is meant."""

    file: Path
    line: int
    field: str
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{place}: {self.field}: {self.reason}" if self.field else f"{place}: {self.reason}"

    def value(self) -> dict[str, Any]:
        return {"file": str(self.file), "line": self.line, "field": self.field, "reason": self.reason}


def line_of(node: Any, location: Sequence[str | int]) -> int:
    """The line of a field in a round-trip tree, or of the nearest thing above it that is written there."""
    found = node.lc.line + 1 if hasattr(node, "lc") and node.lc.line is not None else 1
    for part in location:
        positions = getattr(node, "lc", None)
        try:
            if isinstance(node, dict) and part in node:
                found = positions.key(part)[0] + 1 if positions is not None else found
                node = node[part]
            elif isinstance(node, list) and isinstance(part, int) and part < len(node):
                found = positions.item(part)[0] + 1 if positions is not None else found
                node = node[part]
            else:
                return int(found)
        except (KeyError, TypeError, AttributeError):
            return int(found)
    return int(found)


def field_name(location: Sequence[str | int]) -> str:
    """`spec.baselines[0].name`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
