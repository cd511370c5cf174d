"""Responses that refuse and give nothing else."""

import re

from coachlm.pairs import ExcludeReason
from coachlm.text.filters.base import PairFilter, Reading, words_in
from coachlm.text.filters.word_lists import WordLists
from coachlm.text.opinion import SecondOpinion

_LISTS = WordLists("refusal")
_REFUSES = _LISTS.pattern("refuses")
_LEADING = _LISTS.pattern("leading")
_JUDGED_CHARS = 400  # of a sentence: what leads up to a refusal can be cut in many ways, and long ones take seconds
_SAID_AFTER = _LISTS.pattern("said_after")
_ANSWERS = _LISTS.pattern("answers")
_LISTED = _LISTS.pattern("listed", re.M)
_FOREIGN = _LISTS.pattern("foreign")
_FOREIGN_ANSWERS = _LISTS.pattern("foreign_answers")
_NOTHING = _LISTS.pattern("nothing", re.I)
_WORDING = _LISTS.pattern("wording")
_SPEAKS_AS_MODEL = _LISTS.pattern("speaks_as_model")
_RIGHT_ANSWERS = _LISTS.words("right_answers")
_HINT_WORDS, _MODEL_WORDS = _LISTS.words("hints"), _LISTS.words("model_hints")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_NONE_IS_AN_ANSWER = 200  # characters behind the refusal that are neither usual phrases nor an answer
_ENGLISH = ("en", None)
_SENTENCES, _LED_BY, _HINT_CHARS, _SHOWN_CHARS = 30, 2, 240, 160


class Refusal(PairFilter):
    """A refusal without an answer behind it; a longer response than the configured counts as an answer."""

    reason = ExcludeReason.REFUSAL

    def __init__(self, max_chars: int, refusal_probability: float, opinion: SecondOpinion | None = None) -> None:
        """`opinion`: another model than the shipped one, to measure with."""
        self._max_chars = max_chars
        self._opinion = opinion
        self._threshold = refusal_probability

    def rule_fired(self, reading: Reading) -> str | None:
        answer = reading.answer.replace("’", "'") if len(reading.answer) <= self._max_chars else ""
        if not answer:
            return None
        if _NOTHING.fullmatch(answer) and answer.strip(" .").lower() not in _RIGHT_ANSWERS:
            return "empty response"
        lowered = answer.lower()
        if reading.language in _ENGLISH and _HINT_WORDS.isdisjoint(words_in(lowered[:_HINT_CHARS])):
            return None
        refuses = refuses_only(lowered) or _refuses_elsewhere(reading, lowered)
        if not refuses and _MODEL_WORDS.isdisjoint(reading.text_words):
            return None
        opinion = (self._opinion or SecondOpinion.load()).refusal(answer)
        if not refuses and (opinion < self._threshold or _LISTED.search(lowered) or _is_answered(lowered)):
            return None
        if _WORDING.search(reading.request) and not _SPEAKS_AS_MODEL.search(lowered):
            return None
        if refuses:
            return f"refusing response (model {opinion:.2f})"
        return f"model {opinion:.2f}, threshold {self._threshold:g}"

    def words_behind(self, reading: Reading, fired: str) -> list[str]:
        """The beginning of the response."""
        return [reading.answer[:_SHOWN_CHARS]]


def refuses_only(answer: str) -> bool:
    """Whether a text in lower case refuses in its first sentences and hardly says more."""
    if _LISTED.search(answer):
        return False
    sentences = [found for found in _SENTENCE_END.split(answer, _SENTENCES) if found.strip()]
    place = _refusing_sentence(sentences)
    if place is None:
        return False
    behind = sentences[place:]
    if any(map(_ANSWERS.search, behind)):
        return False
    return sum(len(sentence) for sentence in behind[1:] if not _SAID_AFTER.match(sentence)) < _NONE_IS_AN_ANSWER


def _is_answered(answer: str) -> bool:
    return any(map(_ANSWERS.search, _SENTENCE_END.split(answer, _SENTENCES)))


def _refusing_sentence(sentences: list[str]) -> int | None:
    """The place of the first that refuses, with nothing but courtesies before it."""
    for place, sentence in enumerate(sentences[: _LED_BY + 1]):
        if _REFUSES.match(sentence.lstrip(" \"'*_")[:_JUDGED_CHARS]):
            return place
        if not _LEADING.match(sentence[:_JUDGED_CHARS]):
            return None
    return None


def _refuses_elsewhere(reading: Reading, answer: str) -> bool:
    """The same in other languages than English, by short texts alone."""
    if reading.language == "en" or len(answer) > 2 * _NONE_IS_AN_ANSWER or not _FOREIGN.search(answer[:160]):
        return False
    return not _FOREIGN_ANSWERS.search(answer) and not _LISTED.search(answer)
