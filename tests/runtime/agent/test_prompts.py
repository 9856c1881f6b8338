"""The prompts' files and the pure parts around a model: versions, prices, languages."""

import json
from decimal import Decimal

import pytest

from handrail_contracts.tenant_spec import Tone
from handrail_runtime.agent.providers.openai import language, markdown, prices, prompting
from handrail_runtime.agent.providers.openai.redaction import scrubber


def test_a_changed_prompt_has_a_new_version() -> None:
    """Whoever changes a prompt gives its files a new name, and adds that name and digest to versions.json; no line
    there is ever changed."""
    known = json.loads((prompting.FILES / "versions.json").read_text())
    found = {file.name.removesuffix(".md") for file in prompting.FILES.iterdir() if file.name.endswith(".md")}
    assert {version: prompting.load(version).digest for version in found} == known
    assert prompting.versions() == "+".join(
        f"{version}-{known[version][:8]}" for version in (prompting.DIAGNOSE, prompting.COACH)
    )


def test_a_tenants_words_are_in_the_prompt_and_open_no_place_in_it() -> None:
    tone = Tone(voice="playful", language="de-AT", instructions='Say "workspace". {language} {voice}')
    system = prompting.coach("{}", tone)[0]["content"]
    assert "- voice: playful" in system
    assert "- language: de-AT" in system
    assert 'Say "workspace". {language} {voice}' in system


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        ("gpt-4.1-mini", Decimal("0.0012")),
        ("gpt-4.1-mini-2025-04-14", Decimal("0.0012")),
        ("openai/gpt-4o-mini", Decimal("0.00045")),
        ("gpt-4.1-mini-finetuned-by-us", None),
        ("llama-3.3-70b", None),
        ("", None),
    ],
)
def test_prices_are_of_the_model_and_its_dated_versions_alone(model: str, cost: Decimal | None) -> None:
    assert prices.cost(model, 1000, 500) == cost


@pytest.mark.parametrize(
    ("text", "tag", "right"),
    [
        ("Choose **New project** to create your first one.", "en", True),
        ("Choose **New project** to create your first one.", "de", False),
        ("Klicken Sie auf **New project**, um das Projekt zu beginnen.", "de-CH", True),
        ("Klicken Sie auf **New project**, um das Projekt zu beginnen.", "en", False),
        ("Cliquez sur le bouton pour créer votre projet.", "fr", True),
        ("Cliquez sur le bouton pour créer votre projet.", "es", False),
        ("Haga clic en el botón para crear su proyecto.", "es", True),
        ("Haga clic en el botón para crear su proyecto.", "fr", False),
        ("Нажмите кнопку, чтобы создать проект.", "ru", True),
        ("Press the button to create your project.", "ru", False),
        ("Нажмите кнопку, чтобы создать проект.", "en", False),
        ("ボタンを押してプロジェクトを作成します。", "ja", True),
        ("Napsauta painiketta ja luo projekti.", "fi", True),
        ("**New project**", "de", True),
        ("OK", "fr", True),
    ],
)
def test_a_language_is_told_by_script_and_small_words(text: str, tag: str, right: bool) -> None:
    assert language.plausible(text, tag) is right


def test_what_identifies_is_scrubbed() -> None:
    scrub = scrubber("ada")
    assert scrub("ada's canada, ADA@x.org Ada") == "user-1's canada, [email] user-1"
    assert scrub("iban DE89 3704 0044 0532 0130 00, Bearer abc.def") == "iban [iban], [secret]"
    assert scrub("\u202egnp.exe\x00") == " gnp.exe "
    assert scrubber("a")("a cat") == "a cat"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://A.test:443/x", "https://a.test"),
        ("http://a.test:8080", "http://a.test:8080"),
        ("https://a.test@evil.test/", ""),
        ("https://evil.test\\@a.test/", ""),
        ("//a.test/", ""),
        ("javascript://a.test/%0aalert(1)", ""),
        ("https://[::1", ""),
    ],
)
def test_an_origin_is_read_as_a_browser_reads_it(url: str, origin: str) -> None:
    assert markdown.origin_of(url) == origin
