"""N-gram drafts: next tokens guessed from where the last few tokens stood before, made only where they pay."""

import math
from dataclasses import dataclass, field

import numpy as np

MATCH_LENGTHS = (8, 5, 3, 2)  # tokens of context that must agree, the most telling first
MAX_DRAFT = 12
_PRIOR_ACCEPTANCE = {8: 0.9, 5: 0.7, 3: 0.5, 2: 0.35}
"""Chance that a draft token is right if those before it were, before anything has been measured.

Source: expert revisions of CoachLM as the model's output, `python -m benchmarks.reviser`.
"""
_PRIOR_WEIGHT = 32.0
_MEMORY = 0.995  # what a trial still counts after each later one: the last few hundred decide
_COST_MEMORY = 0.995
_OUTLIER = 3.0  # times what a step is expected to take
_OUTLIERS_IN_A_ROW = 8
_LEAST_SHARE = 0.02
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


class FixedCost:
    """A step costs `overhead_tokens` and one for each of its tokens."""

    def __init__(self, overhead_tokens: float) -> None:
        self._overhead = overhead_tokens

    def token_share(self, rows: int) -> float:
        """What a draft token costs, as a share of what one of `rows` rows costs in a step without drafts."""
        return 1 / (self._overhead / rows + 1)

    def observe(self, rows: int, draft_tokens: int, seconds: float) -> None:
        """Nothing changes it."""


class MeasuredCost:
    """seconds = a + b * rows + c * draft tokens, fitted by least squares to the last few hundred steps that decode.

    What a token costs beside a step differs with device, precision, model and batch by a factor of ten. Steps that
    took far longer than expected (another process had the core) are left out.
    """

    def __init__(self, first_guess: FixedCost) -> None:
        self._guess = first_guess
        self._forget()

    def _forget(self) -> None:
        self._products = np.zeros((3, 3))
        self._targets = np.zeros(3)
        self._weights: np.ndarray | None = None  # (a, b, c); None: nothing measured yet
        self._outliers = 0

    def token_share(self, rows: int) -> float:
        if self._weights is None:
            return self._guess.token_share(rows)
        base, row, token = self._weights
        whole = base + row * rows
        return float(min(max(token * rows / whole, _LEAST_SHARE), 1.0)) if whole > 0 else 1.0

    def observe(self, rows: int, draft_tokens: int, seconds: float) -> None:
        """A step in which every row decoded."""
        features = np.array([1.0, rows, draft_tokens])
        if self._weights is None:
            self._begin(rows, seconds / (rows / self._guess.token_share(rows) + draft_tokens))
        elif seconds > _OUTLIER * max(float(self._weights @ features), 1e-9):
            self._outliers += 1
            if self._outliers == _OUTLIERS_IN_A_ROW:  # it is what a step costs now
                self._forget()
            return
        self._outliers = 0
        self._products = self._products * _COST_MEMORY + np.outer(features, features)
        self._targets = self._targets * _COST_MEMORY + features * seconds
        self._weights = np.linalg.solve(self._products, self._targets)

    def _begin(self, rows: int, token_seconds: float) -> None:
        """As if a few steps had been seen that cost what the first guess says."""
        for guessed_rows in (1, max(rows // 2, 1), rows, rows + 1):
            for draft_tokens in (0, rows, 3 * rows):
                features = np.array([1.0, guessed_rows, draft_tokens])
                tokens = guessed_rows / self._guess.token_share(guessed_rows) + draft_tokens
                self._products += np.outer(features, features)
                self._targets += features * tokens * token_seconds


class DraftGate:
    """Decides how many tokens to draft, from the measured acceptance per match length and what a token costs.

    A draft token pays while the chance that it and all before it are right is above `cost.token_share(rows)`: what is
    saved with it is a row's share of a later step.
    """

    def __init__(self, cost: FixedCost | MeasuredCost) -> None:
        self.cost = cost
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
        worth = self.cost.token_share(rows)
        chance = min(self.acceptance(match), 0.98)
        return min(int(math.log(worth) / math.log(chance)), MAX_DRAFT) if chance > worth else 0

    def record(self, draft: Draft, accepted: int) -> None:
        """Tokens after the first wrong one were never tried."""
        if not draft.tokens:
            return
        for place in range(min(accepted + 1, len(draft.tokens))):
            self._trials[draft.match] = self._trials[draft.match] * _MEMORY + 1
            self._hits[draft.match] = self._hits[draft.match] * _MEMORY + (place < accepted)
