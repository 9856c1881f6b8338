"""Memory of every process over time, into a CSV; and how steep it grows."""

import asyncio
import contextlib
import csv
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

WARM_UP = 60.0
"""Seconds of a process's life that say nothing: it imports, opens its connections, fills its caches."""
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Sample:
    """`at` in seconds since the run began."""

    at: float
    name: str
    pid: int
    private: int


def private(pid: int) -> int:
    """Bytes that a process and all below it have written and share with nobody; 0 where it is gone.

    Pages of programs and libraries are left out: whether they are shared depends on what else the machine runs.
    """
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    return sum(_private_dirty(one.pid) for one in family)


def _private_dirty(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Private_Dirty:"):
                return int(line.split()[1]) * 1024
    return 0


async def watch(pids: Callable[[], dict[str, int]], every: float, path: Path, samples: list[Sample]) -> None:
    """Until cancelled. The file is complete at every moment."""
    began = time.monotonic()
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["seconds", "process", "pid", "private_bytes"])
        while True:
            for name, pid in pids().items():
                if found := await asyncio.to_thread(private, pid):
                    samples.append(Sample(round(time.monotonic() - began, 2), name, pid, found))
                    writer.writerow([samples[-1].at, name, pid, found])
            file.flush()
            await asyncio.sleep(every)


@dataclass(frozen=True)
class Growth:
    """Of all processes that bore one name. Slopes in MiB an hour, after the warm-up."""

    first: float
    last: float
    """MiB: the medians of the first and the last tenth of the samples."""
    most: float
    overall: float
    within: float
    """Of the lives alone: restarts cannot hide it, and cannot make it."""


def growth(samples: Iterable[Sample]) -> dict[str, Growth]:
    lives: dict[str, dict[int, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    for sample in samples:
        lives[sample.name][sample.pid].append(sample)
    found = {}
    for name, by_pid in lives.items():
        kept = [[one for one in life if one.at - life[0].at >= WARM_UP] for life in by_pid.values()]
        kept = [life for life in kept if len(life) > 1]
        whole = sorted((one for life in kept for one in life), key=lambda one: one.at)
        if len(whole) < 3:
            continue
        tenth = max(1, len(whole) // 10)
        found[name] = Growth(
            first=statistics.median(one.private for one in whole[:tenth]) / _MIB,
            last=statistics.median(one.private for one in whole[-tenth:]) / _MIB,
            most=max(one.private for one in whole) / _MIB,
            overall=_slope([whole]),
            within=_slope(kept),
        )
    return found


def _slope(groups: list[list[Sample]]) -> float:
    """Least squares with a level of its own for each group."""
    above = below = 0.0
    for group in groups:
        mean_at = statistics.fmean(one.at for one in group)
        mean = statistics.fmean(one.private for one in group)
        above += sum((one.at - mean_at) * (one.private - mean) for one in group)
        below += sum((one.at - mean_at) ** 2 for one in group)
    return above / below * 3600 / _MIB if below else 0.0
