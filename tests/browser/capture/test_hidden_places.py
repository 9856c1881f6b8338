"""Shadow roots and frames: what is open is seen, what is closed shows its host, nothing is invented."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def selectors(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(event["target_element"]["tag"], event["target_element"]["selector"]) for event in events]


def test_open_shadow_roots_are_seen_through_and_closed_ones_are_not(walk: Callable[..., Any]) -> None:
    here = walk("shadow")
    here.person.clicks(here.page.locator("#open-host #dead"))
    # What the others do is no answer to it: its second is over.
    here.hears("click")
    for what in ("#inside", "#deep"):
        here.person.clicks(here.page.locator(what))
    box = here.page.locator("#closed-host").bounding_box()
    here.page.mouse.click(box["x"] + 20, box["y"] + box["height"] / 2)
    found = here.hears("click", 4)
    assert selectors(found) == [
        ("button", ":is(#open-host, #open-host >>> #dead)"),
        ("button", ":is(#open-host, #open-host >>> #inside)"),
        ("button", ":is(#outer-host, #outer-host >>> x-inner:nth-of-type(1) >>> #deep)"),
        ("x-closed", "#closed-host"),
    ]
    assert [here.finds(event) for event in found] == ["open-host", "open-host", "outer-host", "closed-host"]
    assert [event["properties"]["reacted"] for event in found] == [False, True, True, True]


def test_fields_in_shadow_roots(walk: Callable[..., Any]) -> None:
    here = walk("shadow")
    here.person.clicks(here.page.locator("#field"))
    here.page.keyboard.type("secret")
    here.person.clicks(here.page.locator("#open-host #dead"))
    for kind, properties in (("change", {"filled": True}), ("focus", {"changed": True})):
        (event,) = here.hears(kind)
        assert event["target_element"]["selector"] == ":is(#open-host, #open-host >>> #field)"
        assert properties.items() <= event["properties"].items()


def test_an_answer_inside_a_shadow_root_is_one(walk: Callable[..., Any]) -> None:
    here = walk("shadow")
    here.page.evaluate(
        """() => {
             document.querySelector("#open-host").shadowRoot.querySelector("#dead").onclick = (event) => {
               event.target.textContent = "Alive";
             };
           }"""
    )
    here.person.clicks(here.page.locator("#open-host #dead"))
    (event,) = here.hears("click")
    assert event["properties"]["reacted"] is True


def test_frames_of_the_same_origin_on_request_only(walk: Callable[..., Any]) -> None:
    walks = [walk("frames", options=options) for options in ("", "iframes: true")]
    for here in walks:
        same, other = here.page.frame_locator("#same"), here.page.frame_locator("#other")
        here.person.clicks(same.locator("#inner"))
        here.person.clicks(same.locator("#typed"))
        here.page.keyboard.type("secret")
        here.person.clicks(other.locator("#inner"))
        here.person.clicks(here.page.locator("#outside"))
    for here, seen in zip(walks, (False, True), strict=True):
        here.settles()
        found = here.of("click")
        wanted = [("button", "#outside")]
        if seen:
            wanted = [
                ("button", ":is(#same, #same >>> #inner)"),
                ("input", ":is(#same, #same >>> #typed)"),
                *wanted,
            ]
            assert [event["properties"]["filled"] for event in here.of("change")] == [True]
        assert selectors(found) == wanted
        assert all(event["properties"]["reacted"] for event in found)
        assert len({event["url"] for event in here.events}) == 1, "the page's own address"
