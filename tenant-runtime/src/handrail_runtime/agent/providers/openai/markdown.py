"""A model's text brought down to what a nudge may hold: small Markdown, links to the tenant's own pages alone. Pure."""

import re
from collections.abc import Set
from urllib.parse import urlsplit

_TAG = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>|</?[A-Za-z!?][^<>]{0,2000}>", re.IGNORECASE | re.DOTALL)
_LINK = re.compile(r"\[([^\[\]]*)\]\(\s*([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)[^()]*\)")
_IMAGE = re.compile("!" + _LINK.pattern)
_BARE = re.compile(
    r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s)\]>]+|\b(?:javascript|data|vbscript|mailto):\S+", re.IGNORECASE
)
_HEADING = re.compile(r"^[ \t]{0,3}(?:#{1,6}[ \t]+|>[ \t]?)+", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(?:[-*_][ \t]*){3,}$|^```.*$", re.MULTILINE)
MAX_READ = 5_000
"""Characters that are looked at: some times what can be shown."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b\u202a-\u202e\u2066-\u2069]")


def origin_of(url: str) -> str:
    """`scheme://host[:port]` of an http(s) address without a password; empty where it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None or "\\" in url:
        return ""
    usual = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if port in (None, usual) else f":{port}")


def plain(text: str) -> str:
    """One line without any markup but the words."""
    text = _HEADING.sub("", _LINK.sub(r"\1", _IMAGE.sub(r"\1", _clean(text))))
    return " ".join(re.sub(r"[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}", "", _BARE.sub("", text)).split())


def small(text: str, origins: Set[str]) -> str:
    """Bold, code, lists and links to `origins`; anything else is left as its words."""
    text = _IMAGE.sub(r"\1", _clean(text))
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        label, url = found[1].strip(), found[2]
        if label and origin_of(url) in origins:
            kept.append(f"[{label}]({url})")
            return f"\x00{len(kept) - 1}\x00"
        return label

    text = _LINK.sub(keep, text)
    text = _BARE.sub(lambda found: found[0] if origin_of(found[0]) in origins else "", text)
    text = _RULE.sub("", _HEADING.sub("", text))
    text = re.sub(r"\x00(\d+)\x00", lambda found: kept[int(found[1])], text)
    text = re.sub(r"[ \t]+", " ", text)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in text.split("\n"))).strip()


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, ended at a word, without a half link or an open mark."""
    if len(text) <= limit:
        return text
    text = text[: limit - 1]
    begun = text.rfind("[")
    if begun >= 0 and ")" not in text[begun:]:
        text = text[:begun]
    elif " " in text[limit // 2 :]:
        text = text[: text.rfind(" ")]
    text = text.rstrip(" ,;:-")
    for mark in ("**", "`"):
        if text.count(mark) % 2:
            text = text[: text.rfind(mark)] + text[text.rfind(mark) + len(mark) :]
    return text.rstrip() + "…"


def _clean(text: str) -> str:
    """Without HTML, again and again: taking one tag out may join another."""
    text = _CONTROL.sub("", text[:MAX_READ].replace("\r\n", "\n").replace("\r", "\n"))
    for _ in range(10):
        less = _TAG.sub("", text)
        if less == text:
            return text
        text = less
    return text.replace("<", "").replace(">", "")
