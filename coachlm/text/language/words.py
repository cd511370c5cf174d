"""Words and letters of languages, by script; the words stand in `lists/`, a section for each language."""

from functools import cache
from pathlib import Path

_LISTS = Path(__file__).parent / "lists"
SCRIPTS = ("Latin", "Cyrillic", "Arabic", "Devanagari")
"""Scripts that several languages are written in, and that are told apart by words."""

_LETTERS = {
    "Latin": {
        "de": "ß",
        "de sv fi sk et": "ä",
        "de sv fi hu tr et is": "ö",
        "de hu tr et es": "ü",
        "sv da no": "å",
        "da no": "ø",
        "da no is fr": "æ",
        "es gl eu tl": "ñ",
        "es gl": "¿¡",
        "pt vi": "ã",
        "pt et vi": "õ",
        "fr pt tr ca sq": "ç",
        "fr pt vi": "ê",
        "fr it ca": "è",
        "fr it vi": "ù",
        "fr": "œ",
        "it vi": "ì",
        "it ca vi": "ò",
        "hu": "őű",
        "pl": "łśźżń",
        "pl lt": "ąę",
        "pl hr": "ć",
        "cs": "řěů",
        "sk": "ľĺŕ",
        "sk fr pt vi": "ô",
        "ro": "țșţ",
        "tr ro": "ş",
        "ro vi": "ă",
        "tr": "ğı",
        "hr vi": "đ",
        "vi": "ơư",
        "lv": "āēīņļ",
        "lt": "ėųį",
        "sq nl fr": "ë",
        "eo": "ŝĝĉŭ",
        "cs sk hr sl lt lv": "č",
        "cs sk hr sl lt lv et": "šž",
        "cs sk is vi": "ý",
        "cs sk": "ďťň",
        "is": "ðþ",
    },
    "Cyrillic": {
        "ru be": "ыэё",
        "uk": "їєґ",
        "uk be kk": "і",
        "be": "ў",
        "sr": "ђћ",
        "sr mk": "џљњј",
        "mk": "ѓќѕ",
        "bg ru": "ъ",
        "ru uk bg": "щ",
        "ru uk bg be": "яюй",
        "ru uk be": "ь",
    },
    "Arabic": {
        "ar": "ةىيكأإ",
        "fa ur": "پچگیک",
        "fa": "ژ",
        "ur": "ٹڈڑےںہھ",
    },
    "Devanagari": {
        "mr": "ळऱ",
    },
}
"""Languages → letters that they write and the other languages of the table don't."""


@cache
def common_words(script: str) -> dict[str, frozenset[str]]:
    """Language → its commonest words."""
    found: dict[str, set[str]] = {}
    words: set[str] = set()
    for line in (_LISTS / f"{script.lower()}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            words = found.setdefault(line.strip("[]"), set())
        elif not line.startswith("#"):
            words.update(line.split())
    return {language: frozenset(its) for language, its in found.items()}


@cache
def letters(script: str) -> dict[str, frozenset[str]]:
    """Letter → the languages that write it."""
    rows = _LETTERS.get(script, {}).items()
    return {letter: frozenset(languages.split()) for languages, written in rows for letter in written}
