"""What a draft is worth follows from what steps were measured to cost; never what comes out."""

import random

import pytest

from reviser.packed.drafts import Draft, DraftGate, NgramIndex
from reviser.packed.step_cost import FixedCost, MeasuredCost

BASE, ROW, TOKEN = 0.016, 0.0012, 0.0004  # seconds: a draft token of 32 rows costs a quarter of a row's share


def index_of(prompt: list[int]) -> NgramIndex:
    ngrams = NgramIndex(len(prompt))
    ngrams.grow(prompt)
    return ngrams


def observed(steps: int, *, seed: int = 0, slower: float = 1.0) -> MeasuredCost:
    """As an engine that is mostly full sees it, on a machine where one step in twenty is held up."""
    chance, cost = random.Random(seed), MeasuredCost(FixedCost(21))
    for _ in range(steps):
        rows, tokens = chance.choice([32] * 20 + [16, 8]), chance.choice([0, 0, 5, 10, 30, 64])
        seconds = slower * (BASE + ROW * rows + TOKEN * tokens) * chance.lognormvariate(0, 0.1)
        cost.observe(rows, tokens, 5 * seconds if chance.random() < 0.05 else seconds)
    return cost


def true_share(rows: int) -> float:
    return TOKEN * rows / (BASE + ROW * rows)


def test_before_anything_is_measured_the_guess_counts() -> None:
    assert MeasuredCost(FixedCost(21)).token_share(32) == FixedCost(21).token_share(32) == pytest.approx(32 / 53)


@pytest.mark.parametrize("slower", [0.01, 1.0, 100.0])
def test_the_cost_of_a_token_is_found_whatever_the_machine(slower: float) -> None:
    cost = observed(600, slower=slower)
    for rows in (8, 32):
        assert cost.token_share(rows) == pytest.approx(true_share(rows), rel=0.25)


def test_a_machine_that_becomes_slower_for_good_is_believed() -> None:
    cost = observed(300)
    for step in range(300):
        rows, tokens = 32, (step % 5) * 10
        cost.observe(rows, tokens, 20 * (BASE + ROW * rows) + 20 * ROW * tokens)  # and tokens dearer
    assert cost.token_share(32) == pytest.approx(ROW * 32 / (BASE + ROW * 32), rel=0.25)


def test_cheap_tokens_make_longer_drafts() -> None:
    tokens = [*range(3, 40), *range(3, 12)]  # goes on as before: a match of 8
    ngrams = index_of(tokens)
    lengths = [len(DraftGate(FixedCost(overhead)).draft(tokens, ngrams, 32, 50).tokens) for overhead in (0, 21, 600)]
    assert lengths[0] == 0
    assert 0 < lengths[1] < lengths[2]


def test_a_draft_ends_where_edits_begin() -> None:
    """Whatever follows token 7 in what is copied is changed, in each of these pairs; nothing else is."""
    text = [*range(100, 106), 7, *range(106, 112)]
    tokens = [*range(3, 11), *text, *range(3, 11)]
    ngrams = index_of(tokens)
    gate = DraftGate(FixedCost(21))

    def guess() -> Draft:
        return gate.draft(tokens, ngrams, 8, 50)

    assert guess().tokens[:8] == text[:8]  # before it has learned
    for _ in range(50):
        guessed = guess()
        gate.record(guessed, min(7, len(guessed.tokens)))
    assert guess().tokens == text[:7]


def test_drafts_that_are_never_right_end_but_for_a_probe_and_come_back() -> None:
    tokens = [*range(3, 40), *range(3, 12)]
    ngrams = index_of(tokens)
    gate = DraftGate(FixedCost(21))

    def drafted(steps: int, *, right: bool) -> int:
        guesses = [gate.draft(tokens, ngrams, 8, 50)]
        for _ in range(steps - 1):
            gate.record(guesses[-1], len(guesses[-1].tokens) if right else 0)
            guesses.append(gate.draft(tokens, ngrams, 8, 50))
        return sum(len(guess.tokens) for guess in guesses[-128:])

    assert drafted(300, right=False) == 2
    assert drafted(3000, right=True) == 128 * 12
