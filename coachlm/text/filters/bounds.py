"""Length bounds and language: the filters that need no reading of the text."""

from collections.abc import Sequence

from coachlm.pairs import ExcludeReason
from coachlm.text.filters.base import PairFilter, Reading


class TooLong(PairFilter):
    """More characters than a person can revise or a coach can read."""

    reason = ExcludeReason.TOO_LONG

    def __init__(self, max_pair_chars: int) -> None:
        self._max = max_pair_chars

    def rule_fired(self, reading: Reading) -> str | None:
        pair = reading.pair
        chars = len(pair.instruction) + len(pair.input) + len(pair.response)
        return f"pair of {chars} characters" if chars > self._max else None


class TooShort(PairFilter):
    """An instruction or response without enough text."""

    reason = ExcludeReason.TOO_SHORT

    def __init__(self, min_instruction_chars: int, min_response_chars: int) -> None:
        self._min_instruction = min_instruction_chars
        self._min_response = min_response_chars

    def rule_fired(self, reading: Reading) -> str | None:
        if len(reading.pair.instruction.strip()) < self._min_instruction:
            return "instruction"
        return "response" if len(reading.answer) < self._min_response else None


class Language(PairFilter):
    """Outside the configured languages; a pair whose language nobody could tell is kept."""

    reason = ExcludeReason.LANGUAGE

    def __init__(self, languages: Sequence[str]) -> None:
        self._accepted = frozenset(languages)

    def rule_fired(self, reading: Reading) -> str | None:
        if not self._accepted or reading.language is None or reading.language in self._accepted:
            return None
        return reading.language
