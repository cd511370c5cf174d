"""Choosing: by signal, distance and quota; the same seed gives the same choice."""

from datetime import UTC, datetime

import numpy as np
import pytest

from coachlm.choosing.candidates import Candidate, Group, Signal, template_of
from coachlm.choosing.clusters import link_to_leaders
from coachlm.choosing.meaning import link_by_meaning
from coachlm.choosing.quotas import Quota
from coachlm.choosing.ratings import passing, rating_signals
from coachlm.choosing.selection import Selection, choose
from coachlm.choosing.vectors import word_vectors
from coachlm.errors import InputError
from coachlm.pairs import InstructionPair

TOPICS = ("bake a dark bread", "repair a wet bicycle", "paint a tall fence")


def candidates(count: int = 12) -> list[Candidate]:
    """Four of each topic; the later, the louder."""
    return [
        Candidate(
            f"{number:02}",
            InstructionPair(f"Tell me how to {TOPICS[number % 3]} on day {number}", "", "So."),
            {Signal.SCORE: number / count},
            "qa" if number % 2 else "creative",
            "a.jsonl",
            datetime(2026, 1, 1 + number % 4, tzinfo=UTC),
        )
        for number in range(count)
    ]


def chosen(selection: Selection) -> list[int]:
    return [choice.index for choice in selection.choices]


def select(count: int, **options: object) -> Selection:
    them = candidates()
    vectors = word_vectors([one.pair.instruction for one in them])
    return choose(them, vectors, count, weights={Signal.SCORE: 1.0}, **options)


def test_without_diversity_the_loudest_are_chosen() -> None:
    assert chosen(select(3, diversity=0)) == [11, 10, 9]


def test_with_diversity_alone_every_topic_is_met_first() -> None:
    assert {index % 3 for index in chosen(select(3, diversity=1))} == {0, 1, 2}


def test_the_seed_decides_among_equals_and_nothing_else() -> None:
    assert chosen(select(5, diversity=1, seed=4)) == chosen(select(5, diversity=1, seed=4))
    assert len({tuple(chosen(select(5, diversity=1, seed=seed))) for seed in range(5)}) > 1
    assert chosen(select(3, diversity=0, seed=9)) == [11, 10, 9]


def test_a_quota_bounds_each_value_and_says_what_it_kept_out() -> None:
    selection = select(12, diversity=0, quotas=[Quota.parse("class:qa=1"), Quota.parse("day:*=2")])
    them = [candidates()[index] for index in chosen(selection)]
    assert sum(one.task_class == "qa" for one in them) == 1
    assert max(sum(one.group(Group.DAY) == other.group(Group.DAY) for other in them) for one in them) == 2
    assert sum(selection.kept_out.values()) == 12 - len(them)


@pytest.mark.parametrize("text", ["class=3", "colour:red=3", "class:qa", "class:qa=many"])
def test_a_quota_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="class:qa=50"):
        Quota.parse(text)


def test_templates_differ_by_their_words_not_by_numbers() -> None:
    assert template_of("Add 2 and 3") == template_of("Add 17 and 4") != template_of("Add two and 4")


def test_ratings_become_signals_and_bounds() -> None:
    ratings = {"a": [1.0], "b": [3.0, 5.0], "c": [5.0]}
    assert rating_signals(ratings, prefers_high=True)["c"][Signal.SCORE] == 1
    assert rating_signals(ratings, prefers_high=False)["c"][Signal.SCORE] == 0
    assert rating_signals(ratings, prefers_high=True)["b"][Signal.DISAGREEMENT] == 0.5
    assert passing(ratings, min_score=4, top=None, seed=0) == {"b", "c"}
    assert passing(ratings, min_score=None, top=0.3, seed=0) == {"c"}


def test_links_go_to_the_leader_and_never_chain() -> None:
    angles = np.array([0.0, 0.2, 0.4, 3.0, 3.1])
    vectors = np.stack((np.cos(angles), np.sin(angles)), axis=1).astype(np.float32)
    links = {index: like.leader for index, like in link_to_leaders(vectors, float(np.cos(0.25))).items()}
    assert links == {1: 0, 4: 3}


def test_meaning_links_no_other_numbers_denials_or_material() -> None:
    asked = [
        ("How can I bake bread?", ""),
        ("What is the way to bake bread?", ""),
        ("How can I not bake bread?", ""),
        ("How can I bake 3 bread?", ""),
        ("How can I bake bread?", "Rye only."),
    ]
    pairs = [InstructionPair(instruction, material, "So.") for instruction, material in asked]
    vectors = np.ones((5, 1), np.float32)
    assert list(link_by_meaning(pairs, vectors, 0.9, [True] * 5)) == [1]
    assert link_by_meaning(pairs, vectors, 0.9, [False] * 5) == {}
