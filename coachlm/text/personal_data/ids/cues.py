"""Values that stand behind the word that says what they are: `passport number: C01X00T47`."""

import re
from collections.abc import Iterable, Iterator

from coachlm.text.personal_data.forms.words import places_of

_GAP = r"(?: - |[\s:=#\"'`*.,()|>_]{0,4})"
_NOUNS = "numbers?|no|nr|num|nummer|número|numero|numéro|номер|id|code|card|plates?|address"
_SMALL_WORDS = (
    "is|was|are|reads?|ist|lautet|es|est|è|é|jest|to|of|the|my|his|her|our|their|for|on|in|am|le|el|il|di|de|du|da|w"
    "|号码|號碼|番号|번호|は|是|为|는|은"
)
_FILLERS = rf"(?:(?:{_NOUNS})(?![a-zà-ÿ])|(?:{_SMALL_WORDS})(?![a-zà-ÿ_]))"
_BRIDGE = rf"(?i:(?:{_GAP}{_FILLERS}){{0,4}}+{_GAP})(?<![A-Za-z0-9])"
_WORD_CHARACTER = re.compile(r"[^\W_]")


def behind(value: str, inflected: bool = True) -> re.Pattern[str]:
    """What `called` matches at the end of a cue: its ending, a few small words, then the value."""
    ending = "[a-zà-ÿ]{0,3}" if inflected else r"(?![^\W_])"
    return re.compile(rf"{ending}{_BRIDGE}(?P<value>{value})")


def called(text: str, cues: Iterable[str], pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """The matches of `pattern` (made by `behind`) behind the cues, which are in lower case; linear in the text."""
    for cue in cues:
        for place in places_of((cue,), text):
            is_inside = cue[0].isascii() and place > 0 and _WORD_CHARACTER.match(text, place - 1)
            match = None if is_inside else pattern.match(text, place + len(cue))
            if match:
                yield match


def digits_of(written: str) -> str:
    return re.sub(r"[^0-9]", "", written)
