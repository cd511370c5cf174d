"""Responses that refuse and give nothing else."""

import re

from coachlm.pairs import ExcludeReason
from coachlm.text.filters.base import PairFilter, Reading

_OPENINGS = (
    r"(?:i'?m|i am|we are|we're)? ?(?:very |truly |really |terribly )?sorry,? ?(?:but )?(?:(?:as|since|because"
    r"|however),? [^.\n]{0,60}?,? ?)?"
    r"(?:i|we|this|the|that|it)\b[^.\n]{0,60}?(?:can'?t|cannot|can not|unable|not able|won'?t|will not|don'?t|do not"
    r"|not (?:possible|comfortable|appropriate|allowed)|requires|involves|am not|'m not (?:sure|able|aware|familiar"
    r"|programmed)|didn't (?:see|receive|understand))",
    r"(?:unfortunately,? |i apologi[sz]e,? (?:but )?)?as an? (?:\w{2,12} ){0,2}?(?:ai|artificial intelligence"
    r"|language model"
    r"|assistant|llm|chatbot)\b[^.\n]{0,80}?(?:can'?t|cannot|can not|unable|not able|don'?t|do not|won'?t"
    r"|not (?:capable|possible|appropriate|programmed|allowed)|must|am not)",
    r"(?:unfortunately,? |i apologi[sz]e,? (?:but )?)?(?:i|we) (?:can'?t|cannot|can not|am unable to|am not able to|are"
    r" unable to|won'?t|will not be able to|am not programmed to|must decline) (?:\w{2,12} )?(?:help|assist|provide|do"
    r"|answer|complete|create|generate|write|fulfil\w?|comply|engage|perform|draw|produce|access|browse|give|support"
    r"|discuss|participate|process|predict|make)\b",
    r"(?:this|the|your) (?:type of )?(?:instruction|task|request|prompt|question|query|input"
    r"|output)s? (?:type )?(?:cannot|can'?t|can not|is"
    r" not possible|is impossible|requires an? (?:visual|image|audio)|is not appropriate|involves [^.\n]{0,40} which)",
    r"you are requesting [^.\n]{0,60}cannot",
    r"no output (?:because|since|as|for|possible|generated|required)|(?:it is|it's) (?:not possible"
    r"|impossible) (?:for (?:me|a|an|the)\b|to (?:complete|generate|create|fulfil|perform|provide|answer))",
)
_OPENING = re.compile("|".join(_OPENINGS))
_NOTHING = re.compile(
    r"\W{0,3}(?:no ?-?_?out?puts?|no ?input|n/?a|none|null|nan|undefined|no (?:response|answer)(?: (?:given|needed))?)"
    r"\W{0,3}(?:(?:- )?(?:visuals? )?(?:cannot|this|because)[^\n]{0,160})?",
    re.I,
)
_WORDING = re.compile(
    r"\b(?:re-?arrange|reword|rewrite|rephrase|paraphrase|convert|edit|correct|change|translate|contractions?"
    r"|sentences?"
    r"|dialogue|conversation|e-?mail|letter|role|persona|(?:create|write|generate|draft) an? (?:\w{1,15} )?response"
    r"|pretend|customer|excuse|reply to|respond to|response to)\b"
)
"""The response is a text that was ordered, which may well say that somebody can't."""
_SPEAKS_AS_MODEL = re.compile(r"\b(?:task|instruction|prompt|model|ai|assistant|your request)\b")
_SENTENCE_END = re.compile(r"[.!?] |\n")
_OPENING_CHARS = 240
_MARKED = frozenset({"none", "no", "n/a", "na"})
"""Right answers to many questions; only their bracketed forms are non-answers."""


class Refusal(PairFilter):
    """A refusal without content: short, and with less than half the allowed length after its first sentence."""

    reason = ExcludeReason.REFUSAL

    def __init__(self, max_chars: int) -> None:
        self._max_chars = max_chars

    def rule_fired(self, reading: Reading) -> str | None:
        answer = reading.answer.replace("’", "'") if len(reading.answer) <= self._max_chars else ""
        if not answer:
            return None
        if _NOTHING.fullmatch(answer) and answer.strip(" .").lower() not in _MARKED:
            return "empty response"
        lowered = answer.lower()
        opening = lowered[:_OPENING_CHARS]
        if not _OPENING.match(opening):
            return None
        if _WORDING.search(reading.request) and not _SPEAKS_AS_MODEL.search(opening):
            return None
        rest = _SENTENCE_END.split(lowered, 1)[-1]
        return "refusing response" if len(rest) < self._max_chars // 2 or rest == lowered else None
