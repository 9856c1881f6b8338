"""What the rules say, a module per language. Each phrase stands in four voices, in the order of VOICES.

Places: {step} name of the awaited step, {page} name of a page, {it} the element that gave trouble.
A new language is a module with the same keys and an entry in PHRASES; a test holds them to the same keys.
"""

from collections.abc import Mapping

from handrail_runtime.agent.providers.phrases import de, en, es, fr

VOICES = ("friendly", "formal", "playful", "concise")
DEFAULT = "en"
PHRASES: Mapping[str, Mapping[str, tuple[str, str, str, str]]] = {
    "en": en.PHRASES,
    "de": de.PHRASES,
    "es": es.PHRASES,
    "fr": fr.PHRASES,
}
