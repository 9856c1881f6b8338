"""Reads a browser's trace: what the main thread did in tasks, and which part of it a script of ours or theirs had."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

CATEGORIES = ["devtools.timeline", "disabled-by-default-devtools.timeline", "v8", "loading"]
LONG_MS = 50.0
_SCRIPT = {"FunctionCall", "EvaluateScript", "v8.compile", "v8.evaluateModule", "v8.compileModule", "v8.produceCache"}

Event = Mapping[str, Any]


@dataclass
class Work:
    """Times of one walk, milliseconds of the thread's own CPU."""

    tasks: list[float] = field(default_factory=list)
    """Every task of the main thread."""
    shares: list[float] = field(default_factory=list)
    """Of each task in which the script had a part: that part. All of it where nobody else's script ran in it."""
    shift: float = 0.0
    """Cumulative layout shift without the user's doing."""

    @property
    def long(self) -> int:
        return sum(task > LONG_MS for task in self.tasks)


def read(trace: bytes, origin: str | None) -> Work:
    """`origin`: where the script in question comes from."""
    events = json.loads(trace)["traceEvents"]
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event.get("name") == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    threads: dict[tuple[int, int], list[Event]] = defaultdict(list)
    work = Work()
    for event in events:
        where = (event["pid"], event["tid"])
        if event.get("ph") == "X" and where in mains and (event["name"] == "RunTask" or event["name"] in _SCRIPT):
            threads[where].append(event)
        elif event.get("name") == "LayoutShift" and not event["args"]["data"].get("had_recent_input"):
            work.shift += event["args"]["data"]["score"]
    for thread in threads.values():
        _tasks(sorted(thread, key=lambda event: (event["ts"], -event["dur"])), origin, work)
    return work


def _tasks(events: Iterable[Event], origin: str | None, work: Work) -> None:
    """In order of their beginning, the outer before the inner."""
    task: Event | None = None
    mine, others, covered = 0.0, False, 0.0

    def close() -> None:
        if task is not None:
            whole = _ms(task)
            work.tasks.append(whole)
            if mine:
                work.shares.append(mine if others else whole)

    for event in events:
        if event["name"] == "RunTask":
            if task is not None and event["ts"] < task["ts"] + task["dur"]:
                continue
            close()
            task, mine, others, covered = event, 0.0, False, 0.0
        elif task is not None and event["ts"] >= covered:
            url = str(event["args"].get("data", {}).get("url") or event["args"].get("fileName") or "")
            if origin is not None and url.startswith(origin):
                mine += _ms(event)
                covered = event["ts"] + event["dur"]
            elif url.startswith("http"):
                others = True
    close()


def _ms(event: Event) -> float:
    return float(event.get("tdur", event["dur"])) / 1000
