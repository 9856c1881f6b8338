"""Holds one platform for all workers of a run: `python -m tests.hostile.hold FOLDER`.

Whoever uses it has a shared lock on the file `use`. Once nobody has one any more, killed or not, the platform ends. The
file `world.json` stands for as long as the platform does.
"""

import fcntl
import json
import sys
from dataclasses import asdict
from pathlib import Path

from tests.hostile.world import BYSTANDER, DESCRIBED, HOSTILE, platform


def main(folder: Path) -> None:
    told = folder / "world.json"
    # Held until this process has ended: whoever comes meanwhile waits, and starts another.
    with (folder / "use").open("a") as use, platform(HOSTILE, BYSTANDER, DESCRIBED) as world:
        written = folder / "world.new"
        written.write_text(json.dumps(asdict(world), default=str))
        written.rename(told)
        fcntl.flock(use, fcntl.LOCK_EX)
        told.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
