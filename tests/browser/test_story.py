"""The whole story on the demo: somebody is stuck, and gets help in the tenant's words, and nobody else's."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator

pytestmark = pytest.mark.browser

ARRIVES_SECONDS = 20


def beside(nudge: Locator, element: Locator) -> bool:
    """Whether a tooltip stands at the element: an edge apart, and overlapping along it."""
    a, b = nudge.bounding_box(), element.bounding_box()
    assert a is not None
    assert b is not None
    across = min(a["x"] + a["width"], b["x"] + b["width"]) - max(a["x"], b["x"])
    gap = max(a["y"], b["y"]) - min(a["y"] + a["height"], b["y"] + b["height"])
    return across > 0 and 0 <= gap < 30


def told(up: Any, tenant: str, nudge_id: str) -> set[str]:
    """Which events of a nudge are in the tenant's database."""
    found = up.read(tenant, "/api/v1/events", limit="500")
    return {event["event_type"] for event in found if event["properties"].get("nudge_id") == nudge_id}


def test_each_tenants_user_gets_help_in_its_tone(up: Any, new_person: Callable[[], Any], until: Any) -> None:
    friendly, formal = new_person(), new_person()
    friendly.opens(up.demo("acme"))
    friendly.goes_to("Projects")
    formal.opens(up.demo("globex"))
    formal.goes_to("Invoices")
    # The inviting area does nothing; the way on is the small plus in the corner.
    friendly.clicks(friendly.page.get_by_text("Drop your ideas here"), times=5)
    formal.clicks(formal.page.get_by_text("No drafts"), times=5)

    first, second = friendly.sees_help(), formal.sees_help()
    friendly.pictures_it("acme-tooltip")
    formal.pictures_it("globex-tooltip")
    if picture := os.environ.get("HANDRAIL_PICTURE"):
        friendly.page.screenshot(path=Path(picture), animations="disabled")

    for person, nudge, element in ((friendly, first, "#new-project"), (formal, second, "#new-invoice")):
        assert nudge.get_attribute("data-hr-kind") == "tooltip"
        assert nudge.count() == 1
        assert beside(nudge, person.page.locator(element))
        assert person.page.evaluate("document.activeElement.localName") != "handrail-root"
    warm, cool = first.inner_text(), second.inner_text()
    assert "New project" in warm
    assert "New invoice" in cool
    assert "'" in warm, "a friendly voice speaks in contractions"
    assert "'" not in cool, "a formal one does not"
    assert "!" not in cool

    ids = [str(nudge.get_attribute("data-hr-nudge")) for nudge in (first, second)]
    friendly.clicks(first.get_by_role("button", name="Got it"))
    formal.clicks(formal.page.locator("#new-invoice"))
    first.wait_for(state="detached")
    formal.page.wait_for_url("**/invoices/new")

    until(lambda: {"nudge_shown", "nudge_clicked"} <= told(up, "acme", ids[0]), ARRIVES_SECONDS, "shown and clicked")
    until(lambda: {"nudge_shown", "nudge_completed"} <= told(up, "globex", ids[1]), ARRIVES_SECONDS, "and completed")
    texts = {tenant: str(up.read(tenant, "/api/v1/nudges")) for tenant in ("acme", "globex")}
    assert ids[0] in texts["acme"]
    assert ids[0] not in texts["globex"]
    assert ids[1] in texts["globex"]
    assert ids[1] not in texts["acme"]


def test_a_form_that_keeps_refusing_brings_help_to_it(up: Any, new_person: Callable[[], Any]) -> None:
    person = new_person()
    person.opens(up.demo("acme"))
    person.goes_to("Projects")
    person.clicks(person.page.locator("#new-project"))
    for attempt in ("spring", "SPRING", "S1"):
        person.types("Name", "Spring launch")
        person.types("Key", attempt)
        person.clicks(person.page.get_by_role("button", name="Create project"))
        person.page.get_by_text("Key is not valid.").wait_for()
    nudge = person.sees_help()
    person.pictures_it("acme-form")
    assert beside(nudge, person.page.get_by_label("Key", exact=True))


def test_a_save_that_is_dead_is_seen(up: Any, new_person: Callable[[], Any], until: Any) -> None:
    person = new_person()
    person.opens(up.demo("acme"))
    person.goes_to("Settings")
    person.types("Workspace name", "Rockets")
    person.clicks(person.page.get_by_role("button", name="Save"), times=5)
    nudge = person.sees_help()
    person.pictures_it("acme-settings")
    assert beside(nudge, person.page.get_by_role("button", name="Save"))
    # What was typed is nowhere: neither sent, nor at rest in the browser.
    assert "Rockets" not in person.page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    until(lambda: told(up, "acme", str(nudge.get_attribute("data-hr-nudge"))), ARRIVES_SECONDS, "shown")
    assert "Rockets" not in str(up.read("acme", "/api/v1/events", limit="500"))
