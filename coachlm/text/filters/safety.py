"""Toxic, sexual, hateful or dangerous requests, and requests for copyrighted texts.

Word lists can't judge context; these rules look for requests and statements, not for topics: a question about the
history of a weapon or the treatment of an addiction is kept. Slurs are the exception.
"""

from coachlm.pairs import ExcludeReason
from coachlm.text.filters.base import TEXT_CHARS, PairFilter, Reading, first_fired, words_in
from coachlm.text.filters.word_lists import WordLists

_LISTS = WordLists("safety")
_ASKED = tuple(
    _LISTS.rule(name)
    for name in ("self-harm", "weapons", "violence", "drugs", "hacking and fraud", "hate or insult", "sexual")
)
_HATE = _LISTS.rule("hateful statement")
_DISCUSSES = _LISTS.pattern("discusses")
_SLURS = _LISTS.words("slurs")
_SWEARING = _LISTS.words("swearing")
_COPIED = _LISTS.words("copied")
_LYRICS_OF = _LISTS.pattern("lyrics_of")


class Safety(PairFilter):
    """Overly toxic, copyrighted or sensitive content. Source: paper Table III; the rules are ours."""

    reason = ExcludeReason.SAFETY

    def __init__(self, max_profanities: int) -> None:
        self._max_profanities = max_profanities

    def rule_fired(self, reading: Reading) -> str | None:
        request, words = reading.request, reading.words
        fired = first_fired(_ASKED, request, words)
        if fired is None and not _HATE.triggers.isdisjoint(reading.text_words):
            asked = f"{request}\n{reading.material[:TEXT_CHARS].lower()}"
            fired = _HATE.name if _HATE.pattern.search(asked) else None
        if fired is not None and not _DISCUSSES.search(request):
            return fired
        if (
            not words.isdisjoint(_COPIED)
            and "program" not in words
            and _LYRICS_OF.search(reading.pair.instruction[:TEXT_CHARS])
        ):
            return "copyrighted text"
        return self._words_rule(reading)

    def _words_rule(self, reading: Reading) -> str | None:
        if not _SLURS.isdisjoint(reading.text_words):
            return "slur"
        if _SWEARING.isdisjoint(reading.text_words):
            return None
        own = f"{reading.pair.instruction[:TEXT_CHARS]}\n{reading.answer[:TEXT_CHARS]}".lower()  # not earlier turns
        swearing = sum(1 for word in words_in(own) if word in _SWEARING)
        return "profanity" if swearing > self._max_profanities else None
