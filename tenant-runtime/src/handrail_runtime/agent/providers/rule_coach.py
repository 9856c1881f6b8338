"""A text by rules: a phrase for what was seen, one for where to go next, in the tenant's voice and words."""

from handrail_contracts.nudges import Action, Diagnosis, NudgeText
from handrail_contracts.tenant_spec import Tone
from handrail_runtime.agent.case import Case
from handrail_runtime.agent.providers import naming, vocabulary
from handrail_runtime.agent.providers.phrases import DEFAULT, PHRASES, VOICES
from handrail_runtime.agent.providers.provider import Coaching
from handrail_runtime.agent.providers.wayfinding import Way, way_to_go

MAX_TITLE = 80


def coach(case: Case, diagnosis: Diagnosis) -> Coaching:
    """Title, body and buttons for a case. Pure; the body is never longer than the contract allows."""
    way = way_to_go(case)
    kind = case.signal.kind
    speak = _Speaker(case.spec.tone)
    names = {
        "step": naming.spoken(way.step.name) if way.step else "",
        "page": naming.page(way.page),
        "it": _it(case, diagnosis, speak),
    }
    if way.situation == "element" and way.step and kind == "dead_click":
        # It was the right thing to click, so there is no better one close by.
        title, parts = "title.open.rage_click", ["advice.rage_click"]
    elif way.situation in ("element", "open"):
        title, parts = f"title.open.{kind}", [_advice(case)]
    else:
        lead = _lead(case, way)
        # Whoever is on no baseline has not begun one, so nothing is said of a next step.
        known = case.asked or way.situation != "start"
        title, parts = f"title.{'way' if known else 'open'}.{kind}", [lead, _direction(case, way)]
    body = " ".join(filter(None, (speak.say(part, names) for part in parts)))
    return speak.coaching(speak.say(title, names), body)


def hand_over(case: Case) -> Coaching:
    """What somebody who asked hears when a human takes over."""
    speak = _Speaker(case.spec.tone)
    return speak.coaching(speak.say("title.hand_over", {}), speak.say("body.hand_over", {}))


def _lead(case: Case, way: Way) -> str:
    kind = case.signal.kind
    if kind == "repeated_error":
        return _advice(case)
    return "" if way.situation == "start" and kind not in ("inactivity", "help_sought") else f"lead.{kind}"


def _direction(case: Case, way: Way) -> str:
    if way.situation == "here" and case.asked:
        return "way.this_page"  # the answer is a chat message and points at nothing
    if way.opens_page and way.situation in ("start", "elsewhere"):
        return "way.start_page" if way.situation == "start" else "way.page"
    return f"way.{way.situation}"


def _advice(case: Case) -> str:
    kind = case.signal.kind
    if kind == "repeated_error":
        specific = f"advice.repeated_error.{case.signal.evidence.get('error_kind')}"
        return specific if specific in PHRASES[DEFAULT] else "advice.repeated_error"
    return f"advice.{kind}"


def _it(case: Case, diagnosis: Diagnosis, speak: "_Speaker") -> str:
    name = naming.element(case, diagnosis.target)
    return f"**{name}**" if name else speak.say("it", {})


class _Speaker:
    """One tenant's voice, language and words."""

    def __init__(self, tone: Tone) -> None:
        wanted = tone.language.split("-")[0].lower()
        self._language = wanted if wanted in PHRASES else DEFAULT
        self._voice = VOICES.index(tone.voice)
        self._words = vocabulary.parse(tone.instructions)
        self._remark = "" if wanted in PHRASES else f"no phrases in {tone.language}, {DEFAULT} instead"

    def say(self, key: str, names: dict[str, str]) -> str:
        phrases = PHRASES[self._language].get(key)
        return vocabulary.apply(self._words, phrases[self._voice].format(**names)) if phrases else ""

    def coaching(self, title: str, body: str) -> Coaching:
        dismiss = Action(id="dismiss", label=self.say("dismiss", {})[:60], kind="dismiss")
        text = NudgeText(title=title[:MAX_TITLE], body=body[:600], actions=[dismiss])
        return Coaching(text, self._language, self._remark)
