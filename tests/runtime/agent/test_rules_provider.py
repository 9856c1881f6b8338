"""The provider without a model: how sure it is, where it points, what it says."""

import itertools
import re
from datetime import timedelta
from typing import Any, get_args

import pytest
from tests.runtime.agent.cases import NOW, case, spec

from handrail_contracts.signals import SignalKind
from handrail_contracts.tenant_spec import Tone
from handrail_runtime.agent.case import Case, Seen, beneath
from handrail_runtime.agent.providers import naming, vocabulary
from handrail_runtime.agent.providers.phrases import PHRASES, VOICES
from handrail_runtime.agent.providers.rule_coach import coach, hand_over
from handrail_runtime.agent.providers.rule_diagnosis import diagnose
from handrail_runtime.agent.providers.wayfinding import way_to_go
from handrail_runtime.session.progress import Progress, Standing

KINDS: tuple[SignalKind, ...] = get_args(SignalKind)


def seen(event_type: str, *, ago: float, event_id: str = "", path: str = "/projects", **more: Any) -> Seen:
    return Seen(NOW - timedelta(seconds=ago), event_id or f"e-{ago}", event_type, path, **more)


@pytest.mark.parametrize(
    ("found", "confidence"),
    [
        (case("rage_click", evidence={"clicks": 4}), 0.75),
        (case("rage_click", evidence={"clicks": 6}), 0.83),
        (case("rage_click", evidence={"clicks": 60}), 0.95),
        (case("rage_click", evidence={"clicks": "many"}), 0.75),
        (case("dead_click", evidence={"clicks": 3}), 0.68),
        (case("dead_click", evidence={"clicks": 30}), 0.85),
        (case("repeated_error", evidence={"errors": 5}), 0.86),
        (case("back_and_forth", evidence={"returns": 4}), 0.70),
        (case("off_baseline", evidence={"waited_ms": 300_000, "usual_ms": 120_000}), 0.70),
        (case("off_baseline", evidence={"waited_ms": 480_000, "usual_ms": 120_000}), 0.75),
        (case("inactivity"), 0.70),
        (case("inactivity", step=None), 0.62),
        (case("inactivity", step=None, signup=NOW - timedelta(days=8)), 0.45),
        (case("inactivity", step=None, standing=Standing({}, frozenset({"another"}))), 0.45),
        (case("inactivity", events=(seen("error", ago=60),)), 0.75),
        (case("inactivity", events=tuple(seen("error", ago=at) for at in range(20, 60))), 0.80),
        (case("inactivity", events=(seen("error", ago=600),)), 0.70),
        (case("help_sought", evidence={"text": "What now?"}), 0.90),
        (case("help_sought", evidence={"text": "where do I save projects"}), 0.90),
        (case("help_sought", evidence={"text": "Wie geht es weiter?"}), 0.90),
        (case("help_sought", evidence={"text": "Can I pay by invoice?"}), 0.0),
        (case("help_sought", evidence={}), 0.90),
    ],
)
def test_confidence(found: Case, confidence: float) -> None:
    diagnosis = diagnose(found)
    assert diagnosis.is_stuck
    assert diagnosis.confidence == pytest.approx(confidence)


@pytest.mark.parametrize(
    "found",
    [
        case(standing=Standing({"first-project": Progress(2, 0, "e")}, frozenset())),
        case(standing=Standing({}, frozenset({"first-project"}))),
        case("inactivity", events=(seen("click", ago=5),)),
    ],
)
def test_whoever_has_gone_on_is_not_stuck(found: Case) -> None:
    diagnosis = diagnose(found)
    assert not diagnosis.is_stuck
    assert diagnosis.confidence == 0


def test_what_the_platform_does_is_no_activity_of_the_user() -> None:
    events = (seen("nudge_shown", ago=5), seen("error", ago=4), seen("click", ago=11))
    assert diagnose(case("inactivity", events=events)).is_stuck


LED_TO = (seen("click", ago=60, event_id="e2"), seen("page_view", ago=59, path="/editor"), seen("focus", ago=50))
AT_SAVE = Standing({"first-project": Progress(2, 0, "e2")}, frozenset())


@pytest.mark.parametrize(
    ("found", "situation", "target"),
    [
        (case(), "here", "#new-project"),
        (case(path="/projects/archive"), "here", "#new-project"),
        (case(path="/settings"), "elsewhere", None),
        (case(step="open-projects", path="/settings"), "elsewhere", None),
        (case(step="save"), "here", "form#project"),
        (case(step="save", path="/editor", standing=AT_SAVE, events=LED_TO), "here", "form#project"),
        (case(step="save", path="/billing", standing=AT_SAVE, events=LED_TO), "elsewhere", None),
        (case(evidence={"element": "#new-project"}), "element", "#new-project"),
        (case(step=None), "element", "#export-all"),
        (case(step=None, selector=None), "open", None),
        (case("inactivity", step=None, path="/reports"), "start", None),
        (case("inactivity", step=None, path="/projects"), "open", None),
        (case("inactivity", step=None, path="/x", standing=Standing({}, frozenset({"first-project"}))), "open", None),
        (case(baseline="removed-since"), "element", "#export-all"),
    ],
)
def test_where_to_point(found: Case, situation: str, target: str | None) -> None:
    way = way_to_go(found)
    assert (way.situation, way.target) == (situation, target)


def test_beneath() -> None:
    assert beneath("/projects", "/projects/new/form")
    assert beneath("/projects/*", "/projects/7/edit")
    assert beneath("/projects", "/app#/projects/new")
    assert not beneath("/projects", "/projects-archive")
    assert not beneath("/", "/projects")


@pytest.mark.parametrize("language", PHRASES)
def test_every_language_has_every_phrase_in_every_voice(language: str) -> None:
    assert PHRASES[language].keys() == PHRASES["en"].keys()
    for key, said in PHRASES[language].items():
        assert len(said) == len(VOICES), key
        places = {tuple(sorted(re.findall(r"\{(\w+)\}", phrase))) for phrase in said}
        assert places == {tuple(sorted(re.findall(r"\{(\w+)\}", PHRASES["en"][key][0])))}, key
        assert not key.startswith("title.") or max(map(len, said)) <= 40, key


@pytest.mark.parametrize(("language", "voice"), [*itertools.product(PHRASES, VOICES)])
def test_every_text_is_whole(language: str, voice: str) -> None:
    tone = spec(tone={"voice": voice, "language": language})
    for kind, step, path in itertools.product(
        KINDS, ("new-project", "open-projects", "save", None), ("/projects", "/x")
    ):
        found = case(kind, step=step, path=path, spec=tone)
        text = coach(found, diagnose(found)).text
        assert re.search(r"[{}]|\*\*\*\*|  |^\s|\s$", text.title + text.body) is None, (kind, step, path, text)
        assert text.body.count("**") % 2 == 0
        assert text.body[-1] in ".!?"
        assert len(text.body) < 300
        assert [action.kind for action in text.actions] == ["dismiss"]
    assert hand_over(case("help_sought", spec=tone)).text.body


def test_texts_read_like_this() -> None:
    def says(kind: SignalKind, voice: str, **given: Any) -> tuple[str, str]:
        found = case(kind, spec=spec(tone={"voice": voice}), **given)
        text = coach(found, diagnose(found)).text
        return text.title, text.body

    assert says("inactivity", "friendly") == (
        "Ready for the next step?",
        "Take your time. Next up: **New project**. You'll find it right here.",
    )
    assert says("dead_click", "formal", path="/settings") == (
        "Please try this instead",
        "No action is available there. The next step is **New project**. You will find it on the **Projects** page.",
    )
    assert says("off_baseline", "playful", step="open-projects", path="/settings") == (
        "Back on the trail",
        "Great start! Next stop: the **Projects** page!",
    )
    assert says("repeated_error", "concise", step="save", evidence={"errors": 3, "error_kind": "form"}) == (
        "Fix the error",
        "Check the required fields and the format of dates, numbers and e-mail addresses. Next: **Save**, right here.",
    )
    named = (seen("click", ago=20, target={"selector": "#export-all", "name": "export-report"}),)
    assert says("rage_click", "friendly", step=None, events=named) == (
        "Not responding?",
        (
            "**Export report** doesn't seem to respond. Give it a few seconds. "
            "If nothing changes, reload the page and try again."
        ),
    )


def test_a_language_without_phrases_falls_back_and_says_so() -> None:
    found = case(spec=spec(tone={"language": "ja"}))
    coaching = coach(found, diagnose(found))
    assert (coaching.language, coaching.remark) == ("en", "no phrases in ja, en instead")
    austrian = case(spec=spec(tone={"language": "de-AT"}))
    assert coach(austrian, diagnose(austrian)).language == "de"


@pytest.mark.parametrize(
    ("instructions", "text", "said"),
    [
        ('Say "workspace", never "account".', "Your account. Accounts!", "Your workspace. Workspaces!"),
        ("Say 'team' never 'group'.", "GROUP of groups", "TEAM of teams"),
        ("Say “board”, never “project” or “folder”.", "a project in a Folder", "a board in a Board"),
        ('Use "sign in" instead of "log in". Be kind.', "Log in again", "Sign in again"),
        ('Never say "oops".', "oops", "oops"),
        ('Say "a", never "b".', "subbed about", "subbed about"),
        ('Say "x|y", never "(.*)+$".', "anything", "anything"),
        ("", "text", "text"),
    ],
)
def test_vocabulary(instructions: str, text: str, said: str) -> None:
    tone = Tone(instructions=instructions)
    assert vocabulary.apply(vocabulary.parse(tone.instructions), text) == said


@pytest.mark.parametrize(
    ("name", "spoken"),
    [
        ("new-project", "New project"),
        ("a_b  c", "A b c"),
        ("**x** [y](z)", "X y z"),
        ("é", "É"),
        ("a" * 99, "A" + "a" * 59),
    ],
)
def test_spoken(name: str, spoken: str) -> None:
    assert naming.spoken(name) == spoken


@pytest.mark.parametrize(
    ("path", "page"),
    [("/projects", "Projects"), ("/projects/*", "Projects"), ("/", "Home"), ("", ""),
     ("/app#/team-settings", "Team settings"), ("/projects/123456", "Projects")],
)  # fmt: skip
def test_page(path: str, page: str) -> None:
    assert naming.page(path) == page


@pytest.mark.parametrize(
    ("selector", "name"),
    [("#save-all", "Save all"), ('[data-hr-name="export"]', "Export"), ("main > div:nth-child(2)", ""), (None, ""),
     ("#ember1234", ""), ("form#project > button[name=go]", "Go")],
)  # fmt: skip
def test_element(selector: str | None, name: str) -> None:
    assert naming.element(case(), selector) == name
