"""Host pages are unharmed: with the snippet and without, the same walk over a site ends in the same page; the snippet
leaves one global, no function of the browser's changed but history's, passive listeners, and no cookie.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page
from tests.browser.sites.walks import WALKS, Walker

pytestmark = pytest.mark.browser

SAME_SECONDS = 10
# As one text: thousands of values of their own are slow to come out of a browser.
PORTRAIT = f"JSON.stringify(({(Path(__file__).parent / 'sites' / 'portrait.js').read_text()})())"
# One of a kind: what the others are made of is walked over in one of these.
LEFT_OUT = ("strict-dynamic", "strict-origin", "hotkeys", "frames", "radix", "big")
WALKED = tuple(name for name in WALKS if name not in LEFT_OUT)
PATCHED = {f"History.prototype.{name}" for name in ("pushState", "replaceState")} | {
    f"History.{name}" for name in ("pushState", "replaceState")
}
FORBIDDEN = {"unload", "beforeunload"}
"""Handlers that keep a page out of the back/forward cache."""
NEVER_CANCELLED = {"storage", "online", "offline", "pageshow", "pagehide", "freeze", "resume"}
"""Nothing waits for their listeners, so these need not be passive."""


@dataclass
class Visit:
    """One walk over a site."""

    page: Page
    tools: CDPSession
    scripts: dict[str, str]
    """Script id to address."""
    lines: list[str]
    """All that the console and errors said."""

    def portrait(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.page.evaluate(PORTRAIT))
        return found

    def listeners(self, origin: str) -> list[dict[str, Any]]:
        """What scripts of this origin listen to, on the page's own objects."""
        found = []
        for target in ("window", "document", "document.documentElement", "document.body", "history", "screen"):
            made = self.tools.send("Runtime.evaluate", {"expression": target})["result"]["objectId"]
            told = self.tools.send("DOMDebugger.getEventListeners", {"objectId": made})["listeners"]
            found += [one | {"on": target} for one in told if self.scripts.get(one["scriptId"], "").startswith(origin)]
        return found


@pytest.fixture
def visit(site: Callable[..., str], new_person: Callable[..., Any]) -> Callable[..., Visit]:
    def make(name: str, *, snippet: str | None, planted: str = "") -> Visit:
        page = new_person(quiet=False).page
        tools = page.context.new_cdp_session(page)
        seen = Visit(page, tools, {}, [])
        tools.on("Debugger.scriptParsed", lambda script: seen.scripts.update({script["scriptId"]: script["url"]}))
        tools.send("Debugger.enable")
        page.on("console", lambda line: seen.lines.append(f"{line.type}: {line.text}"))
        page.on("pageerror", lambda error: seen.lines.append(str(error)))
        if planted:
            page.route("**/onboarding-agent-sdk.js", partial(_with, planted))
        if snippet is None:
            page.goto(site(name, snippet=None))
        else:
            with page.expect_response("**/sdk/v1/config*"):
                page.goto(site(name, snippet=snippet))
        WALKS[name](Walker(page))
        return seen

    return make


def _with(planted: str, route: Any) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text() + planted)


def harms(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Differences that a page could feel. Pure."""
    changed = {
        name
        for name in before["functions"].keys() | after["functions"].keys()
        if before["functions"].get(name) != after["functions"].get(name)
    }
    return [
        *(f"global {name}" for name in sorted(set(after["names"]) ^ set(before["names"]) ^ {"handrail"})),
        *(f"function {name}" for name in sorted(changed - PATCHED)),
        *(f"handler {name}" for name in after["handlers"] if name not in before["handlers"]),
        *(["cookie"] if after["cookie"] != before["cookie"] else []),
        *(["page"] if after["page"] != before["page"] else []),
    ]


def disturbing(listeners: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Those that hold a page up, or out of the back/forward cache: on what, for which event."""
    return {
        (one["on"], one["type"])
        for one in listeners
        if one["type"] in FORBIDDEN or not (one["passive"] or one["type"] in NEVER_CANCELLED)
    }


@pytest.mark.parametrize("name", WALKED)
def test_a_walk_ends_in_the_same_page(name: str, up: Any, visit: Callable[..., Visit], until: Any) -> None:
    without, seen = visit(name, snippet=None), visit(name, snippet="tag")
    told: list[str] = []

    def same() -> bool:
        told[:] = harms(without.portrait(), seen.portrait())
        return not told

    # A modal fades out, a list is made anew: what is the same in the end counts.
    try:
        until(same, SAME_SECONDS, "both are the same")
    except AssertionError:
        assert told == []
    assert seen.lines == without.lines == []
    assert seen.page.context.cookies() == []
    listeners = seen.listeners(str(up.status["gateway"]))
    # Under zone.js every listener is one of zone.js.
    assert listeners or name == "zone"
    assert disturbing(listeners) == set()


HARM = """;
  globalThis.leak = 1;
  Array.prototype.last = function () { return this[this.length - 1]; };
  window.fetch = window.fetch.bind(window);
  document.cookie = "seen=1";
  addEventListener("beforeunload", () => {});
  document.addEventListener("wheel", () => {}, { passive: false });
  document.body?.setAttribute("data-touched", "");
  console.debug("here");
"""


def test_harm_would_be_seen(up: Any, visit: Callable[..., Visit]) -> None:
    without, seen = visit("strict", snippet=None), visit("strict", snippet="tag", planted=HARM)
    found = harms(without.portrait(), seen.portrait())
    # No cookie of a page and none of its address differ in these walks otherwise.
    assert found == ["global leak", "function Array.prototype.last", "function fetch", "cookie", "page"]
    assert seen.lines
    assert set(seen.lines) == {"debug: here"}
    listeners = seen.listeners(str(up.status["gateway"]))
    assert disturbing(listeners) == {("window", "beforeunload"), ("document", "wheel")}
