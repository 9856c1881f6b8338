"""Shows on stderr where a run stands: a moving line on a terminal, else a line now and then."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from handrail_cli.simulate.drive import Progress

_EVERY = 5.0


def _words(progress: Progress) -> str:
    done = f"{progress.events} of {progress.planned}+ events sent, {progress.nudges} nudges"
    return f"{done}, waiting for {progress.waiting_for}" if progress.waiting_for else done


@contextmanager
def shown() -> Iterator[Callable[[Progress], None]]:
    """A function to tell the progress to, for the time of the block."""
    if sys.stderr.isatty():
        with Console(stderr=True).status("simulate: starting") as status:
            yield lambda progress: status.update(f"simulate: {_words(progress)}")
        return
    last = 0.0

    def tell(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY:
            last = now
            sys.stderr.write(f"simulate: {_words(progress)}\n")

    yield tell
