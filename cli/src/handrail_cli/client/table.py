"""Rows for a terminal. What users wrote cannot move the cursor or colour the screen. Pure."""

from collections.abc import Sequence

WIDEST = 60
"""Characters of one cell."""


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Aligned columns under their headings; the last one keeps its whole text."""
    lines = [list(headings), *([_plain(cell) for cell in row] for row in rows)]
    last = len(headings) - 1
    cells = [[text if at == last else _short(text) for at, text in enumerate(line)] for line in lines]
    widths = [max(len(line[at]) for line in cells) for at in range(len(headings))]
    padded = ("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells)
    return "\n".join(padded)


def _plain(value: object) -> str:
    text = "-" if value is None or value == "" else str(value)
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}\u2026"
