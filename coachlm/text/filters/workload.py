"""Pairs whose revision would mean rewriting them wholly: given verse, song texts, very long pieces."""

import re

from coachlm.pairs import ExcludeReason
from coachlm.text.filters.asked import asked_part
from coachlm.text.filters.base import PairFilter, Reading, first_fired
from coachlm.text.filters.word_lists import WordLists

_SONG = "asks for a song text"
_SHORT_LINES, _SHORT_CHARS = 4, 400
_LISTS = WordLists("workload")
_RULES = tuple(_LISTS.rule(name) for name in ("rewrites given verse", _SONG, "asks for a whole book"))
_HOW = _LISTS.pattern("how")
_POEM = _LISTS.pattern("poem")
_LENGTH = re.compile(r"\b(\d{1,3}(?:,\d{3})|\d{1,6})(k)?[- ]?(words?|pages?)\b(?! (?:or (?:less|fewer)|max|limit))")
_WORDS_PER_PAGE = 500
_WRITES = _LISTS.pattern("writes")
_LIMITS = _LISTS.pattern("limits")


class MassiveWorkload(PairFilter):
    """Rewriting of given verse, song texts, and pieces or poems beyond the configured lengths.

    A short poem of one's own is kept: the paper's experts revised those. Source: paper Table III and its released
    revisions; the lengths are ours.
    """

    reason = ExcludeReason.MASSIVE_WORKLOAD
    rules = _RULES

    def __init__(self, max_requested_words: int, max_verse_lines: int) -> None:
        self._max_words = max_requested_words
        self._max_lines = max_verse_lines

    def rule_fired(self, reading: Reading) -> str | None:
        request = reading.request
        fired = first_fired(_RULES, request, reading.words)
        long = fired is None and self._requested_words(request) > self._max_words
        if fired is not None or long:  # anywhere in the text; what counts is what is asked
            request = asked_part(request)
            fired = first_fired(_RULES, request, reading.words)
            long = self._requested_words(request) > self._max_words
        if fired is not None:
            return None if fired == _SONG and (_HOW.search(request) or self._is_short(reading)) else fired
        if long:
            return "asks for a very long piece"
        if self._has_many_lines(reading.answer) and _POEM.search(asked_part(request)):
            return "long poem"
        return None

    @staticmethod
    def _is_short(reading: Reading) -> bool:
        return len(reading.answer) <= _SHORT_CHARS and reading.answer.count("\n") < _SHORT_LINES

    @staticmethod
    def _requested_words(request: str) -> int:
        if not _WRITES.search(request) or _LIMITS.search(request):
            return 0
        most = 0
        for number, thousand, unit in _LENGTH.findall(request):
            words = int(number.replace(",", "")) * (1000 if thousand else 1)
            most = max(most, words * (_WORDS_PER_PAGE if unit.startswith("page") else 1))
        return most

    def _has_many_lines(self, answer: str) -> bool:
        if answer.count("\n") < self._max_lines:
            return False
        return sum(1 for line in answer.splitlines() if line.strip()) > self._max_lines
