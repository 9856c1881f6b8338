"""Draws what `hour.py` measured: `python -m tests.chaos.plot FOLDER` writes memory.svg, and memory.png where there is a
Chromium to draw it."""

import asyncio
import csv
import json
import os
import shutil
import sys
from collections import defaultdict
from html import escape
from pathlib import Path
from typing import Any

import playwright.async_api

WIDTH, PANEL, LEFT, RIGHT, TOP = 1100, 118, 70, 20, 64
_COLOURS = ("#2563eb", "#d97706")
_GROUND, _INK, _FAINT, _KILL = "#ffffff", "#1f2937", "#d1d5db", "#dc2626"
_MIB = 1024 * 1024
Lives = dict[int, list[tuple[float, float]]]
"""Process id -> seconds and MiB."""


def draw(folder: Path) -> Path:
    """memory.csv and ledger.json -> memory.svg."""
    series: dict[str, Lives] = defaultdict(lambda: defaultdict(list))
    with (folder / "memory.csv").open() as file:
        for row in csv.DictReader(file):
            series[row["process"]][int(row["pid"])].append((float(row["seconds"]), int(row["private_bytes"]) / _MIB))
    ledger = json.loads((folder / "ledger.json").read_text())
    end = max(at for lives in series.values() for life in lives.values() for at, _ in life)
    parts = [_text(LEFT, 22, ledger["title"], size=16, weight="bold"), _text(LEFT, 38, ledger["subtitle"], size=11)]
    for number, (name, lives) in enumerate(sorted(series.items())):
        parts.append(_panel(number, name, lives, ledger, end))
    height = TOP + len(series) * PANEL + 34
    parts.append(_axis(end, TOP + len(series) * PANEL))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif">'
        f'<rect width="100%" height="100%" fill="{_GROUND}"/>{"".join(parts)}</svg>'
    )
    path = folder / "memory.svg"
    path.write_text(svg)
    return path


def _panel(
    number: int, name: str, lives: dict[int, list[tuple[float, float]]], ledger: dict[str, Any], end: float
) -> str:
    top = TOP + number * PANEL
    most = max(value for life in lives.values() for _, value in life) * 1.15
    height = PANEL - 24

    def place(at: float, value: float) -> str:
        return f"{_x(at, end):.1f},{top + height - value / most * height:.1f}"

    parts = [
        f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="{height}" fill="none" stroke="{_FAINT}"/>'
    ]
    for at, victim in ledger["marks"]:
        own = victim == name
        parts.append(
            f'<line x1="{_x(at, end):.1f}" x2="{_x(at, end):.1f}" y1="{top}" y2="{top + height}" '
            f'stroke="{_KILL if own else _FAINT}" stroke-width="{1.4 if own else 0.5}"/>'
        )
    for turn, life in enumerate(lives.values()):
        points = " ".join(place(at, value) for at, value in life)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{_COLOURS[turn % 2]}" stroke-width="1.5"/>')
    slope = ledger["memory"].get(name)
    note = f"{name}" + (f"   {slope['first']:.0f} to {slope['last']:.0f} MiB" if slope else "")
    parts.append(_text(LEFT, top - 5, note, size=12, weight="bold"))
    parts.append(_text(LEFT - 8, top + 10, f"{most:.0f} MiB", size=10, anchor="end"))
    parts.append(_text(LEFT - 8, top + height, "0", size=10, anchor="end"))
    return "".join(parts)


def _x(at: float, end: float) -> float:
    return LEFT + at / end * (WIDTH - LEFT - RIGHT)


def _axis(end: float, top: float) -> str:
    step = next((one for one in (60, 300, 600, 1200, 3600) if end / one <= 12), 7200)
    marks = [_text(_x(at, end), top + 2, f"{at // 60}", size=10) for at in range(0, int(end) + 1, step)]
    return "".join(marks) + _text(LEFT, top + 20, "minutes; red: the process itself was killed, grey: another was")


def _text(x: float, y: float, text: str, *, size: int = 11, weight: str = "normal", anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" '
        f'fill="{_INK}">{escape(text)}</text>'
    )


async def photograph(svg: Path, png: Path) -> None:
    """Raises playwright's error where there is no browser."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = os.environ.get("HANDRAIL_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    async with playwright.async_api.async_playwright() as kit:
        browser = await kit.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": WIDTH, "height": 800})
        await page.set_content(f'<body style="margin:0">{svg.read_text()}</body>')
        await page.locator("svg").screenshot(path=str(png))
        await browser.close()


def main() -> None:
    folder = Path(sys.argv[1])
    svg = draw(folder)
    asyncio.run(photograph(svg, folder / "memory.png"))


if __name__ == "__main__":
    main()
