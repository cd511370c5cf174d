"""Words left to touch: what is moved counts once, what is replaced as its longer side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.pairs import InstructionPair
from coachlm.text.distance import word_distance
from coachlm.text.moves import pair_words_left, words_left

FIRST = "Moon pulls the water up."
SECOND = "Suns help it a little."


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ("", "", 0),
        ("a b c", "a b c", 0),
        ("a b c", "a x c", 1),
        ("a c", "a b c", 1),
        (f"{FIRST} {SECOND}", f"{SECOND} {FIRST}", 1),
        (f"{FIRST} {SECOND} And so on.", f"And so on. {SECOND} {FIRST}", 2),
        ("one two", "two one", 2),  # too short to be a stretch
        ("x", "three other words", 3),
    ],
)
def test_what_people_have_to_touch(before: str, after: str, wanted: int) -> None:
    assert words_left(before, after) == wanted


def test_all_texts_of_a_pair_count() -> None:
    before, after = InstructionPair("tell it", "a", "b"), InstructionPair("Tell it", "", "b c")
    assert pair_words_left(before, after) == 3


words = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=30).map(" ".join)


@given(words, words)
def test_it_is_never_more_than_the_distance_without_moves(one: str, other: str) -> None:
    assert 0 <= words_left(one, other) <= word_distance(one, other)
    assert (words_left(one, other) == 0) == (one.split() == other.split())


def test_text_that_loops_takes_no_time() -> None:
    assert words_left("so it goes " * 3000, "it goes so " * 3000) <= 9000
