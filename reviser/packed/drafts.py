"""N-gram drafts: next tokens guessed from where the last few tokens stood before, made only where they pay."""

import math
from dataclasses import dataclass, field

MATCH_LENGTHS = (8, 5, 3, 2)  # tokens of context that must agree, the most telling first
MAX_DRAFT = 12
_PRIOR_ACCEPTANCE = {8: 0.9, 5: 0.7, 3: 0.5, 2: 0.35}
"""Chance that a draft token is right if those before it were, before anything has been measured.

Source: expert revisions of CoachLM as the model's output, `python -m benchmarks.reviser`.
"""
_PRIOR_WEIGHT = 32.0
_MEMORY = 0.995  # what a trial still counts after each later one: the last few hundred decide
_PROBE_EVERY = 64  # one token is drafted this often where drafts don't pay, so that the measurement lives


@dataclass(frozen=True, slots=True)
class Draft:
    """Guessed tokens and the length of the match that gave them (0: no draft)."""

    tokens: list[int]
    match: int


NO_DRAFT = Draft([], 0)


@dataclass(slots=True)
class NgramIndex:
    """Where each n-gram of a growing token list was last followed by a token."""

    _places: dict[tuple[int, ...], int] = field(default_factory=dict)  # n-gram → place of the token after it
    _seen: int = 0  # tokens[:_seen] are places already entered

    def grow(self, tokens: list[int]) -> None:
        """Enter what was appended; the last n-gram is left out until a token follows it."""
        for place in range(max(self._seen, 1), len(tokens)):
            for length in MATCH_LENGTHS:
                if length <= place:
                    self._places[tuple(tokens[place - length : place])] = place
        self._seen = len(tokens)

    def find(self, tokens: list[int]) -> tuple[int, int] | None:
        """(place of the token that followed the longest match, the match's length)."""
        for length in MATCH_LENGTHS:
            place = self._places.get(tuple(tokens[-length:]))
            if place is not None:
                return place, length
        return None


class DraftGate:
    """Decides how many tokens to draft, from the measured acceptance per match length and the active rows.

    With a step's cost taken as `overhead + tokens`, a row's share of a step is `overhead / rows + 1` and a draft token
    costs 1: it pays while the chance that it and all before it are right is above `1 / (overhead / rows + 1)`.
    """

    def __init__(self, step_overhead_tokens: float) -> None:
        self._overhead = step_overhead_tokens
        self._trials: dict[int, float] = dict.fromkeys(MATCH_LENGTHS, _PRIOR_WEIGHT)
        self._hits = {length: _PRIOR_WEIGHT * chance for length, chance in _PRIOR_ACCEPTANCE.items()}
        self._refused = 0

    def acceptance(self, match: int) -> float:
        return self._hits[match] / self._trials[match]

    def draft(self, tokens: list[int], ngrams: NgramIndex, rows: int, at_most: int) -> Draft:
        """A draft for the sequence `tokens` while `rows` sequences decode."""
        found = ngrams.find(tokens) if at_most > 0 else None
        if found is None:
            return NO_DRAFT
        place, match = found
        length = self._length(match, rows)
        if length == 0:
            self._refused += 1
            length = int(self._refused % _PROBE_EVERY == 0)
        return Draft(tokens[place : place + min(length, at_most)], match) if length else NO_DRAFT

    def _length(self, match: int, rows: int) -> int:
        worth = 1 / (self._overhead / rows + 1)
        chance = min(self.acceptance(match), 0.98)
        return min(int(math.log(worth) / math.log(chance)), MAX_DRAFT) if chance > worth else 0

    def record(self, draft: Draft, accepted: int) -> None:
        """Tokens after the first wrong one were never tried."""
        if not draft.tokens:
            return
        for place in range(min(accepted + 1, len(draft.tokens))):
            self._trials[draft.match] = self._trials[draft.match] * _MEMORY + 1
            self._hits[draft.match] = self._hits[draft.match] * _MEMORY + (place < accepted)
