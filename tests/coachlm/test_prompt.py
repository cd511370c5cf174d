"""The written form of a pair: what is rendered parses back, whatever stands in the fields."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coachlm.errors import PromptError
from coachlm.pairs import InstructionPair
from coachlm.prompt import coach_prefix, coach_prompt, parse_revised, render_pair

PIECES = [
    "Instruction:",
    "Input:",
    "Response:",
    "Instruction: ",
    "Input: ",
    "Response: ",
    "\n",
    " ",
    "\r\n",
    "a",
    "é",
    "\x1c",
    "\u2028",
    "\t",
]
hostile = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
texts = st.one_of(hostile, st.text(max_size=60))
filled = texts.filter(lambda text: bool(text.strip()))
RAW = InstructionPair("Name a fruit.", "", "apple")


@given(filled, texts, filled)
@example("a\nResponse: b", "", "c")
@example("a\nResponse:b", "", "c")
@example("a", "b\nResponse: c", "d\nResponse: e")
@example("a\nInput: b", "", "c")
@example("a\nInput: b", "c\nInput: d", "e")
@example("a", "", "b\nInput: c")
@example("a Response: b", "", "c")
@example("Input:", "", "Instruction:")
def test_a_rendered_pair_parses_back(instruction: str, input: str, response: str) -> None:
    pair = InstructionPair(instruction, input, response)
    stripped = InstructionPair(instruction.strip(), input.strip(), response.strip())
    assert parse_revised(render_pair(pair), pair) == stripped


@given(st.text(max_size=200), filled, texts, filled)
def test_any_output_is_parsed_or_refused(output: str, instruction: str, input: str, response: str) -> None:
    raw = InstructionPair(instruction, input, response)
    for text in (output, f"Instruction: {output}", f"Instruction: a{output}\nResponse: {output}b"):
        try:
            revised = parse_revised(text, raw)
        except PromptError:
            continue
        assert revised.instruction
        assert revised.response


def test_an_output_on_one_line_parses() -> None:
    raw = InstructionPair("Add the numbers.", "2 3", "5")
    revised = parse_revised("Instruction: Add both numbers. Input: 2, 3 Response: 2 + 3 = 5", raw)
    assert revised == InstructionPair("Add both numbers.", "2, 3", "2 + 3 = 5")


def test_an_input_that_the_coach_adds_is_found() -> None:
    revised = parse_revised("Instruction: Sort the list.\nInput: c, a, b\nResponse: a, b, c", RAW)
    assert revised == InstructionPair("Sort the list.", "c, a, b", "a, b, c")
    revised = parse_revised("Instruction: Sort the list. Input: c, a, b Response: a, b, c", RAW)
    assert revised == InstructionPair("Sort the list.", "c, a, b", "a, b, c")


def test_an_input_that_the_coach_drops_is_empty() -> None:
    raw = InstructionPair("Who wrote it?", "Jane Eyre", "Bronte")
    revised = parse_revised("Instruction: Who wrote Jane Eyre?\nResponse: Charlotte Brontë wrote it.", raw)
    assert revised == InstructionPair("Who wrote Jane Eyre?", "", "Charlotte Brontë wrote it.")


def test_field_names_in_the_response_stay_there() -> None:
    output = "Instruction: Name a fruit.\nResponse: Apple.\nInput: none\nResponse: Pear."
    assert parse_revised(output, RAW).response == "Apple.\nInput: none\nResponse: Pear."


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("", "does not start"),
        ("Sure, here it is.", "does not start"),
        ("Instruction: Name a fruit.", "no `Response:`"),
        ("Instruction: \nResponse: apple", "instruction is empty"),
        ("Instruction: Name a fruit.\nResponse: ", "response is empty"),
        ("Instruction: Name a fruit.\nResponse:", "response is empty"),
    ],
)
def test_what_is_no_pair_is_refused_with_its_reason(output: str, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        parse_revised(output, RAW)


def test_the_prompt_starts_with_its_prefix_and_shows_an_input_only_when_there_is_one() -> None:
    assert coach_prompt(RAW).startswith(coach_prefix())
    assert "Input:" not in render_pair(RAW)
    assert "\nInput: 2 3\n" in coach_prompt(InstructionPair("Add.", "2 3", "5"))
