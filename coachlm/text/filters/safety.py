"""Toxic, sexual, hateful or dangerous content, and requests for copyrighted texts, in request, answer and context.

Rules look for requests and statements, not for topics: a question about the history of a weapon or the treatment of an
addiction is kept. Slurs are the exception. A learned model gives a second opinion, where a word gives cause.
"""

from functools import lru_cache

from coachlm.pairs import ExcludeReason
from coachlm.text.filters.base import TEXT_CHARS, PairFilter, Reading, first_fired, words_in
from coachlm.text.filters.word_lists import WordLists
from coachlm.text.opinion import SecondOpinion
from coachlm.text.opinion.features import ALARMING

_LISTS = WordLists("safety")
_ASKED = tuple(
    _LISTS.rule(name)
    for name in ("self-harm", "weapons", "violence", "drugs", "hacking and fraud", "hate or insult", "sexual")
)
_HATE = _LISTS.rule("hateful statement")
_DISCUSSES = _LISTS.pattern("discusses")
_SLURS = _LISTS.words("slurs")
_AMBIGUOUS, _MACHINES = _LISTS.words("ambiguous"), _LISTS.words("machines")
_SWEARING = _LISTS.words("swearing")
_EXPLICIT = _LISTS.words("explicit")
_STRONGLY_EXPLICIT = _LISTS.words("strongly_explicit")
_LISTED = {"slur": _SLURS, "sexually explicit words": _EXPLICIT, "profanity": _SWEARING}
_COPIED = _LISTS.words("copied")
_LYRICS_OF = _LISTS.pattern("lyrics_of")
_EXPLICIT_WORDS, _REMEMBERED_TEXTS, _SHOWN_WORDS = 3, 2048, 8


class Safety(PairFilter):
    """Overly toxic, copyrighted or sensitive content. Source: paper Table III; the rules are ours."""

    reason = ExcludeReason.SAFETY
    rules = (*_ASKED, _HATE)

    def __init__(self, max_profanities: int, unsafe_probability: float) -> None:
        self._max_profanities = max_profanities
        self._threshold = unsafe_probability

    def rule_fired(self, reading: Reading) -> str | None:
        """The rule and the model's probability, or either of them."""
        fired = self._request_rule(reading) or self._words_rule(reading) or self._earlier_rule(reading)
        opinion = self._opinion(reading)
        if fired is not None:
            return f"{fired} (model {opinion:.2f})"
        return f"model {opinion:.2f}, threshold {self._threshold:g}" if opinion >= self._threshold else None

    def words_behind(self, reading: Reading, fired: str) -> list[str]:
        """What a rule matched, in whichever text; listed words; and the words that speak loudest for the model."""
        texts = [reading.pair.instruction, reading.answer, *_earlier_texts(reading)]
        named = (rule for rule in self.rules if rule.name in fired)
        matches = (rule.pattern.search(text.lower()) for rule in named for text in texts)
        found = [match[0] for match in matches if match is not None]
        for name, listed in _LISTED.items():
            if name in fired:
                found += [word for text in texts for word in words_in(text.lower()) if word in listed]
        if not found and "said before" not in fired:
            found = SecondOpinion.load().telling_words(max(texts, key=SecondOpinion.load().unsafe))
        return list(dict.fromkeys(found))[:_SHOWN_WORDS]

    @staticmethod
    def _request_rule(reading: Reading) -> str | None:
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
        return None

    def _words_rule(self, reading: Reading) -> str | None:
        words = reading.text_words
        if _has_slur(words):
            return "slur"
        if not _EXPLICIT.isdisjoint(words) and any(
            _is_explicit(words_in(text.lower())) for text in (reading.pair.instruction, reading.answer)
        ):
            return "sexually explicit words"
        if _SWEARING.isdisjoint(words):
            return None
        own = f"{reading.pair.instruction[:TEXT_CHARS]}\n{reading.answer[:TEXT_CHARS]}".lower()  # not earlier turns
        swearing = sum(1 for word in words_in(own) if word in _SWEARING)
        return "profanity" if swearing > self._max_profanities else None

    @staticmethod
    def _earlier_rule(reading: Reading) -> str | None:
        """A message before, or a text given, that a rule excludes by itself."""
        for text in _earlier_texts(reading):
            if (fired := _rule_of_message(text)) is not None:
                return f"said before: {fired}"
        return None

    @staticmethod
    def _opinion(reading: Reading) -> float:
        """The model's probability of the worst text."""
        if reading.pair.context is None and ALARMING.isdisjoint(reading.text_words):
            return 0.0
        model = SecondOpinion.load()
        texts = (reading.pair.instruction, reading.answer, *_earlier_texts(reading))
        return max(map(model.unsafe, texts))


def _earlier_texts(reading: Reading) -> list[str]:
    pair = reading.pair
    given = [pair.input] if pair.input else []
    return given if pair.context is None else [*given, *(message.text for message in pair.context.messages)]


@lru_cache(_REMEMBERED_TEXTS)
def _rule_of_message(text: str) -> str | None:
    """The messages of a conversation come again with each of its turns."""
    opening = text[:TEXT_CHARS].lower()
    words = words_in(opening)
    known = frozenset(words)
    if _has_slur(known):
        return "slur"
    if not _EXPLICIT.isdisjoint(known) and _is_explicit(words):
        return "sexually explicit words"
    fired = first_fired(_ASKED, opening, known)
    return None if fired is None or _DISCUSSES.search(opening) else fired


def _has_slur(words: frozenset[str]) -> bool:
    """Some have another meaning beside words of machines."""
    found = _SLURS & words
    return bool(found) and not (found <= _AMBIGUOUS and not _MACHINES.isdisjoint(words))


def _is_explicit(words: list[str]) -> bool:
    """Two such words of which one is strong, or several mild ones close together."""
    places = [(place, word) for place, word in enumerate(words) if word in _EXPLICIT]
    found = {word for _, word in places}
    if len(found) >= 2 and not found.isdisjoint(_STRONGLY_EXPLICIT):
        return True
    near = zip(places, places[_EXPLICIT_WORDS:], strict=False)
    return len(found) > _EXPLICIT_WORDS and any(last[0] - first[0] < 60 for first, last in near)
