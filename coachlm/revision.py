"""What the coach made of a pair."""

from dataclasses import dataclass
from enum import StrEnum

from coachlm.pairs import InstructionPair


class Outcome(StrEnum):
    """How a revision ended. All but `revised` leave the raw pair as it is."""

    REVISED = "revised"  # the coach changed the pair
    UNCHANGED = "unchanged"  # the coach saw nothing to fix
    FALLBACK_INVALID = "fallback_invalid"  # the output was no valid pair (paper §III-B1: about 1.3 %)
    FALLBACK_GUARD = "fallback_guard"  # a guard refused it: dropped constraint, broken code, language change, …
    FALLBACK_ERROR = "fallback_error"  # the engine failed on this pair: too long, NaN logits, out of memory
    LEAK_GUARD = "leak_guard"  # its instruction was in the coach's training data (paper §III-B1)


NOT_ACCEPTED = "not_accepted"
"""The reason of a fallback where there were candidates, and none was likely enough to save work."""


class FlagKind(StrEnum):
    """What an annotator should check in a revision that was kept."""

    ADDED_NUMBER = "added_number"  # a number that the raw pair lacks
    ADDED_DATE = "added_date"  # a date that the raw pair lacks
    ADDED_NAME = "added_name"  # a name that the raw pair lacks
    ADDED_URL = "added_url"  # a link that the raw pair lacks
    ADDED_CODE = "added_code"  # code that the raw pair lacks
    OVER_EXPANSION = "over_expansion"  # a trivial request got a long answer
    LOST_CONTENT = "lost_content"  # the response is much shorter, and numbers, names or many words are gone


ADDED_FACTS = frozenset(
    {FlagKind.ADDED_NUMBER, FlagKind.ADDED_DATE, FlagKind.ADDED_NAME, FlagKind.ADDED_URL, FlagKind.ADDED_CODE}
)


class Field(StrEnum):
    """The three texts of a pair."""

    INSTRUCTION = "instruction"
    INPUT = "input"
    RESPONSE = "response"


@dataclass(frozen=True, slots=True)
class Flag:
    """A span of the revised text to check: characters `start:end` of `field`."""

    kind: FlagKind
    field: Field
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Revision:
    """The pair after the coach; `revised` equals the raw pair for every outcome but `REVISED`."""

    pair_id: str  # id of the raw pair
    revised: InstructionPair
    outcome: Outcome
    engine: str  # name of the engine, e.g. `rules`, `transformers`
    adapter: str | None = None  # content digest of the adapter that made it; None without one
    reason: str | None = None  # why it fell back, e.g. `code_fence`, or why it was chosen; `kind: details`
    flags: tuple[Flag, ...] = ()
    prompt_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0  # the batch's wall time divided by its pairs

    @property
    def failure(self) -> str | None:
        """The kind of reason why the raw pair was kept, without its details; None for a revision."""
        return None if self.outcome is Outcome.REVISED or not self.reason else self.reason.partition(":")[0]
