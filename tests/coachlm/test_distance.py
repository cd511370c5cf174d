"""Distances and the word diff that reports and the desk show."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.pairs import InstructionPair
from coachlm.text.distance import DiffKind, DiffOp, pair_distance, word_diff, word_distance

texts = st.one_of(
    st.text(max_size=80), st.lists(st.sampled_from(["a", "b", " ", "\n", "don't", ",", "."])).map("".join)
)


def sides(ops: list[DiffOp]) -> tuple[str, str]:
    before = "".join(op.text for op in ops if op.kind is not DiffKind.INSERT)
    after = "".join(op.text for op in ops if op.kind is not DiffKind.DELETE)
    return before, after


@given(texts, texts)
def test_a_diff_gives_both_texts_back(before: str, after: str) -> None:
    ops = word_diff(before, after)
    assert sides(ops) == (before, after)
    assert all(op.text for op in ops)
    assert all(left.kind != right.kind for left, right in pairwise(ops))


def test_a_diff_shows_the_words_that_changed() -> None:
    assert word_diff("The cat sat on teh mat.", "The cat sat on the mat, purring.") == [
        DiffOp(DiffKind.EQUAL, "The cat sat on "),
        DiffOp(DiffKind.DELETE, "teh"),
        DiffOp(DiffKind.INSERT, "the"),
        DiffOp(DiffKind.EQUAL, " mat"),
        DiffOp(DiffKind.INSERT, ", purring"),
        DiffOp(DiffKind.EQUAL, "."),
    ]


def test_blanks_between_two_changes_belong_to_them() -> None:
    assert word_diff("red ball", "blue box") == [
        DiffOp(DiffKind.DELETE, "red ball"),
        DiffOp(DiffKind.INSERT, "blue box"),
    ]


def test_texts_too_long_to_align_still_give_both_sides_back() -> None:
    before, after = "start " + "a b " * 30_000 + "end", "start " + "c d, " * 30_000 + "end"
    ops = word_diff(before, after)
    assert sides(ops) == (before, after)
    assert [op.kind for op in ops] == [DiffKind.EQUAL, DiffKind.DELETE, DiffKind.INSERT, DiffKind.EQUAL]


def test_word_distance_counts_words() -> None:
    assert word_distance("one two three", "one 2 three four") == 2
    assert word_distance("same  words", "same\nwords") == 0


def test_pair_distance_counts_characters_of_all_fields() -> None:
    raw = InstructionPair("Add.", "1 2", "4")
    assert pair_distance(raw, raw) == 0
    assert pair_distance(raw, InstructionPair("Add!", "1 2", "3")) == 2
    # A dropped input takes its label with it, as in the published distances.
    assert pair_distance(raw, InstructionPair("Add.", "", "4")) == len(" Input: 1 2")


def test_pair_distance_reproduces_the_published_distances(data_dir: Path) -> None:
    path = data_dir / "coachlm" / "expert_revisions.jsonl"
    if not path.is_file():
        pytest.skip("coachlm/expert_revisions.jsonl is not in the data folder")
    gaps = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        raw, revised = (
            InstructionPair(*(row[f"{side} {name}"] or "" for name in ("Instruction", "Input", "Response")))
            for side in ("Raw", "Revised")
        )
        gaps.append(abs(pair_distance(raw, revised) - row["Distance"]))
    assert sum(gap == 0 for gap in gaps) >= 0.99 * len(gaps)
    assert max(gaps) <= 3
