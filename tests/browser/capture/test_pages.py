"""A page view is a change of path or hash route: however it comes about, and never of the query alone."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.browser

WITHOUT_NAVIGATION = (
    '<script nonce="{{nonce}}">Object.defineProperty(window, "navigation", { value: undefined });</script>'
)


def places(events: list[dict[str, Any]]) -> list[str]:
    """Path below the mount and hash route of each view."""
    found = [urlsplit(event["url"]) for event in events]
    return [url.path.split("/", 3)[3] + (f"#{url.fragment}" if url.fragment else "") for url in found]


@pytest.mark.parametrize("head", ["", WITHOUT_NAVIGATION], ids=["navigation", "history"])
def test_single_page_routes(walk: Callable[..., Any], head: str) -> None:
    here = walk("react", head=head)
    here.person.goes_to("Plants")
    here.hears("page_view", 2)
    here.person.types("Filter", "fern@example.test")
    here.person.clicks(here.page.locator("#open"))
    here.hears("page_view", 3)
    here.page.go_back()
    here.hears("page_view", 4)
    here.page.go_back()
    here.hears("page_view", 5)
    here.page.go_forward()
    here.hears("page_view", 6)
    # Asked last: the patch comes with what sends, a moment after the page's own load.
    native = here.page.evaluate("history.pushState.toString().includes('[native code]')")
    assert native is (head == ""), "nothing of the host's is touched where the browser tells by itself"
    views = here.of("page_view")
    assert places(views) == ["", "plants", "plants/Fern", "plants", "", "plants"]
    referrers = [urlsplit(event["properties"]["referrer"]).path.split("/", 3)[3:] for event in views]
    assert referrers == [[], [""], ["plants"], ["plants/Fern"], ["plants"], [""]]
    assert "fern@" not in str(here.events)


@pytest.mark.parametrize("head", ["", WITHOUT_NAVIGATION], ids=["navigation", "history"])
def test_hash_routes(walk: Callable[..., Any], head: str) -> None:
    here = walk("hash", head=head)
    here.person.goes_to("Plants")
    here.hears("page_view", 2)
    here.person.types("Filter", "ivy")
    here.page.evaluate("location.hash = '#/settings?q=typed'")
    here.hears("page_view", 3)
    here.page.evaluate("history.back()")
    assert places(here.hears("page_view", 4))[-3:] == ["#/plants", "#/settings", "#/plants"]
    assert "ivy" not in str(here.events)


def test_a_place_in_the_page_is_no_page_and_a_page_that_comes_back_is(walk: Callable[..., Any]) -> None:
    here = walk("plain")
    here.page.evaluate("location.hash = '#area'")
    here.settles()
    assert len(here.of("page_view")) == 1
    here.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    here.hears("page_view", 2)
    assert places(here.of("page_view")) == ["", ""]


def test_history_is_patched_once_and_given_back(walk: Callable[..., Any]) -> None:
    here = walk("react", head=WITHOUT_NAVIGATION)
    # With what sends, a moment after the page's own load.
    here.page.wait_for_function("!history.pushState.toString().includes('[native code]')")
    again = here.page.evaluate(
        """() => {
             const ours = history.pushState;
             let thrown = null;
             try { history.pushState(() => {}, ""); } catch (error) { thrown = error.name; }
             handrail.shutdown();
             return [thrown, ours !== history.pushState, history.pushState.toString().includes("[native code]")];
           }"""
    )
    assert again == ["DataCloneError", True, True], "the browser's own error reaches the host"
