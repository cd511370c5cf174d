"""What of a request is asked for: its sentences that ask, without those that tell and without pasted material."""

import re

from coachlm.text.filters.word_lists import WordLists

_LISTS = WordLists("asked")
_ASKS = _LISTS.pattern("asks")
_LABEL = _LISTS.pattern("label")
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+|(?<=:)\s+(?=\S{1,40} )|\n+")
_LEAD_CHARS = 40
"""A colon so near to a line's beginning may set off a name."""


def asked_part(request: str) -> str:
    """Of a request in lower case. A single sentence counts wholly; of several, those that command or ask."""
    sentences = [sentence for line in request.split("\n") for sentence in _sentences(line)]
    if len(sentences) <= 1:
        return request
    return "\n".join(sentence for sentence in sentences if _ASKS.match(sentence))


def _sentences(line: str) -> list[str]:
    """None of a line that somebody is quoted with (`Tom: Send me a picture.`) or of a list's entry."""
    line = line.strip()
    label, colon, rest = line[:_LEAD_CHARS].partition(": ")
    if colon and not _LABEL.match(label) and not _ASKS.match(label):
        return [f"{label}:"]
    line = line[len(label) + 2 :] if colon and _LABEL.match(label) and rest else line
    return [sentence for sentence in _SENTENCE_END.split(line) if sentence]
