"""Table VII counted by hand, and quantiles and bins against the plain way to compute them."""

import statistics as plain
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.pairs import InstructionPair
from coachlm.revision import Field, Outcome
from evaluation.report.statistics import BIN_EDGES, StatisticsCounter, pair_edits


def _counted(*pairs: tuple[InstructionPair, InstructionPair, Outcome]):
    counter = StatisticsCounter()
    for before, after, outcome in pairs:
        counter.add(pair_edits(before, after), outcome)
    return counter.result()


def test_averages_edits_and_changes_are_those_counted_by_hand():
    raw = InstructionPair("name three fruits", "", "aple, pear")
    revised = InstructionPair("Name three fruits.", "", "Apple, pear and plum.")
    other = InstructionPair("add", "1 2", "3")
    result = _counted((raw, revised, Outcome.REVISED), (other, other, Outcome.UNCHANGED))
    instruction, response = result.all.texts[Field.INSTRUCTION], result.all.texts[Field.RESPONSE]
    assert (instruction.before.mean, instruction.after.mean, instruction.distance.mean) == (2, 2, 1)
    assert (response.before.mean, response.after.mean, response.distance.mean) == (1.5, 2.5, 1.5)
    assert result.all.texts[Field.INPUT].after.mean == 1
    assert (result.all.pairs, result.all.changed, instruction.share_changed) == (2, 1, 0.5)
    assert {outcome: group.pairs for outcome, group in result.by_outcome.items()} == {
        Outcome.REVISED: 1,
        Outcome.UNCHANGED: 1,
    }
    assert result.by_outcome[Outcome.REVISED].texts[Field.RESPONSE].distance.mean == 3


def test_white_space_alone_is_a_change_without_word_edits():
    result = _counted((InstructionPair("a  b", "", "c"), InstructionPair("a b", "", "c"), Outcome.REVISED))
    text = result.all.texts[Field.INSTRUCTION]
    assert (text.changed, text.distance.mean) == (1, 0)


def test_no_pairs_give_zeros():
    result = _counted()
    assert result.by_outcome == {}
    assert (result.all.pairs, result.all.texts[Field.RESPONSE].before.median) == (0, 0)


@given(st.lists(st.integers(0, 12_000), min_size=1, max_size=30))
def test_quantiles_and_bins_agree_with_the_values(lengths):
    pairs = [InstructionPair("say", "", " ".join(["w"] * length)) for length in lengths]
    found = _counted(*((pair, pair, Outcome.UNCHANGED) for pair in pairs)).all.texts[Field.RESPONSE].before
    assert found.mean == pytest.approx(plain.fmean(lengths))
    assert found.median == plain.median_low(lengths)
    assert found.maximum == max(lengths)
    edges = (*BIN_EDGES, float("inf"))
    assert list(found.bins) == [sum(low <= length < high for length in lengths) for low, high in pairwise(edges)]
