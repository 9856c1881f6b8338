"""Elements that the config names, looked for in real pages: what was renamed is told, with what stands there now."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from handrail_contracts.targets import target_id

pytestmark = pytest.mark.browser

COUNTED_SECONDS = 60
ROWS = 40
BASELINE = {
    "name": "health",
    "success": {"event": "custom"},
    "steps": [
        {"name": "water", "event": "click", "selector": "#water", "path": "/*/react"},
        {"name": "open", "event": "click", "selector": "#open", "path": "/*/react/plants"},
        {"name": "save", "event": "submit", "selector": "form#settings", "path": "/*/react/settings"},
        {"name": "elsewhere", "event": "click", "selector": "#water", "path": "/*/vue/dishes"},
        # Each a walk over the whole page; then a search for what is like it.
        *(
            {"name": f"cell-{number}", "event": "click", "selector": f"[data-gone='cell {number}']", "path": "/*/big"}
            for number in range(ROWS)
        ),
    ],
}


@pytest.fixture
def config(up: Any, until: Any) -> Iterator[None]:
    """globex with one more baseline."""
    tenant = up.status["tenants"]["globex"]
    with httpx2.Client(base_url=up.status["gateway"], trust_env=False, timeout=30) as client:
        secret = {"X-API-Key": tenant["secret_key"]}
        before = client.get("/api/v1/config", headers=secret).json()["baselines"]

        def set_baselines(baselines: list[Any]) -> None:
            patch = {"baselines": baselines}
            answer = client.patch("/api/v1/config", headers=secret, json=patch)
            assert answer.status_code == 200, answer.text

        def is_told(names: int) -> bool:
            told = client.get("/sdk/v1/config", params={"key": tenant["publishable_key"]}).json()
            return len(told["targets"]) >= names

        set_baselines([*before, BASELINE])
        until(lambda: is_told(4 + ROWS), 20, "the snippet's config names them")
        try:
            yield
        finally:
            set_baselines(before)


def pages(up: Any, selector: str, tenant: str = "globex") -> dict[str, dict[str, Any]]:
    """Of one element, by path."""
    found = up.read(tenant, "/api/v1/targets", selector=selector)
    return {page["path"]: page for item in found for page in item["pages"]}


RENAMED = """
new MutationObserver(() => {
  const old = document.getElementById("water");
  if (old) old.id = "water-everything";
}).observe(document, {childList: true, subtree: true});
"""
LONG_TASK_MS = 50
"""As browsers define it; here of the processor's time, for a busy machine lengthens everything."""


def longest_slice(trace: bytes) -> float:
    """Milliseconds of the longest piece of work of what looks for elements."""
    found: list[float] = [
        event["tdur"] / 1000
        for event in json.loads(trace)["traceEvents"]
        if event["name"] == "FunctionCall" and "/health.mjs" in str(event["args"].get("data", {}).get("url"))
    ]
    assert len(found) > 1, "its work is not in the trace"
    return max(found)


LOOKED = "Object.keys(localStorage).some((key) => key.endsWith('.looked'))"


def looked(person: Any) -> None:
    """Waits until the page was searched, and sends what was found."""
    person.page.wait_for_function(LOOKED, timeout=COUNTED_SECONDS * 1000)
    person.page.evaluate("handrail.flush()")


def test_what_was_renamed_is_told_with_what_stands_there_now(
    up: Any, config: None, site: Callable[..., str], new_person: Callable[..., Any], until: Any
) -> None:
    """Several people at once, for each of them mostly waits."""
    # In the demo, whose config names no pages: it is missed where it was seen.
    earlier = new_person()
    earlier.opens(up.demo("acme").rstrip("/") + "/projects")
    # Stays on a page of 20,000 cells that lacks all of it.
    patient = new_person()
    browser = patient.page.context.browser
    browser.start_tracing(page=patient.page, categories=["devtools.timeline"])
    patient.opens(site("big", tenant="globex"))
    # Stays where the button has another name.
    react = site("react", tenant="globex")
    renamed = new_person()
    renamed.page.add_init_script(RENAMED)
    renamed.opens(react)
    # Goes on at once, by a route of the page itself, and stays there.
    hasty = new_person()
    hasty.opens(react)
    hasty.goes_to("Plants")
    # Stays where none of it is asked for.
    stranger = new_person()
    stranger.opens(site("vue", tenant="globex"))

    def told(selector: str, path: str, tenant: str = "globex") -> Any:
        page = pages(up, selector, tenant).get(path)
        return page if page and page["found"] + page["missed"] else None

    looked(earlier)
    seen = until(lambda: told("#new-project", "/acme/projects", "acme"), COUNTED_SECONDS, "the demo's button is told")
    assert (seen["state"], seen["missed"]) == ("ok", 0)
    later = new_person()
    later.opens(up.demo("acme").rstrip("/") + "/projects?renamed")
    for person in (hasty, renamed, patient, later):
        looked(person)

    home = until(lambda: told("#water", "/*/react"), COUNTED_SECONDS, "the renamed button is told")
    assert (home["found"], home["missed"], home["missed_in_a_row"]) == (0, 1, 1)
    assert [(one["selector"], one["count"]) for one in home["nearest"]] == [("#water-everything", 1)]
    plants = until(lambda: told("#open", "/*/react/plants"), COUNTED_SECONDS, "the route's element is told")
    assert (plants["found"], plants["missed"]) == (1, 0)
    cells = until(lambda: told(f"[data-gone='cell {ROWS - 1}']", "/*/big"), COUNTED_SECONDS, "the big page is told")
    assert (cells["found"], cells["missed"]) == (0, 1)
    # The settings were never opened; the other site's home is not its dishes; who left early says nothing of home.
    assert pages(up, "form#settings")["/*/react/settings"]["missed"] == 0
    assert pages(up, "#water")["/*/vue/dishes"]["missed"] == 0
    assert pages(up, "#water")["/*/react"]["missed"] == 1
    events = up.read("globex", "/api/v1/events", event_type="target_check")
    asked = {name for event in events for name in (*event["properties"]["found"], *event["properties"]["missed"])}
    assert target_id("#water", "/*/react") in asked
    assert target_id("#water", "/*/vue/dishes") not in asked
    until(lambda: told("#new-project", "/acme/projects", "acme")["missed"], COUNTED_SECONDS, "the demo's is missed")
    asked_by = [sys.executable, "-m", "handrail_cli", "targets", "acme", "--json", "--state", str(up.state)]
    by_command = json.loads(subprocess.run(asked_by, capture_output=True, check=True).stdout)["items"]
    (button,) = [item for item in by_command if item["selector"] == "#new-project"]
    assert [one["selector"] for one in button["nearest"]] == ["#create-project"]
    assert button["last_seen_at"] < button["first_missed_at"]
    assert longest_slice(browser.stop_tracing()) < LONG_TASK_MS
