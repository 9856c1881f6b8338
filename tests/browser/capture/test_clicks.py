"""Every click a person makes is told, with what it hit and whether the page answered."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def told(events: list[dict[str, Any]]) -> list[tuple[str | None, bool, int]]:
    return [
        (event["target_element"]["selector"], event["properties"]["reacted"], event["properties"].get("count", 1))
        for event in events
    ]


def test_whatever_is_hit_is_told_and_found(walk: Callable[..., Any]) -> None:
    here = walk("plain")
    here.page.evaluate("document.getElementById('dead').click()")
    for what in ("h1", "#area", "header b", "#dead"):
        here.person.clicks(here.page.locator(what))
    # What the last one does is no answer to these: their second is over.
    here.hears("click", 4)
    here.person.clicks(here.page.locator("#summary"))
    assert told(here.hears("click", 5)) == [
        ("h1", False, 1),
        ("#area", False, 1),
        ("header > b:nth-of-type(1)", False, 1),
        ("#dead", False, 1),
        ("#summary", True, 1),
    ], "a script's own click is nobody's"
    assert [here.finds(event) for event in here.of("click")] == ["h1", "area", "b", "dead", "summary"]
    assert {event["target_element"]["name"] for event in here.of("click")} == {None}


def test_rapid_clicks_are_one_with_a_count(walk: Callable[..., Any]) -> None:
    here = walk("plain")
    here.person.clicks(here.page.locator("#dead"), times=5)
    assert told(here.hears("click")) == [("#dead", False, 5)]


REACTIONS = {
    "text": "document.querySelector('#area').firstChild.data = 'Done'",
    "attribute": "document.querySelector('#area').hidden = true",
    "address": "history.replaceState(null, '', '?x=1')",
    "network": "fetch('/favicon.ico')",
    "focus": "document.querySelector('#first').focus()",
    "late": "setTimeout(() => document.body.append('late'), 400)",
    "popover": "document.querySelector('#pop').showPopover()",
}
SILENCES = {"nothing": "", "ours": "fetch(own)"}


def test_a_click_is_answered_by_what_the_page_does_next(walk: Callable[..., Any], up: Any) -> None:
    here = walk("plain")
    key = up.status["tenants"]["acme"]["publishable_key"]
    here.page.evaluate("(own) => { window.own = own; }", f"{up.status['gateway']}/sdk/v1/config?key={key}")
    here.adds('<div id="pop" popover="manual">x</div>')
    everything = REACTIONS | SILENCES
    here.adds("".join(f'<button id="{name}" onclick="{does}">{name}</button>' for name, does in everything.items()))
    # In a second of its own, but for what answers nothing.
    for count, name in enumerate([*SILENCES, *REACTIONS], 1):
        here.person.clicks(here.page.locator(f"#{name}"))
        if count >= len(SILENCES):
            here.hears("click", count)
    assert {event["target_element"]["selector"]: event["properties"]["reacted"] for event in here.of("click")} == {
        f"#{name}": name in REACTIONS for name in everything
    }


def test_controls_that_are_switched_off_are_clicked_in_vain(walk: Callable[..., Any]) -> None:
    here = walk("plain")
    here.adds(
        '<button id="off" disabled><b style="padding:9px">Off</b></button>'
        '<fieldset disabled><button id="inner">Off</button></fieldset><input id="field" disabled value="x">'
        '<button id="aria" aria-disabled="true">Off</button>'
    )
    for what in ("off", "inner", "field", "aria"):
        here.person.clicks(here.page.locator(f"#{what}"))
    assert told(here.hears("click", 4)) == [(f"#{what}", False, 1) for what in ("off", "inner", "field", "aria")]


def test_a_labels_click_is_its_fields_too_as_the_browser_has_it(walk: Callable[..., Any]) -> None:
    here = walk("plain", path="settings")
    here.person.clicks(here.page.get_by_text("Weekly letter"))
    assert told(here.hears("click", 2)) == [
        ("#settings > label:nth-of-type(6)", True, 1),
        ('input[name="letter"]', True, 1),
    ]
    assert [event["properties"] for event in here.hears("change")] == [{"filled": True}]


def test_a_host_that_stops_events_early_hides_nothing(walk: Callable[..., Any]) -> None:
    here = walk("plain")
    here.page.evaluate(
        """for (const type of ["click", "input", "submit", "change"]) {
             document.addEventListener(type, (event) => event.stopImmediatePropagation(), true);
           }"""
    )
    here.person.clicks(here.page.locator("#dead"))
    here.hears("click")


def test_what_we_show_and_what_is_ignored_is_not_the_hosts(walk: Callable[..., Any]) -> None:
    here = walk("plain")
    here.adds(
        '<handrail-root></handrail-root><div data-hr-ignore><button id="private">Private</button><x-in></x-in></div>'
    )
    here.page.evaluate(
        """for (const host of document.querySelectorAll("handrail-root, x-in")) {
             host.attachShadow({ mode: "open" }).innerHTML = '<button>Ours</button><input>';
           }"""
    )
    for what in ("handrail-root button", "handrail-root input", "#private", "x-in button", "#dead"):
        here.person.clicks(here.page.locator(what))
    here.page.keyboard.type("typed")
    here.settles()
    assert {event["event_type"] for event in here.events} <= {"page_view", "click", "custom", "visibility"}
    assert [selector for selector, _, _ in told(here.of("click"))] == ["#dead"]


def test_a_click_that_leads_away_was_answered(walk: Callable[..., Any]) -> None:
    here = walk("plain")
    here.person.clicks(here.page.locator("#nav-projects"))
    here.page.wait_for_url("**/projects")
    assert told(here.stored("click")) == [("#nav-projects", True, 1)]
