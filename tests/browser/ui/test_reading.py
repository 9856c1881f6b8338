"""What assistive technology gets: no violation that axe knows, the nudge once, names for everything, large targets."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.browser.ui.conftest import document

pytestmark = pytest.mark.browser

ARABIC = {
    "language": "ar",
    "title": "ابدأ مشروعًا هنا",
    "body": "اضغط **مشروع جديد**، ثم اقرأ [الدليل](https://docs.test/).",
    "actions": [{"id": "ok", "label": "حسنًا", "kind": "dismiss", "url": None}],
}
ENGLISH = {
    "title": "Start a project here",
    "body": "Press **New project**, or `n`. See [the guide](https://docs.test/).\n\n- quick\n- easy",
}
PLANT = """() => {
  const bad = document.createElement("button");
  bad.id = "planted";
  document.querySelector("handrail-root").shadowRoot.querySelector("[data-hr-nudge]").append(bad);
}"""
ACCENTS = ("#4f46e5", "#ffd400")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("words", [ENGLISH, ARABIC], ids=["ltr", "rtl"])
def test_axe_finds_nothing(hand: Any, axe: Callable[..., list[str]], scheme: str, words: Any) -> None:
    language = words.get("language", "en")
    one = hand(document(html=f'lang="{language}"', classes=scheme))
    one.page.evaluate("([language, accent]) => Object.assign(ui, {language, theme: {accent}})", [language, ACCENTS[0]])
    one.shows(**words)
    one.page.emulate_media(reduced_motion="reduce")
    # It can see into our root: a fault that is put there is found.
    one.page.evaluate(PLANT)
    assert any(line.startswith("button-name") and "planted" in line for line in axe(one.page))
    one.page.evaluate("document.querySelector('handrail-root').shadowRoot.querySelector('#planted').remove()")
    assert axe(one.page) == []
    one.page.evaluate("theme => ui.theme = theme", {"accent": ACCENTS[1]})
    one.card.locator("[data-hr-action]").click()

    one.chats(**words)
    one.page.evaluate("ui.online = false")
    one.page.locator("textarea").fill("Where is it?")
    one.page.keyboard.press("Enter")
    one.page.locator(".waiting").wait_for()
    one.gives(message=True, kind="chat", target=None, title="", body=words["body"], language=language)
    one.pictures_it(f"{language}-{scheme}")
    assert axe(one.page) == []
    one.card.locator(".tools button").first.click()
    one.gives(message=True, kind="chat", target=None, title="", body="Hi", language=language)
    one.page.locator(".badge").get_by_text("1").wait_for()
    assert axe(one.page) == []


def test_a_nudge_is_read_once_and_takes_no_focus(hand: Any, read_aloud: Callable[..., list[str]]) -> None:
    one = hand()
    one.page.locator("#field").focus()
    one.page.keyboard.type("a")
    one.page.evaluate(
        """() => {
          window.spoken = [];
          const root = () => document.querySelector("handrail-root")?.shadowRoot;
          const watch = (root) => new MutationObserver((records) => {
            for (const {target, addedNodes} of records) {
              const live = target.closest?.("[aria-live], [role=log], [role=status]");
              for (const node of addedNodes)
                if (live && live.ariaLive !== "off") spoken.push(node.textContent);
            }
          }).observe(root, {childList: true, subtree: true});
          new MutationObserver(() => root() && !window.watched && (window.watched = true, watch(root())))
            .observe(document, {childList: true, subtree: true});
        }"""
    )
    card = one.shows(title="Start a project here", body="Press **New project** now.")
    assert one.focused() == "field"
    # The region stood there, empty, before the words came into it; they came once.
    assert [text for text in one.page.evaluate("spoken") if "Press" in text] == [
        "Start a project herePress New project now.Got it"
    ]
    texts = read_aloud(one.page)
    assert texts.count("Start a project here") == 1
    assert "".join(texts).replace(" ", "").count("PressNewprojectnow.") == 1
    # Out of sight and back: it is not said again.
    one.soon(lambda: card.get_attribute("aria-live") == "off", "said")
    dialog = one.page.get_by_role("dialog", name="Start a project here", exact=True)
    assert dialog.count() == 1
    assert dialog.get_attribute("aria-modal") is None
    assert dialog.get_by_role("button").count() == 2
    assert dialog.get_by_role("button", name="Close", exact=True).count() == 1


def test_a_conversation_is_a_log_with_names(hand: Any, read_aloud: Callable[..., list[str]]) -> None:
    one = hand()
    card = one.chats("How can I help?")
    card.get_by_role("textbox", name="Write a message").fill("Where are my files?")
    card.get_by_role("button", name="Send").click()
    one.gives(message=True, kind="chat", target=None, title="", body="Under **Library**.")
    card.get_by_text("Library").wait_for()
    log = card.get_by_role("log", name="Conversation")
    assert log.get_attribute("tabindex") == "0"
    assert log.locator("[tabindex]").count() == 0
    texts = "\n".join(read_aloud(one.page))
    assert [texts.count(text) for text in ("How can I help?", "Where are my files?", "Library")] == [1, 1, 1]
    assert texts.index("help?") < texts.index("files?") < texts.index("Library")


def test_everything_to_press_is_large_and_looks_pressed_by_the_keyboard(hand: Any) -> None:
    one = hand()
    one.shows()
    one.gives(message=True, kind="chat", target=None, title="", body="Hello")
    one.soon(lambda: one.card.count() == 2, "tooltip and chat")
    small = """() => [...document.querySelector("handrail-root").shadowRoot.querySelectorAll("button, textarea")]
      .filter((e) => e.checkVisibility()).map((e) => e.getBoundingClientRect())
      .filter((box) => box.width < 44 || box.height < 44).length"""
    assert one.page.evaluate(small) == 0
    one.page.keyboard.press("F6")
    ring = "(e) => getComputedStyle(e).outlineStyle + getComputedStyle(e).outlineWidth"
    assert one.card.first.get_by_role("button", name="Got it").evaluate(ring) == "solid2px"


def test_it_heeds_what_a_person_set_in_the_system(hand: Any) -> None:
    one = hand(forced_colors="active", reduced_motion="reduce", contrast="more")
    card = one.shows()
    button = card.get_by_role("button", name="Got it")
    assert card.evaluate("(e) => getComputedStyle(e).animationName") == "none"
    border = "(e) => parseFloat(getComputedStyle(e).borderTopWidth)"
    assert card.evaluate(border) == 2
    assert button.evaluate(border) == 2
    one.pictures_it("forced-colors")
    one.page.emulate_media(forced_colors="none", contrast="no-preference", reduced_motion="no-preference")
    assert card.evaluate(border) == 1
    assert card.evaluate("(e) => getComputedStyle(e).animationName") == "come"
    one.page.emulate_media(contrast="more")
    assert card.evaluate(border) == 2
