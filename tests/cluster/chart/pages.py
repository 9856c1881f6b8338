"""Commands as the documentation gives them."""

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Command:
    line: str
    refused: bool
    """The page says so of it."""


def commands(page: str) -> list[Command]:
    """In order: each line of a block `console` that begins with `$`."""
    found = []
    for block in _BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        for text in block.splitlines():
            if text.startswith("$ "):
                line, _, note = text[2:].partition("    #")
                found.append(Command(line.strip(), refused=note.strip() == "refused"))
    return found
