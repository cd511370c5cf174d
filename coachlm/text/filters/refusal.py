"""Responses that refuse and give nothing else."""

import re

from coachlm.pairs import ExcludeReason
from coachlm.text.filters.base import PairFilter, Reading
from coachlm.text.filters.word_lists import WordLists

_LISTS = WordLists("refusal")
_OPENING = _LISTS.pattern("opening")
_NOTHING = _LISTS.pattern("nothing", re.I)
_WORDING = _LISTS.pattern("wording")
_SPEAKS_AS_MODEL = _LISTS.pattern("speaks_as_model")
_RIGHT_ANSWERS = _LISTS.words("right_answers")
_SENTENCE_END = re.compile(r"[.!?] |\n")
_OPENING_CHARS = 240


class Refusal(PairFilter):
    """A refusal without content: short, and with less than half the allowed length after its first sentence."""

    reason = ExcludeReason.REFUSAL

    def __init__(self, max_chars: int) -> None:
        self._max_chars = max_chars

    def rule_fired(self, reading: Reading) -> str | None:
        answer = reading.answer.replace("’", "'") if len(reading.answer) <= self._max_chars else ""
        if not answer:
            return None
        if _NOTHING.fullmatch(answer) and answer.strip(" .").lower() not in _RIGHT_ANSWERS:
            return "empty response"
        lowered = answer.lower()
        opening = lowered[:_OPENING_CHARS]
        if not _OPENING.match(opening):
            return None
        if _WORDING.search(reading.request) and not _SPEAKS_AS_MODEL.search(opening):
            return None
        rest = _SENTENCE_END.split(lowered, 1)[-1]
        return "refusing response" if len(rest) < self._max_chars // 2 or rest == lowered else None
