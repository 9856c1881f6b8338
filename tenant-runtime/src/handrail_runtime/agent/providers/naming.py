"""Names made for machines, said for people: `new-project` is "New project", `/projects/*` is "Projects"."""

import re

from handrail_runtime.agent.case import Case

MAX_NAME = 60
_MARKUP = re.compile(r"[*_`\[\]()<>{}#|\\~\x00-\x1f]+")
_NAMED = re.compile(r"""\[(?:data-hr-name|name|aria-label)=["']?([^"'\]]+)["']?\]""")
_ID = re.compile(r"#([A-Za-z][\w-]*)")
_DIGITS = re.compile(r"\d{3,}|[0-9a-f]{8,}")


def spoken(name: str) -> str:
    """A name as a person would write it: no markup, first letter large, at most 60 characters."""
    words = re.sub(r"[-_\s]+", " ", name)
    words = " ".join(_MARKUP.sub(" ", words).split())[:MAX_NAME].strip()
    return words[:1].upper() + words[1:]


def page(path: str) -> str:
    """The last part of a path that says something; empty where none does."""
    parts = [part for part in re.split(r"[/#!]+", path) if part and part != "*" and not _DIGITS.search(part)]
    return spoken(parts[-1]) if parts else "Home" if path else ""


def element(case: Case, selector: str | None) -> str:
    """What the page calls an element (data-hr-name), else what its selector gives away; empty where neither does."""
    if not selector:
        return ""
    for seen in reversed(case.events):
        if seen.target.get("selector") == selector and seen.target.get("name"):
            return spoken(str(seen.target["name"]))
    found = _NAMED.search(selector) or _ID.search(selector.rsplit(">", 1)[-1])
    if found is None or _DIGITS.search(found[1]):
        return ""
    return spoken(found[1])
