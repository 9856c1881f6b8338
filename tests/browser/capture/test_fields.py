"""Fields and forms: that something was filled in and sent, never what."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def test_a_pause_in_typing_is_one_change_and_the_visit_of_a_field_one_focus(walk: Callable[..., Any]) -> None:
    here = walk("plain", path="settings")
    here.person.types("Workspace name", "Rockets")
    here.hears("change")
    here.person.types("Card", "4111 1111 1111 1111")
    here.page.get_by_label("Language").focus()
    here.page.keyboard.press("d")
    here.page.get_by_label("Note").click()
    changes = [(event["target_element"]["selector"], event["properties"]) for event in here.hears("change", 3)]
    assert changes == [
        ('input[name="name"]', {"filled": True}),
        ('input[name="card"]', {"filled": True}),
        ('select[name="language"]', {"filled": True}),
    ]
    visits = [(event["target_element"]["selector"], event["properties"]["changed"]) for event in here.hears("focus", 3)]
    assert visits == [('input[name="name"]', True), ('input[name="card"]', True), ('select[name="language"]', True)]
    assert all(event["properties"]["ms"] > 0 for event in here.of("focus"))


def test_a_form_that_shadows_its_own_properties_is_submitted(walk: Callable[..., Any]) -> None:
    here = walk("clobbered")
    here.person.clicks(here.page.locator("[name=nodeType]"))
    here.page.keyboard.type("one")
    here.person.clicks(here.page.locator("#send"))
    here.page.get_by_text("Sent: 1").wait_for()
    (submit,) = here.stored("submit")
    assert submit["target_element"] == {"selector": "#clobbered", "tag": "form", "role": None, "name": None}
    assert submit["properties"] == {"valid": True}
    assert [event["target_element"]["selector"] for event in here.stored("click", 2)] == [
        'input[name="nodeType"]',
        "#send",
    ]
    assert [event["properties"]["filled"] for event in here.stored("change")] == [True]


def test_a_document_that_is_shadowed_by_its_elements(walk: Callable[..., Any]) -> None:
    here = walk("plain")
    names = (
        "querySelector",
        "querySelectorAll",
        "defaultView",
        "title",
        "referrer",
        "visibilityState",
        "body",
        "nodeType",
    )
    here.adds("".join(f'<form name="{name}"><button id="in-{name}" type="button">x</button></form>' for name in names))
    for name in names:
        here.person.clicks(here.page.locator(f"#in-{name}"))
    here.page.evaluate("handrail.page()")
    clicks = here.hears("click", len(names))
    assert [event["target_element"]["selector"] for event in clicks] == [f"#in-{name}" for name in names]
    here.hears("page_view", 2)


def test_what_a_browser_or_a_host_refuses_is_an_error_and_not_valid(walk: Callable[..., Any]) -> None:
    here = walk("plain", path="login")
    here.person.clicks(here.page.locator("#enter"))
    (error,) = here.hears("error")
    assert error["target_element"]["selector"] == 'input[name="email"]'
    assert error["properties"] == {"kind": "form", "count": 1, "fields": 2}
    here.page.evaluate(
        """() => {
             document.querySelector("#login").noValidate = true;
             document.querySelector("#login").onsubmit = (event) => {
               event.preventDefault();
               event.target.elements.email.setAttribute("aria-invalid", "true");
             };
           }"""
    )
    here.person.clicks(here.page.locator("#enter"))
    (submit,) = here.hears("submit")
    assert submit["properties"] == {"valid": False}


def test_errors_say_how_many_and_nothing_else(walk: Callable[..., Any]) -> None:
    here = walk("plain", quiet=False)
    here.person.page.evaluate(
        """() => {
             for (let n = 0; n < 3; n++) setTimeout(() => reportError(new Error("secret-message")));
             addEventListener("error", (event) => event.preventDefault());
             addEventListener("unhandledrejection", (event) => event.preventDefault());
             Promise.reject(new Error("secret-reason"));
             for (let n = 0; n < 2; n++) fetch("/404/plain/?q=secret-query");
           }"""
    )
    found = here.hears("error", 2)
    assert sorted((event["properties"] for event in found), key=str) == [
        {"kind": "http", "status": 404, "count": 2},
        {"kind": "js", "count": 4},
    ]
    assert "secret" not in str(found)
