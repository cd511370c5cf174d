"""Pairs whose revision would mean rewriting them wholly: given verse, song texts, very long pieces."""

import re

from coachlm.pairs import ExcludeReason
from coachlm.text.filters.base import PairFilter, Reading, first_fired, rule

_VERSE = r"(?:poems?|lyrics?|verses?|stanzas?|sonnets?|haikus?|songs?|raps?|limericks?|ballads?|odes?|couplets?|hymns?)"
_VERSE_WORDS = (
    "poem poems lyric lyrics verse verses stanza stanzas sonnet sonnets haiku haikus song songs rap raps limerick "
    "limericks ballad ballads ode odes couplet couplets hymn hymns"
)
_SONG = "asks for a song text"
_SHORT_LINES, _SHORT_CHARS = 4, 400
_RULES = (
    rule(
        "rewrites given verse",
        _VERSE_WORDS,
        r"\b(?:rewrite|revise|edit|transform|convert|turn|adapt|modify|improve|translate|reword|rephrase|paraphrase"
        r"|recreate|remix|continue|extend|expand|complete|finish|restructure|rework"
        r"|refine)\b[^.?!\n]{0,30}?\b(?:this|the|these"
        rf"|given|following|provided|my|original) (?:[a-z-]{{2,15}} ){{0,3}}?{_VERSE}\b(?! (?:title|name|about"
        rf"|with (?:appropriate |the )?words?|into (?:an? |the )?(?:[a-z-]{{2,12}} )?(?:story|summary|prose"
        rf"|paragraph|essay|image|list)))",
        r"\b(?:given|from|using|based on) (?:the |these |this )?(?:given |following |provided )?(?:song "
        r"|poem )?(?:lyrics|poem|song|verses?)\b(?!['’])"
        rf"[^.?!\n]{{0,30}}\b(?:create|write|compose|make|generate) (?:an? )?(?:[a-z-]{{2,15}} ){{0,2}}?{_VERSE}\b",
    ),
    rule(
        _SONG,
        "song songs lyric lyrics rap raps",
        r"\b(?:write|compose|create|generate|make|produce|construct|come up with|craft|pen|sing|give)(?: me| us)? "
        r"(?:(?!(?:of|for|about|title|titles|list|playlist|name|names|that|which|to|in|on|from|using|review|analysis"
        r"|with)\b)[a-z'&-]{1,15} ){0,5}?"
        r"(?:(?:songs?|raps?|rap (?:songs?|verses?|battle))(?! (?:titles?|names?|list|lyric generator|recommend"
        r"|playlist))|(?:song )?lyrics(?! generator))\b(?! ?[-/])(?! (?:title|name)s?)",
    ),
    rule(
        "asks for a whole book",
        "novel novella book dissertation epic textbook",
        r"(?:(?<!to )|(?<=you to )|(?<=me to ))(?<!will )\b(?:write|compose|create|generate|produce)(?: me)? (?:an? "
        r"|the )?"
        r"(?:(?!(?:of|for|to|about|in|from)\b)[a-z-]{2,15} ){0,2}?(?:novel|novella|dissertation|textbook|epic poem"
        r"|book)\b(?! (?:review|report|title|cover|blurb|outline"
        r"|summary|proposal|club|idea|name|statement|recommend\w{0,6}|pitch|trailer|list|description|synopsis"
        r"|character))(?=[.?!,\n]| (?:about|on|in|for|based|with|set|of|that|where)\b|\s*$)",
        r"\b(?:entire|whole|full[- ]length|complete) (?:book|novel|dissertation)\b",
    ),
)
_HOW = re.compile(r"\bhow (?:do|to|can|would|could|should)\b|\bsteps\b|\bexplanation\b")
_POEM = re.compile(
    rf"\b(?:write|compose|create|generate|make|construct|craft|produce)\b[^.?!\n]{{0,60}}?\b(?:{_VERSE}|poetry)\b"
)
_LENGTH = re.compile(r"\b(\d{1,3}(?:,\d{3})|\d{1,6})(k)?[- ]?(words?|pages?)\b(?! (?:or (?:less|fewer)|max|limit))")
_WORDS_PER_PAGE = 500
_WRITES = re.compile(
    r"\b(?:write|compose|create|generate|produce|draft|develop|give|prepare|make|expand|provide|in|at least)\b"
)
_LIMITS = re.compile(
    r"\b(?:plan|outline|list|topics?|tips|steps|how (?:long|to|do|many)|schedule|titles?|less than|fewer than|under"
    r"|below|no more than|up to|maximum of|within|not exceed\w{0,3}|shorter than|reduce|summar\w{2,8}|shorten"
    r"|condense|cut|read)\b"
)


class MassiveWorkload(PairFilter):
    """Rewriting of given verse, song texts, and pieces or poems beyond the configured lengths.

    A short poem of one's own is kept: the paper's experts revised those. Source: paper Table III and its released
    revisions; the lengths are ours.
    """

    reason = ExcludeReason.MASSIVE_WORKLOAD

    def __init__(self, max_requested_words: int, max_verse_lines: int) -> None:
        self._max_words = max_requested_words
        self._max_lines = max_verse_lines

    def rule_fired(self, reading: Reading) -> str | None:
        fired = first_fired(_RULES, reading.request, reading.words)
        if fired is not None:
            return None if fired == _SONG and (_HOW.search(reading.request) or self._is_short(reading)) else fired
        if self._requested_words(reading.request) > self._max_words:
            return "asks for a very long piece"
        if self._has_many_lines(reading.answer) and _POEM.search(reading.request):
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
