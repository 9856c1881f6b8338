"""Pure: which sites there are, what their pages look like with a snippet in them, and under which policy they stand."""

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGES = HERE / "pages"
BUILT = HERE / "built"

SNIPPETS = ("tag", "stub", "sri", "npm", None)
POLICIES = ("strict", "strict-dynamic", "strict-origin")
"""One page, three ways of letting the snippet in: by a nonce, by a nonce whose trust is passed on, by its origin."""
SITES = sorted({*(folder.name for folder in PAGES.iterdir() if folder.is_dir()), *POLICIES})


@dataclass(frozen=True)
class Mount:
    """A site as one test wants it."""

    site: str
    gateway: str
    key: str
    snippet: str | None = "tag"
    options: Mapping[str, Any] = field(default_factory=dict)
    """For `init`, by its own names."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of every page; in place of the site's own where it sends the same. `{{nonce}}` is filled in."""
    head: str = ""
    """Markup before the snippet."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The newest manifest of the snippet: name to integrity, and `version`."""


@dataclass(frozen=True)
class Visit:
    """What differs from page to page of a mount."""

    base: str
    other: str
    """The same site's address as of another origin."""
    nonce: str
    query: str = ""
    posts: int = 0


def template(site: str, path: str) -> Path | None:
    """The file of a page; what a single-page site routes by itself is its index."""
    folder = PAGES / ("strict" if site in POLICIES else site)
    name = path.strip("/") or "index"
    page = folder / f"{name}.html"
    if page.parent == folder and page.is_file():
        return page
    return folder / "index.html" if site in ("react", "vue") else None


def render(mount: Mount, visit: Visit, text: str) -> str:
    values = {
        "head": mount.head.replace("{{nonce}}", visit.nonce) + snippet(mount, visit.nonce),
        "base": visit.base,
        "other": visit.other,
        "nonce": visit.nonce,
        "q": html.escape(visit.query),
        "posts": str(visit.posts),
    }
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    return text


def headers(mount: Mount, nonce: str) -> dict[str, str]:
    """Header names in lower case."""
    own = {"content-security-policy": policy(mount)} if mount.site in POLICIES else {}
    given = {name.lower(): value for name, value in mount.headers.items()}
    return {name: value.replace("{{nonce}}", nonce) for name, value in (own | given).items()}


def policy(mount: Mount) -> str:
    """The strictest that still lets a page have scripts at all."""
    scripts = {
        "strict": "'nonce-{{nonce}}'",
        "strict-dynamic": "'nonce-{{nonce}}' 'strict-dynamic'",
        "strict-origin": f"'self' {mount.gateway}",
    }[mount.site]
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {scripts}",
            f"connect-src {mount.gateway} {mount.gateway.replace('http', 'ws', 1)}",
            "style-src 'none'",
            "form-action 'self'",
            "base-uri 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )


ATTRIBUTES = {"endpoint": "data-endpoint", "consent": "data-consent"}
"""Options that the tag takes; any other one makes it a page with a call of `init`."""


def snippet(mount: Mount, nonce: str) -> str:
    if mount.snippet is None:
        return ""
    options = {"key": mount.key, **mount.options}
    if mount.snippet == "npm":
        data = json.dumps({"endpoint": mount.gateway, **options}).replace("<", "\\u003c")
        return (
            f'<script type="application/json" id="handrail-options">{data}</script>'
            f'<script type="module" nonce="{nonce}" src="/built/npm.js"></script>'
        )
    source = f'async nonce="{nonce}" src="{mount.gateway}/sdk/v1/onboarding-agent-sdk.js"'
    if mount.snippet == "sri":
        version, integrity = mount.files["version"], mount.files["onboarding-agent-sdk.js"]
        source = (
            f'async nonce="{nonce}" src="{mount.gateway}/sdk/{version}/onboarding-agent-sdk.js" '
            f'integrity="{integrity}" crossorigin="anonymous"'
        )
    if mount.snippet != "stub" and not set(mount.options) - set(ATTRIBUTES):
        given = "".join(
            f' {attribute}="{html.escape(str(options[name]))}"'
            for name, attribute in {"key": "data-key", **ATTRIBUTES}.items()
            if name in options
        )
        return f"<script {source}{given}></script>"
    call = json.dumps(["init", options]).replace("<", "\\u003c")
    return (
        f'<script nonce="{nonce}">(window.handrail=window.handrail||[]).push({call})</script><script {source}></script>'
    )
