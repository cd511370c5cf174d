"""Pairs, statuses, the rubric: what every room takes for granted."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.desk.categories import PAPER_SHARES, RevisionCategory
from coachlm.desk.ratings import check_score
from coachlm.desk.rubric import CRITERIA, Dimension, Level, Part, Scores, score_cap
from coachlm.errors import RubricError, TransitionError
from coachlm.pairs import InstructionPair, content_hash
from coachlm.status import TRANSITIONS, Status, check_transition


def test_a_pair_keeps_its_id_for_ever() -> None:
    assert InstructionPair("Name a river.", "", "The Ume.").id == GOLDEN


@given(st.text(), st.text(), st.text())
def test_outer_white_space_and_line_ends_change_no_id(instruction: str, input: str, response: str) -> None:
    pair = InstructionPair(instruction, input, response)
    windows = response.replace("\r\n", "\n").replace("\n", "\r\n")
    padded = InstructionPair(f" \n{instruction}\t", f"{input}\r\n", f"\r{windows}")
    assert padded.id == pair.id


def test_texts_do_not_run_into_one_another() -> None:
    assert InstructionPair("ab", "", "c").id != InstructionPair("a", "", "bc").id
    assert content_hash("a", "b") != content_hash("ab")
    assert len(InstructionPair("\ud800", "", "lone surrogate").id) == 32


def test_only_the_tables_transitions_are_allowed() -> None:
    for current, wanted in itertools.product(Status, Status):
        if wanted in TRANSITIONS[current]:
            check_transition("p1", current, wanted)
        else:
            with pytest.raises(TransitionError, match="p1"):
                check_transition("p1", current, wanted)


def test_every_pair_can_reach_approval_or_is_final() -> None:
    reached = {Status.APPROVED}
    while grown := {s for s in Status if TRANSITIONS[s] & reached} - reached:
        reached |= grown
    assert reached == set(Status)
    assert TRANSITIONS[Status.APPROVED] == {Status.POST_EDITED}  # an owner reopens it


def test_table_ii_has_nine_dimensions_with_readability_on_both_sides() -> None:
    assert len(CRITERIA) == 10
    assert {c.dimension for c in CRITERIA.values() if c.level is Level.RED_LINE} == {Dimension.SAFETY}
    assert sum(c.part is Part.INSTRUCTION for c in CRITERIA.values()) == 3


@pytest.mark.parametrize(
    ("part", "flaws", "expected"),
    [
        (Part.RESPONSE, {Dimension.SAFETY, Dimension.RICHNESS}, 40),
        (Part.RESPONSE, {Dimension.CORRECTNESS, Dimension.HUMANIZATION}, 80),
        (Part.RESPONSE, {Dimension.HUMANIZATION}, 100),
        (Part.RESPONSE, {Dimension.FEASIBILITY}, 100),  # a flaw of the other side
        (Part.INSTRUCTION, {Dimension.FEASIBILITY}, 80),
        (Part.INSTRUCTION, {Dimension.SAFETY}, 100),
        (Part.INSTRUCTION, set(), 100),
    ],
)
def test_flaws_cap_the_score(part: Part, flaws: set[Dimension], expected: int) -> None:
    assert score_cap(part, flaws) == expected


@given(st.integers(-5, 105), st.integers(-5, 105), st.frozensets(st.sampled_from(Dimension)))
def test_scores_hold_their_caps(instruction: int, response: int, flaws: frozenset[Dimension]) -> None:
    scores = {Part.INSTRUCTION: instruction, Part.RESPONSE: response}
    if all(0 <= score <= score_cap(part, flaws) for part, score in scores.items()):
        Scores(instruction, response, flaws)
    else:
        with pytest.raises(RubricError, match="range"):
            Scores(instruction, response, flaws)


@pytest.mark.parametrize(
    ("flaw", "score"),
    [
        ("safety", 10),
        *(("correctness", score) for score in (14, 20, 25, 30, 40, 50)),
        *(("relevance", score) for score in (9, 22)),
        *(("comprehensiveness", score) for score in (5, 55)),
        *(("response_readability", score) for score in (64, 70, 75)),
        *(("richness", score) for score in (53, 82)),
        *(("humanization", score) for score in (60, 92)),
    ],
)
def test_scores_that_the_papers_experts_published_are_taken(flaw: str, score: int) -> None:
    """Source: the paper's repository, Technical Report, §3.1."""
    assert Scores(95, score, frozenset({Dimension(flaw)})).response == score
    check_score(Part.RESPONSE, score, {Dimension(flaw)})


def test_the_papers_shares_add_up_on_each_side() -> None:
    for side in ("instruction", "response"):
        shares = [PAPER_SHARES[category] for category in RevisionCategory if category.startswith(side)]
        assert sum(shares) == pytest.approx(1.0, abs=0.002)


GOLDEN = "2c860e2a79c6d447f007831d4c0a9fd5"
