"""The shipped example tenants: in the wheel beside this package, in a source tree under `examples/tenants`."""

import shutil
from pathlib import Path

import handrail_cli


def folder() -> Path:
    package = Path(handrail_cli.__file__).parent
    shipped = package / "examples" / "tenants"
    return shipped if shipped.is_dir() else package.parents[2] / "examples" / "tenants"


def copy_to(target: Path) -> list[Path]:
    """Copies what is not there yet, and says where they are. What a user changed there stays."""
    target.mkdir(parents=True, exist_ok=True)
    found = []
    for source in sorted(folder().glob("*.yaml")):
        place = target / source.name
        if not place.exists():
            shutil.copyfile(source, place)
        found.append(place)
    return found
