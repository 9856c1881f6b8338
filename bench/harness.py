"""What every benchmark shares: arms run in turn, CPU of all processes involved, a table, and ratios as the last line.

Machines are shared and noisy, so no figure is judged alone: a benchmark runs a floor, a naive way or the state before
beside what it measures, in one run, in alternating order, and compares medians. CPU per unit of work is the figure to
trust; wall time is shown beside it.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psutil

Figures = dict[str, float]
"""What one run of an arm gave, by name; names end in their unit (`us_per_event`, `p99_ms`, `events_per_s`)."""


@dataclass(frozen=True)
class Arm:
    """One of the things compared. `run` does one round and gives its figures."""

    name: str
    run: Callable[[], Awaitable[Figures]]


@dataclass
class Results:
    """Every round of every arm."""

    rounds: dict[str, list[Figures]] = field(default_factory=dict)

    def median(self, arm: str, figure: str) -> float:
        return statistics.median(found[figure] for found in self.rounds[arm] if figure in found)

    def ratio(self, figure: str, arm: str, baseline: str) -> float:
        """Of the medians: `arm` over `baseline`."""
        return self.median(arm, figure) / self.median(baseline, figure)


async def alternate(arms: Sequence[Arm], rounds: int = 3) -> Results:
    """Runs the arms in turn, every second round backwards, so that no arm always has the same neighbour before it."""
    results = Results({arm.name: [] for arm in arms})
    for number in range(rounds):
        for arm in arms if number % 2 == 0 else reversed(arms):
            began = time.perf_counter()
            figures = await arm.run()
            results.rounds[arm.name].append(figures)
            _say(f"round {number + 1}/{rounds}  {arm.name:<28} {time.perf_counter() - began:6.1f} s  {_line(figures)}")
    return results


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of these processes and all below them, so far."""
    total = 0.0
    seen: set[int] = set()
    for pid in pids:
        try:
            process = psutil.Process(pid)
            family = [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
        for one in family:
            if one.pid in seen:
                continue
            seen.add(one.pid)
            try:
                times = one.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
    return total


def memory_bytes(pids: Iterable[int]) -> int:
    """Resident memory that these processes share with nobody (USS), children included."""
    total = 0
    for pid in pids:
        process = psutil.Process(pid)
        total += sum(one.memory_full_info().uss for one in [process, *process.children(recursive=True)])
    return total


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie; 0 where there are none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def report(
    name: str,
    results: Results,
    ratios: Mapping[str, float],
    *,
    goals: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> None:
    """The table of medians, then the one line for machines. `goals` says for a ratio what is wanted of it."""
    columns = list(dict.fromkeys(key for found in results.rounds.values() for one in found for key in one))
    width = max((len(arm) for arm in results.rounds), default=4)
    _say(f"\n{name}: medians of {max(map(len, results.rounds.values()), default=0)} rounds, {machine()}")
    _say("  ".join([" " * width, *(f"{column:>16}" for column in columns)]))
    for arm, found in results.rounds.items():
        cells = [
            f"{results.median(arm, column):16.4g}" if any(column in one for one in found) else " " * 16
            for column in columns
        ]
        _say("  ".join([arm.ljust(width), *cells]))
    for key, value in ratios.items():
        _say(f"  {key:<52} {value:8.3f}  {(goals or {}).get(key, '')}")
    line = {
        "benchmark": name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "ratios": {key: round(value, 4) for key, value in ratios.items()},
        "rounds": results.rounds,
        **(more or {}),
    }
    print(json.dumps(line), flush=True)


def precedence() -> None:
    """Asks for precedence over neighbours, for this process and all that it starts: what is put aside in the middle of
    its work finds its caches cold, and the longer arm pays more for it. Needs root; without it nothing changes."""
    with contextlib.suppress(OSError):
        os.nice(-5)


def many_files() -> None:
    """Lets this process and all that it starts have as many files and sockets open as they may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def machine() -> str:
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, load {load:.1f}"


def main(
    benchmark: Callable[[argparse.Namespace], Coroutine[Any, Any, None]],
    about: str,
    options: Callable[[argparse.ArgumentParser], None] | None = None,
) -> None:
    """`--quick` for what `make bench` runs; the whole benchmark without it. `options`: adds the benchmark's own."""
    parser = argparse.ArgumentParser(description=about)
    if options is not None:
        options(parser)
    parser.add_argument("--quick", action="store_true", help="shorter rounds, the figures that matter most")
    parser.add_argument("--rounds", type=int, default=3)
    asyncio.run(benchmark(parser.parse_args()))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _line(figures: Figures) -> str:
    return "  ".join(f"{name}={value:.4g}" for name, value in figures.items())
