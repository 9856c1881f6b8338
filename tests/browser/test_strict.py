"""The strictest policy a page can stand under: help comes as on any other page, and the console stays empty.

The policies stand in sites/pages.py: nothing but named scripts, no styles, Trusted Types without a single policy.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

ARRIVES_SECONDS = 20
PLACED_SECONDS = 5
WAYS = {
    "strict": ("tag", "stub", "sri", "npm"),
    "strict-dynamic": ("tag", "sri", "npm"),
    "strict-origin": ("tag", "sri"),
}
WATCH = """
  window.violations = [];
  addEventListener("securitypolicyviolation", (event) =>
    violations.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
"""


@pytest.fixture
def overheard(new_person: Callable[..., Any]) -> Callable[[], tuple[Any, Callable[[], list[str]]]]:
    """A new person, and how to read all that the console and the policy said so far, of every type."""

    def make() -> tuple[Any, Callable[[], list[str]]]:
        person = new_person(quiet=False)
        lines: list[str] = []
        person.page.on("console", lambda line: lines.append(f"{line.type}: {line.text}"))
        person.page.add_init_script(WATCH)
        return person, lambda: [*lines, *person.page.evaluate("violations")]

    return make


@pytest.mark.parametrize("policy", WAYS)
def test_help_comes_without_a_line_in_the_console(
    policy: str, up: Any, site: Callable[..., str], overheard: Any, until: Any
) -> None:
    # Side by side: the platform answers them all while the first one waits.
    people = {snippet: overheard() for snippet in WAYS[policy]}
    for snippet, (person, _) in people.items():
        person.opens(site(policy, snippet=snippet))
        person.clicks(person.page.locator("#dead"), times=5)
    ids = {snippet: helped(person, f"{policy}-{snippet}", until) for snippet, (person, _) in people.items()}
    for nudge_id in ids.values():
        until(partial(was_clicked, up, nudge_id), ARRIVES_SECONDS, "shown and clicked")
    for person, said in people.values():
        assert said() == []
        assert person.page.evaluate("document.cookie") == ""


def helped(person: Any, picture: str, until: Any) -> str:
    """The id of the nudge that came, stood where it belongs, looked as it should, and was clicked away."""
    nudge = person.sees_help()
    until(partial(stands_at, nudge, person.page.locator("#dead")), PLACED_SECONDS, "it stands at its target")
    person.pictures_it(picture)
    # The look comes from a constructed sheet: a card of its own, not as wide as the page.
    assert nudge.evaluate("(element) => getComputedStyle(element).backgroundColor") != "rgba(0, 0, 0, 0)"
    assert nudge.bounding_box()["width"] < 500
    nudge_id = str(nudge.get_attribute("data-hr-nudge"))
    person.clicks(nudge.get_by_role("button", name="Got it"))
    nudge.wait_for(state="detached")
    return nudge_id


def test_a_breach_would_be_seen(site: Callable[..., str], overheard: Any, until: Any) -> None:
    for policy in WAYS:
        person, said = overheard()
        heard = partial(is_among, said)
        person.opens(site(policy, head="<style>p { color: red }</style><script>1</script>"))
        until(partial(heard, "style-src"), ARRIVES_SECONDS, "a style is refused")
        until(partial(heard, "script-src"), ARRIVES_SECONDS, "and a script")
        assert not heard("require-trusted-types-for")
        assert not injected(person.page)
        until(partial(heard, "require-trusted-types-for"), ARRIVES_SECONDS, "and markup")


def is_among(said: Callable[[], list[str]], word: str) -> bool:
    return any(word in line for line in said())


def injected(page: Page) -> bool:
    return bool(
        page.evaluate(
            "() => { try { document.body.insertAdjacentHTML('beforeend', '<b>x</b>'); return true }"
            " catch { return false } }"
        )
    )


def test_a_changed_file_is_not_run_where_its_hash_is_pinned(
    site: Callable[..., str], overheard: Any, until: Any
) -> None:
    def altered(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text() + "\n;window.altered = true;")

    for policy in WAYS:
        person, said = overheard()
        person.page.route("**/onboarding-agent-sdk.js", altered)
        person.opens(site(policy, snippet="sri"))
        until(partial(is_among, said, "integrity"), ARRIVES_SECONDS, "the hash is checked")
        assert person.page.evaluate("[typeof handrail, typeof altered]") == ["undefined", "undefined"]


def stands_at(nudge: Any, element: Any) -> bool:
    """An edge apart, and overlapping along it."""
    a, b = nudge.bounding_box(), element.bounding_box()
    across = min(a["x"] + a["width"], b["x"] + b["width"]) - max(a["x"], b["x"])
    gap = max(a["y"], b["y"]) - min(a["y"] + a["height"], b["y"] + b["height"])
    return bool(across > 0 and 0 <= gap < 30)


def was_clicked(up: Any, nudge_id: str) -> bool:
    found = up.read("acme", "/api/v1/events", limit="500")
    told = {event["event_type"] for event in found if event["properties"].get("nudge_id") == nudge_id}
    return {"nudge_shown", "nudge_clicked"} <= told
