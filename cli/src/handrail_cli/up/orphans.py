"""Processes of an earlier run that nobody ended (their keeper was killed as well, where the kernel does not help)."""

import contextlib

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
            root = str(state.root)
            if process.cwd().startswith(root) or any(root in part for part in process.cmdline()):
                process.terminate()
                found[known.name] = process
    _, alive = psutil.wait_procs(list(found.values()), timeout=5)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=5)
    return sorted(found)
