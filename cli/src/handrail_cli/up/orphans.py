"""Processes of an earlier run that nobody ended (their keeper was killed as well, where the kernel does not help)."""

import contextlib
from pathlib import Path

import psutil

from handrail_cli.state.folder import State


def end_orphans(state: State) -> list[str]:
    """Ends what still runs on this state folder; the caller holds its lock. Returns the names."""
    live = state.live()
    found: dict[str, psutil.Process] = {}
    for known in live.processes if live else []:
        if known.pid is None:
            continue
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(known.pid)
            # The number may be a stranger's by now; ours work in the state folder or name it.
            if Path(process.cwd()).is_relative_to(state.root) or _names(state.root, process.cmdline()):
                process.terminate()
                found[known.name] = process
    _, alive = psutil.wait_procs(list(found.values()), timeout=5)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=5)
    return sorted(found)


def _names(root: Path, arguments: list[str]) -> bool:
    """Whether a path within `root` stands among the arguments, whole or behind a `=`. `/x/state2` is not within
    `/x/state`."""
    return any(Path(part).is_relative_to(root) for argument in arguments for part in argument.split("="))
