"""What `metadata.managedFields` says, in both directions: a tree of fieldsV1, and the paths it means. Pure.

A field is a path. Entries of lists that are told apart by a key, and values of sets, are owned one by one.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
_ITSELF = "."


@dataclass(frozen=True)
class Entry:
    """An object in a list, told apart by these fields."""

    keys: tuple[tuple[str, Any], ...]
    """Sorted by name."""

    @property
    def label(self) -> str:
        return "/".join(str(value) for _, value in self.keys)


@dataclass(frozen=True)
class Member:
    """A value of a set."""

    value: str | int | float | bool

    @property
    def label(self) -> str:
        return str(self.value)


@dataclass(frozen=True)
class Other:
    """What no schema of ours has, kept as it is."""

    text: str

    @property
    def label(self) -> str:
        return self.text


Element = str | Entry | Member | Other
Path = tuple[Element, ...]


def decoded(fields: Any) -> set[Path]:
    """The paths that a tree of fieldsV1 means."""
    return set(_walk(fields, ())) if fields else set()


def _walk(node: Object, path: Path) -> Iterator[Path]:
    if path and (not node or _ITSELF in node):
        yield path
    for key, child in node.items():
        if key != _ITSELF:
            yield from _walk(child, (*path, _element(key)))


def encoded(paths: Collection[Path]) -> Object:
    """The tree of fieldsV1 that means these paths."""
    root: Object = {}
    inner = {path[:length] for path in paths for length in range(1, len(path))}
    for path in paths:
        node = root
        for element in path:
            node = node.setdefault(_key(element), {})
        if path in inner:
            node[_ITSELF] = {}
    return root


def _element(key: str) -> Element:
    kind, _, rest = key.partition(":")
    match kind:
        case "f":
            return rest
        case "k":
            return Entry(tuple(sorted(json.loads(rest).items())))
        case "v":
            return Member(json.loads(rest))
        case _:
            return Other(key)


def _key(element: Element) -> str:
    match element:
        case str():
            return f"f:{element}"
        case Entry(keys):
            return f"k:{_json(dict(keys))}"
        case Member(value):
            return f"v:{_json(value)}"
        case Other(text):
            return text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
