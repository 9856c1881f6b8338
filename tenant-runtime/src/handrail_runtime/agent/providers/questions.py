"""Whether the user's next step answers what the user asked. Rules understand little, and do not pretend to more.

A question of nothing but "help, what now?" is answered by the next step; so is one that names the step, its page or
its baseline. Any other goes to a human.
"""

import re

from handrail_runtime.agent.case import Case
from handrail_runtime.agent.providers.wayfinding import Way

_WORD = re.compile(r"[^\W\d_]{2,}")
_SAYS_NOTHING = (
    "help stuck lost confused what now next how where when why which who do does did doing is are am was be been "
    "can could should would will to go going get got the this that these those it its my me we you your please hi "
    "hello hey thanks thank not don dont cant won need want here there start begin started continue understand "
    "know find anyone somebody someone something anything work working step page and or but of for in on at with "
    "from so just really have hilfe hilf helfen mir ich du sie wir es wie wo wann warum jetzt nun weiter nicht "
    "komme kann muss soll der die das den dem ein eine und oder bitte hallo danke verstehe hänge fest hier finde "
    "brauche geht machen mache tun aide aidez aider moi je tu vous nous il elle que quoi comment où quand "
    "pourquoi maintenant suite pas peux dois faire fais le la les un une des et ou merci bonjour svp suis bloqué "
    "bloquée perdu perdue comprends ici ça est ce ayuda ayúdame ayudar yo tú usted qué cómo como dónde donde "
    "cuándo cuando porqué ahora sigue no puedo debo hacer hago el los las una unos gracias hola favor por estoy "
    "perdido perdida atascado entiendo aquí se "
)
"""English, German, French, Spanish."""


def answered_by(case: Case, way: Way) -> bool:
    """Pure."""
    if way.step is None:
        return False
    text = case.signal.evidence.get("text")
    asked = _stems(str(text) if text else "") - _stems(_SAYS_NOTHING)
    if not asked:
        return True
    known = f"{way.step.name} {way.page} {case.signal.baseline or ''}"
    return bool(asked & _stems(known))


def _stems(text: str) -> set[str]:
    """Words without their plural; `Projects` and `project` are one."""
    return {word.rstrip("s") for word in _WORD.findall(text.casefold().replace("_", " "))}
