"""Changes single fields of a spec in its file; comments, order and every other character's meaning stay."""

import io
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from handrail_cli.tenant_files.read import TenantDocument, round_trip


def rewrite(document: TenantDocument, before: dict[str, Any], after: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Brings the document's spec from `before` to `after` (both whole, defaults included); `wanted` is `after` as
    the caller wrote it: what is not in there is left to its default. Written atomically. Raises OSError."""
    yaml = round_trip()
    text = document.path.read_text(encoding="utf-8")
    documents = list(yaml.load_all(text))
    change(documents[document.index]["spec"], before, after, wanted)
    out = io.StringIO()
    _keep_indentation(yaml, text)
    yaml.dump_all(documents, out)
    _replace(document.path, out.getvalue())


def change(node: Any, before: dict[str, Any], after: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Touches only what differs between `before` and `after`."""
    for key in list(dict.fromkeys([*before, *after])):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if key not in wanted:
            node.pop(key, None)
        elif isinstance(node.get(key), dict) and isinstance(new, dict) and isinstance(old, dict):
            change(node[key], old, new, wanted[key])
        elif isinstance(node.get(key), list) and isinstance(new, list) and isinstance(old, list):
            _change_list(node[key], old, new, wanted[key])
        else:
            node[key] = wanted[key]


def _change_list(node: Any, before: list[Any], after: list[Any], wanted: list[Any]) -> None:
    for index, new in enumerate(after):
        if index >= len(node):
            node.append(wanted[index])
        elif index >= len(before) or before[index] != new:
            if isinstance(node[index], dict) and isinstance(new, dict) and index < len(before):
                change(node[index], before[index], new, wanted[index])
            else:
                node[index] = wanted[index]
    del node[len(after) :]


def _keep_indentation(yaml: Any, text: str) -> None:
    """As the file has it: whether a list's dash stands under its key or two columns to the right."""
    for line, following in zip(text.splitlines(), text.splitlines()[1:], strict=False):
        if line.rstrip().endswith(":") and following.lstrip().startswith("- "):
            deeper = len(following) - len(following.lstrip()) > len(line) - len(line.lstrip())
            yaml.indent(mapping=2, sequence=4 if deeper else 2, offset=2 if deeper else 0)
            return


def _replace(path: Path, text: str) -> None:
    target = path.resolve()  # a link stays a link
    seen = target.stat()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), stat.S_IMODE(seen.st_mode))
            if os.geteuid() == 0:
                os.fchown(file.fileno(), seen.st_uid, seen.st_gid)
        os.replace(name, target)  # noqa: PTH105 - mkstemp gives a name
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
