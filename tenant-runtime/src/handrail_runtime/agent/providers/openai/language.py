"""Whether a text is plausibly in a language: its script, and a vote of small words. Pure, and no more than a guess.

A text too short to tell counts as right; so does one in a language of which nothing is known here.
"""

import re
import unicodedata

_SCRIPTS = {
    "ru": "CYRILLIC", "uk": "CYRILLIC", "bg": "CYRILLIC", "sr": "CYRILLIC", "el": "GREEK", "he": "HEBREW",
    "ar": "ARABIC", "fa": "ARABIC", "ur": "ARABIC", "hi": "DEVANAGARI", "mr": "DEVANAGARI", "th": "THAI",
    "ko": "HANGUL", "zh": "CJK", "ja": "CJK HIRAGANA KATAKANA",
}  # fmt: skip
"""Languages that are not written in Latin letters. (Serbian may be.)"""
_EITHER = {"sr"}

_WORDS = {
    "en": "the and to of in is it you your that this on for with are here can have click next step try not be will "
    "need from open if or now how what let press get just at has was we",
    "de": "der die das und zu in ist es sie ihr ihre den dem ein eine nicht auf für mit sind hier können klicken "
    "als nächstes schritt du dein deine wenn oder jetzt von im am noch wie was haben kann einen öffnen wir sich",
    "fr": "le la les et de des du un une est vous votre vos que qui pour dans sur avec ici pouvez cliquez ne pas "
    "étape suivante ce cette tu ton si ou maintenant en il elle au aux nous avez êtes par",
    "es": "el la los las y de del un una es usted su sus que para en con aquí puede haga clic no paso siguiente "
    "este esta tu si o ahora por al se lo hay como está tus puedes le",
    "it": "il lo la gli le e di del della un una è che per in con qui puoi clicca non passo questo questa tuo se o "
    "ora al si su sono hai come prossimo",
    "pt": "o a os as e de do da um uma é você seu sua que para em com aqui pode clique não passo este esta se ou "
    "agora por ao no na está como próximo",
    "nl": "de het een en te in is je uw jouw dat dit op voor met zijn hier kunt klik niet stap volgende als of nu "
    "van om nog hoe wat heeft kan",
}
_OF = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_LETTERS = re.compile(r"[^\W\d_]+")
_NAMES = re.compile(r"`[^`]*`|\*\*[^*]*\*\*|\"[^\"]*\"|“[^”]*”|«[^»]*»|„[^“]*“|\]\([^)]*\)|https?://\S+")
"""What is quoted is a name from the product, in whatever language that speaks."""


def plausible(text: str, tag: str) -> bool:
    """Whether `text` may be in the language of the BCP 47 tag."""
    language = tag.split("-")[0].lower()
    words = _LETTERS.findall(_NAMES.sub(" ", text).lower())
    letters = "".join(words)
    if len(letters) < 8:
        return True
    latin = sum("LATIN" in unicodedata.name(each, "") for each in letters) / len(letters)
    if (scripts := _SCRIPTS.get(language)) is not None:
        own = sum(unicodedata.name(each, "").startswith(tuple(scripts.split())) for each in letters) / len(letters)
        return own > 0.3 or (language in _EITHER and latin > 0.7)
    if latin < 0.5:
        return False
    if language not in _OF:
        return True
    votes = {each: sum(word in of for word in words) for each, of in _OF.items()}
    own_votes = votes.pop(language)
    most = max(votes.values())
    return own_votes >= most or most < 2 or (own_votes > 0 and most - own_votes < 3)
