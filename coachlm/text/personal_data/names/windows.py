"""The parts of a text that may hold a name: prose with a capitalised word that is no sentence's usual beginning."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from coachlm.text.personal_data.names.words import SENTENCE_STARTS

_MOST_CHARACTERS = 400
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_SENTENCE = re.compile(r"[^\n.!?]{0,400}(?:[.!?]+(?=\s|\Z)|\n+|[.!?]|\Z|(?<=.{400}))")
_CAPITALISED = re.compile(r"(?<![\w@/.#$<])[^\W\d_a-z][^\W\d_]*(?:['’-][^\W\d_]+)*")
_CUES = re.compile(r"(?i)\b(?:name|call(?:ed)? me|street|str\.|avenue|road|address|lives? (?:on|at|in)|mr|mrs|ms|dr)\b")
_CODE = re.compile(
    r"[{};]\s*$|^\s*(?:def|class|import|from|const|let|var|return|if|for|while|#include|public|private|SELECT)\b|[=!<>]=|\w\(\w*\)|->|=>"
)


@dataclass(frozen=True, slots=True)
class Window:
    """`text[start:end]`."""

    start: int
    end: int


def windows_of(text: str) -> Iterator[Window]:
    """Neighbouring sentences that may hold names, together up to some hundred characters; no code."""
    start = end = -1
    for first, last in _sentences(text):
        if first != end or last - start > _MOST_CHARACTERS:
            if end > start:
                yield Window(start, end)
            start = first
        end = last
    if end > start:
        yield Window(start, end)


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    place = 0
    for fence in [*(match.span() for match in _FENCE.finditer(text)), (len(text), len(text))]:
        while place < fence[0]:
            match = _SENTENCE.match(text, place, fence[0])
            last = max(match.end() if match else 0, place + 1)
            if _may_hold_names(text[place:last]):
                yield place, last
            place = last
        place = max(place, fence[1])


def _may_hold_names(sentence: str) -> bool:
    if _CODE.search(sentence):
        return False
    words = _CAPITALISED.findall(sentence)
    return any(word.casefold() not in SENTENCE_STARTS for word in words) or _CUES.search(sentence) is not None
