"""A text as the patterns read it: ASCII digits, spaces and punctuation, without invisible characters."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_INVISIBLE = (
    "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_SPACES = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63"
_ZEROS = "\u0660\u06f0\u0966\u09e6\u0e50"  # Arabic, Persian, Devanagari, Bengali, Thai digits begin here
_TO_ASCII = {
    **dict.fromkeys(map(ord, _SPACES), " "),
    **dict.fromkeys(map(ord, _DASHES), "-"),
    **{ord(zero) + digit: str(digit) for zero in _ZEROS for digit in range(10)},
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},  # full width
}
_ANY_INVISIBLE = re.compile(f"[{_INVISIBLE}]")
_ANY_FOREIGN = re.compile(f"[{re.escape(''.join(map(chr, _TO_ASCII)))}]")


@dataclass(frozen=True, slots=True)
class PlainForm:
    """`text` has one character for each visible one of the original; `places` says where each stood, or None where
    nothing was left out."""

    text: str
    places: Sequence[int] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original that a non-empty span of the plain text stands for."""
        return (start, end) if self.places is None else (self.places[start], self.places[end - 1] + 1)


def plain_form(text: str) -> PlainForm:
    if text.isascii():
        return PlainForm(text, None)
    places = None
    if _ANY_INVISIBLE.search(text):
        places = [place for place, character in enumerate(text) if character not in _INVISIBLE]
        text = "".join([text[place] for place in places])
    return PlainForm(text.translate(_TO_ASCII) if _ANY_FOREIGN.search(text) else text, places)
