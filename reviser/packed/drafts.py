"""N-gram drafts: next tokens guessed from where the last few tokens stood before, made only where they pay."""

# See docs/decisions/0084-drafts-by-break-even.md

import math
from dataclasses import dataclass, field

from reviser.packed.step_cost import FixedCost, MeasuredCost

MAX_DRAFT = 12
_PRIOR_ACCEPTANCE = {8: 0.9, 5: 0.7, 3: 0.5, 2: 0.35}
"""Tokens of context that must agree, the most telling first, and the chance that a draft token is right if those before
it were, before anything has been learned.

Source: expert revisions of CoachLM as the model's output, `python -m benchmarks.reviser`.
"""
MATCH_LENGTHS = tuple(_PRIOR_ACCEPTANCE)
_MOST_CERTAIN = 0.99
_BUCKETS = 4096  # tokens share weights by their id's remainder
_RATE = 0.6  # anything from 0.4 to 1.0 wins the same within a hundredth on the expert revisions
_MEMORY = 0.998  # of squared gradients: what was learned long ago gives way to what edits are like now
_FIRST_STEP = 0.1
_PROBE_EVERY = 64  # one token is drafted this often where drafts don't pay, so that learning goes on

Signs = tuple[int, int, int, int]  # what a drafted token's chance is read from, as places of weights


@dataclass(frozen=True, slots=True)
class Draft:
    """Guessed tokens, and for each the signs that its chance was read from."""

    tokens: list[int]
    signs: list[Signs]


NO_DRAFT = Draft([], [])


@dataclass(slots=True)
class NgramIndex:
    """Where each n-gram of a growing token list was last followed by a token."""

    prompt_tokens: int  # the list's first tokens; the others are the output
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


class Acceptance:
    """Chance that a drafted token is right if those before it were: logistic regression, learning from each trial.

    Its signs: the length of the match, the token before, the token itself (edits begin at some rather than at others),
    and whether it is copied from the prompt or from the output so far. Rates are AdaGrad's (Duchi, Hazan and Singer
    2011), over squared gradients that fade.
    """

    def __init__(self) -> None:
        self._weights = [0.0] * (2 * _BUCKETS + 2) + [math.log(p / (1 - p)) for p in _PRIOR_ACCEPTANCE.values()]
        self._squares = [_FIRST_STEP] * len(self._weights)

    def signs(self, tokens: list[int], place: int, match: int, prompt_tokens: int) -> Signs:
        """Of the token at `place` as a guess, within a draft that a match of this length began."""
        source = 2 * _BUCKETS + (place < prompt_tokens)
        length = 2 * _BUCKETS + 2 + MATCH_LENGTHS.index(match)
        return tokens[place - 1] % _BUCKETS, _BUCKETS + tokens[place] % _BUCKETS, source, length

    def chance(self, signs: Signs) -> float:
        evidence = sum(self._weights[sign] for sign in signs)
        return 1 / (1 + math.exp(-min(max(evidence, -30.0), 30.0)))

    def learn(self, signs: Signs, *, was_right: bool) -> None:
        gradient = self.chance(signs) - was_right
        for sign in signs:
            self._squares[sign] = self._squares[sign] * _MEMORY + gradient * gradient
            self._weights[sign] -= _RATE * gradient / math.sqrt(self._squares[sign])


class DraftGate:
    """Decides how many tokens to draft, from the learned acceptance and what a token costs.

    A draft token pays while the chance that it and all before it are right is above `cost.token_share(rows)`: what is
    saved with it is a row's share of a later step.
    """

    def __init__(self, cost: FixedCost | MeasuredCost) -> None:
        self.cost = cost
        self.acceptance = Acceptance()
        self._refused = 0

    def draft(self, tokens: list[int], ngrams: NgramIndex, rows: int, at_most: int) -> Draft:
        """A draft for the sequence `tokens` while `rows` sequences decode."""
        found = ngrams.find(tokens) if at_most > 0 else None
        if found is None:
            return NO_DRAFT
        place, match = found
        signs = self._paying(tokens, place, match, ngrams.prompt_tokens, rows)[:at_most]
        if not signs:
            self._refused += 1
            if self._refused % _PROBE_EVERY:
                return NO_DRAFT
            signs = [self.acceptance.signs(tokens, place, match, ngrams.prompt_tokens)]
        return Draft(tokens[place : place + len(signs)], signs)

    def _paying(self, tokens: list[int], begin: int, match: int, prompt_tokens: int, rows: int) -> list[Signs]:
        """The signs of those tokens from `begin` on that are worth what they cost."""
        worth, chance = self.cost.token_share(rows), 1.0
        paying: list[Signs] = []
        for place in range(begin, min(begin + MAX_DRAFT, len(tokens))):
            signs = self.acceptance.signs(tokens, place, match, prompt_tokens)
            chance *= min(self.acceptance.chance(signs), _MOST_CERTAIN)
            if chance <= worth:
                break
            paying.append(signs)
        return paying

    def record(self, draft: Draft, accepted: int) -> None:
        """Tokens after the first wrong one were never tried."""
        for place, signs in enumerate(draft.signs[: accepted + 1]):
            self.acceptance.learn(signs, was_right=place < accepted)
