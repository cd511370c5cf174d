"""From an engine's text to a revision: every outcome by its door."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.pairs import InstructionPair, content_hash
from coachlm.prompt import render_pair
from coachlm.revision import FlagKind, Outcome
from reviser.pairs.finish import Finisher, Usage

RAW = InstructionPair("Name 3 fruits.", "", "apple, pear, plum")
FINISHER = Finisher(engine="test", adapter="abc")


def finish(text: str, raw: InstructionPair = RAW) -> tuple[Outcome, str | None]:
    revision = FINISHER.from_text(raw, text)
    if revision.outcome is not Outcome.REVISED:
        assert revision.revised == raw
        assert revision.flags == ()
    return revision.outcome, revision.reason


def test_a_revision_carries_what_it_cost_and_who_made_it() -> None:
    better = InstructionPair("Name 3 fruits.", "", "Three fruits are: apple, pear and plum.")
    revision = FINISHER.from_text(RAW, render_pair(better) + "</s>", Usage(10, 20, 0.5))
    assert revision.revised == better
    assert (revision.pair_id, revision.engine, revision.adapter) == (RAW.id, "test", "abc")
    assert (revision.prompt_tokens, revision.output_tokens, revision.seconds) == (10, 20, 0.5)


@pytest.mark.parametrize(
    ("text", "outcome", "reason"),
    [
        (render_pair(RAW), Outcome.UNCHANGED, None),
        (render_pair(RAW) + "\n", Outcome.UNCHANGED, None),
        ("", Outcome.FALLBACK_INVALID, "not_a_pair"),
        ("Apple, pear and plum.", Outcome.FALLBACK_INVALID, "not_a_pair"),
        ("Instruction: Name 3 fruits.\nResponse: Name 3 fruits.", Outcome.FALLBACK_INVALID, "repeated_instruction"),
        ("Instruction: Name fruits.\nResponse: apple, pear, plum", Outcome.FALLBACK_GUARD, "dropped_constraint"),
        ("Instruction: Name 3 fruits.\nResponse: See:\n```\napple", Outcome.FALLBACK_GUARD, "code_fence"),
    ],
)
def test_outcomes_and_their_reasons(text: str, outcome: Outcome, reason: str | None) -> None:
    assert finish(text) == (outcome, reason)


def test_what_the_coach_added_is_flagged() -> None:
    revision = FINISHER.from_text(RAW, "Instruction: Name 3 fruits.\nResponse: apple, pear and plum, grown since 1820")
    assert [(flag.kind, flag.text) for flag in revision.flags] == [(FlagKind.ADDED_DATE, "1820")]


def test_loops_are_cut_before_the_pair_is_judged() -> None:
    text = "Instruction: Name 3 fruits.\nResponse: Apple, pear, plum. " + "They are good for you. " * 30 + "They are go"
    assert FINISHER.from_text(RAW, text).revised.response == "Apple, pear, plum. They are good for you."


def test_the_leak_guard_knows_an_instruction_by_its_content() -> None:
    finisher = Finisher(engine="test", leaked=frozenset({content_hash("Name 3 fruits.")}))
    assert finisher.leaks(InstructionPair("  Name 3 fruits.\r\n", "other", "text"))
    assert not finisher.leaks(InstructionPair("Name 4 fruits.", "", ""))


@given(st.text(max_size=150), st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_any_output_ends_in_a_revision(text: str, instruction: str, input: str, response: str) -> None:
    raw = InstructionPair(instruction, input, response)
    for output in (text, f"Instruction: {text}\nResponse: {text}", render_pair(raw)):
        finish(output, raw)
