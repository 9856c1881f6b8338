"""Where the committed OpenAPI description is: beside the sources in a tree, inside the package in a wheel."""

from importlib.resources import files
from pathlib import Path

NAME = "openapi.json"


def load() -> bytes | None:
    """The description of the whole public API, or None where none was generated."""
    inside = files("handrail_contracts") / NAME
    if inside.is_file():
        return inside.read_bytes()
    beside = Path(__file__).parents[2] / NAME
    return beside.read_bytes() if beside.is_file() else None
