"""Whether an event happened at the place that a baseline names."""

import re
from functools import lru_cache

_TAGGED = re.compile(r"^([a-zA-Z][a-zA-Z0-9-]*)([#.\[:].*)$", re.DOTALL)
_HASH_ROUTES = ("/", "!/")


@lru_cache(maxsize=4096)
def path_of(url: str) -> str:
    """`https://app.test/a/b?x=1#top` -> `/a/b`; a hash route (`#/…`) is part of the path."""
    scheme = url.find("://")
    if scheme >= 0:
        rest = url[scheme + 3 :]
        begins = min((at for at in (rest.find("/"), rest.find("?"), rest.find("#")) if at >= 0), default=len(rest))
        url = rest[begins:]
    base, _, fragment = url.partition("#")
    base = _trim(base.partition("?")[0])
    if fragment.startswith(_HASH_ROUTES):
        return f"{base}#{_trim(fragment.partition('?')[0])}"
    return base


def _trim(path: str) -> str:
    return path.rstrip("/") or "/"


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = "[^/]+".join(re.escape(part) for part in _trim(pattern).split("*"))
    return re.compile(parts)


def path_matches(pattern: str, path: str) -> bool:
    """Exact, or with `*` for one part; an empty pattern is any page.

    A pattern without `#` is also held against the hash route alone, so that `/projects` is found wherever a
    single-page application is mounted.
    """
    if not pattern:
        return True
    compiled = _compiled(pattern)
    if compiled.fullmatch(path):
        return True
    _, found, route = path.partition("#")
    return bool(found) and "#" not in pattern and compiled.fullmatch(route.removeprefix("!")) is not None


@lru_cache(maxsize=4096)
def _split(selector: str) -> tuple[str, str]:
    """`form#project` -> `form`, `#project`."""
    match = _TAGGED.match(selector)
    return (match[1].lower(), match[2]) if match else ("", selector)


def bare(selector: str) -> str:
    """Without the tag it begins with: equal for all that `selector_matches` takes for one."""
    return _split(selector)[1]


def selector_matches(pattern: str, selector: str | None, tag: str | None) -> bool:
    """Equal, or equal apart from a tag that one of the two spells out. An empty pattern is any element."""
    if not pattern or pattern == selector:
        return True
    if selector is None:
        return False
    wanted_tag, wanted = _split(pattern)
    own_tag, own = _split(selector)
    own_tag = own_tag or (tag or "").lower()
    return wanted == own and (not wanted_tag or wanted_tag == own_tag)
