"""What the filters read of a pair, and the form of a filter: a reason, and the rule that fired or None.

User text is hostile: each pattern is compiled once at import, has bounded repeats only and sees a window of the text,
so that the time per pair is bounded whatever the text. The word sets are there for speed: a pattern is tried only
where one of its trigger words occurs.
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass

from coachlm.pairs import ExcludeReason, Exclusion, InstructionPair

HEAD_CHARS, TAIL_CHARS = 600, 200
"""What of an instruction is read as the request: people ask first (or last) and paste material in between."""
TEXT_CHARS = 4_000
"""How much of each text the safety rules read."""

_CONTEXT_CHARS = 1_000
"""How much of what was said before is read as material."""

_WORD_BYTES = b"abcdefghijklmnopqrstuvwxyz0123456789"
_FOLD = bytes(code if code in _WORD_BYTES else 32 for code in range(256))
_NO_INPUT = re.compile(
    r"\W*(?:no[ _-]?(?:input|data)\w?(?: (?:is )?(?:needed|required|necessary|given|provided))?"
    r"|none|no|n/?a|nil|null|empty|not applicable|n\.a)\W*",
    re.I,
)
_NO_INPUT_CHARS = 40


@dataclass(frozen=True, slots=True)
class Reading:
    """A pair as the filters see it."""

    pair: InstructionPair
    language: str | None
    multi_modal: bool
    request: str  # lower case; head and tail of the instruction
    words: frozenset[str]  # of the request
    material: str  # what was said before, and the input, stripped; empty for `<noinput>` and its like
    answer: str  # the response, stripped
    text: str  # lower case; openings of all three texts
    text_words: frozenset[str]


def read(pair: InstructionPair, language: str | None, multi_modal: bool) -> Reading:
    """Prepares what several filters need, once."""
    instruction = pair.instruction.strip()
    request = instruction.lower()
    if len(request) > HEAD_CHARS + TAIL_CHARS:
        request = f"{request[:HEAD_CHARS]}\n{request[-TAIL_CHARS:]}"
    material = pair.input.strip()
    if len(material) <= _NO_INPUT_CHARS and _NO_INPUT.fullmatch(material):
        material = ""
    if pair.context and (before := pair.context.recent(_CONTEXT_CHARS)):
        material = f"{before}\n\n{material}".strip()
    answer = pair.response.strip()
    text = f"{instruction[:TEXT_CHARS]}\n{material[:TEXT_CHARS]}\n{answer[:TEXT_CHARS]}".lower()
    return Reading(
        pair=pair,
        language=language,
        multi_modal=multi_modal,
        request=request,
        words=frozenset(words_in(request)),
        material=material,
        answer=answer,
        text=text,
        text_words=frozenset(words_in(text)),
    )


def word_set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def words_in(text: str) -> list[str]:
    """Runs of ASCII letters and digits, in order; `text` is lower case already."""
    return text.encode("utf-8", "surrogatepass").translate(_FOLD).decode("ascii").split()


class PairFilter(ABC):
    """One reason to exclude a pair. Filters hold no state; who calls them counts."""

    reason: ExcludeReason
    rules: tuple["Rule", ...] = ()

    def check(self, reading: Reading) -> Exclusion | None:
        rule = self.rule_fired(reading)
        return None if rule is None else Exclusion(self.reason, rule)

    @abstractmethod
    def rule_fired(self, reading: Reading) -> str | None:
        """Name of the rule, never text of the pair; None keeps the pair."""

    def words_behind(self, reading: Reading, fired: str) -> list[str]:
        """The pair's own words that made the rule fire, for people who ask why; empty where the rule says it all."""
        named = (rule for rule in self.rules if rule.name in fired)
        found = (rule.pattern.search(text) for rule in named for text in (reading.request, reading.text))
        return list(dict.fromkeys(match[0] for match in found if match is not None))


@dataclass(frozen=True, slots=True)
class Rule:
    """A named pattern that is tried where one of the trigger words occurs."""

    name: str
    triggers: frozenset[str]
    pattern: re.Pattern[str]

    def fires(self, text: str, words: frozenset[str]) -> bool:
        return not self.triggers.isdisjoint(words) and self.pattern.search(text) is not None


def first_fired(rules: tuple[Rule, ...], text: str, words: frozenset[str]) -> str | None:
    for candidate in rules:
        if candidate.fires(text, words):
            return candidate.name
    return None
