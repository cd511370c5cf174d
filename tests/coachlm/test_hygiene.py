"""Hygiene of generated text: what goes, and above all what stays."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coachlm.pairs import InstructionPair
from coachlm.text.hygiene import clean_output, invalid_reason, is_placeholder_input, strip_repeats

RAW = InstructionPair("Describe a kettle.", "", "It boils water.")


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("A ket\ufffdtle.", "A kettle."),
        ("A\x00 kettle\x1b.\x7f", "A kettle."),
        ("A kettle\ud800.", "A kettle."),
        ("A \ue123kettle\U000f0001.", "A kettle."),
        ("line\r\nline\rline\tend", "line\nline\nline\tend"),
        ("A kettle.</s>", "A kettle."),
        ("<s>A kettle.<|endoftext|>", "A kettle."),
        ("A kettle.<|im_end|>\n", "A kettle.\n"),
        ("<|im_start|>assistant\nA kettle.", "A kettle."),
        ("A kettle.<|im_start|>user\nAnd a pot?", "A kettle."),
        ("A kettle. [INST] And a pot? [/INST] A pot.", "A kettle. "),
        ("A kettle.<pad><pad>", "A kettle."),
    ],
)
def test_invalid_characters_and_template_remnants_go(dirty: str, clean: str) -> None:
    assert clean_output(dirty, RAW) == clean


@pytest.mark.parametrize(
    "text",
    [
        "Use <s>…</s> for struck text, <b> for bold.",
        "array[MASK] of [INST] nodes",
        "emoji 👩‍👩‍👧 and accents é ü 你好",
        "model trains are fun",
    ],
)
def test_what_the_raw_pair_itself_says_stays(text: str) -> None:
    assert clean_output(text, InstructionPair("Explain.", text, "x")) == text


@pytest.mark.parametrize(
    ("looping", "once"),
    [
        ("It boils. The water gets hot and rises. " + "The lid is on top of it. " * 5, "The lid is on top of it."),
        ("Tea is good. " + "I like tea very much. " * 4 + "I like te", "I like tea very much."),
        ("A kettle " + "is hot and " * 9 + "is", "is hot and"),
        ("It is:\n" + "\n".join(f"{n}. Fill the kettle with fresh water." for n in range(9)), "0. Fill the kettle"),
        ("so " + "much " * 40, "much"),
        ("no" + "o" * 60, "nooo"),
        ("我喜欢喝茶。" * 8, "我喜欢喝茶。"),
        (
            "A long paragraph about kettles that goes on for a while, with commas, steam, a lid and a whistle. Then it "
            "is there, all of it. " * 2 + "More of the same follows.",
            "More of the same",
        ),
    ],
)
def test_loops_are_cut_to_their_first_round(looping: str, once: str) -> None:
    cleaned = clean_output(looping, RAW)
    assert once in cleaned
    assert len(cleaned) < len(looping)
    if looping.count(once) > 2:
        assert cleaned.count(once) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Ha ha ha ha ha! Very, very, very funny.",
        "Row, row, row your boat\nGently down the stream\nMerrily, merrily, merrily, merrily\nLife is but a dream",
        "The night is long\nand I sail on.\n\nThe wind is strong\nand I sail on.\n\nThe sea is song\nand I sail on.",
        "| a | b |\n|---|---|\n" + "| yes | no |\n" * 12,
        "```\n" + "print('hello')\n" * 8 + "```",
        "0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0",
        "Total ........................... 5\n-----------------------------------",
        "- Yes\n- No\n- Yes\n- No\n- Yes\n- No",
        "['good', 'bad', 'good', 'bad', 'good', 'bad']",
        "ATGCATGCATGCATGCATGCATGCATGCATGCATGCATGCATGCATGCATGCATGCATGCATGCATGCATGCATGCATGCATGCATGCATGCATGC",
        "\n\n\n\n",
    ],
)
def test_repetition_that_is_meant_stays(text: str) -> None:
    assert clean_output(text, RAW) == text


def test_repetition_of_the_raw_pair_is_tolerated_as_often_as_it_stands_there() -> None:
    chorus = "We all sail on to the other shore.\n"
    raw = InstructionPair("Mend the song.", chorus * 3, "")
    assert clean_output(chorus * 3, raw) == chorus * 3
    assert clean_output(chorus * 9, raw).count(chorus.strip()) == 3


def test_repetition_that_was_asked_for_stays() -> None:
    text = "I will not talk in class. " * 10
    assert clean_output(text, InstructionPair("Write it 10 times.", "", "x")) == text


def test_what_follows_a_loop_still_joins() -> None:
    looping = "First. " + "Stir the pot and wait a bit; " * 6 + "then serve it."
    assert strip_repeats(looping) == "First. Stir the pot and wait a bit; then serve it."


@given(st.text(max_size=300))
@example("aaa " * 200)
@example("[INST]" * 20)
def test_cleaning_only_ever_takes_away(text: str) -> None:
    cleaned = clean_output(text, RAW)
    rest = iter(text.replace("\r\n", "\n").replace("\r", "\n"))
    assert all(char in rest for char in cleaned)
    assert strip_repeats(cleaned) in (cleaned, strip_repeats(strip_repeats(cleaned)))


@given(st.lists(st.from_regex(r"[a-z]{1,8}[.,!?\n]? ", fullmatch=True), unique=True, max_size=60).map("".join))
def test_text_of_different_words_stays(text: str) -> None:
    assert strip_repeats(text) == text


@pytest.mark.parametrize(
    "unit", ["a", "ab ", "<", "`", "|", "1. ", "\n", "[INST]", "a@", "word, word. ", " ", "\ud800"]
)
def test_a_heap_of_anything_is_cleaned(unit: str) -> None:
    text = unit * (300_000 // len(unit))
    assert len(clean_output(text, RAW)) <= len(text)


@pytest.mark.parametrize(
    "text",
    [
        "Noinput",
        "<noinput>",
        "`<noinput>`",
        "No input",
        "no input required.",
        "N/A",
        "None",
        "[No Input]",
        "<No Input>",
    ],
)
def test_inputs_that_say_there_is_none(text: str) -> None:
    assert is_placeholder_input(text)


@pytest.mark.parametrize("text", ["", "No input device found", "None of these are right", "na na na", "nothing", "5"])
def test_inputs_that_are_material(text: str) -> None:
    assert not is_placeholder_input(text)


@pytest.mark.parametrize(
    ("revised", "reason"),
    [
        (InstructionPair("Describe a kettle.", "", "A vessel to boil water in."), None),
        (
            InstructionPair(
                "Improve the following instruction, input and response pair to be more specific, detailed with more "
                "logical steps and grammarly corrected.",
                "",
                "x",
            ),
            "prompt_echoed",
        ),
        (
            InstructionPair("Describe a kettle.", "", "Hot.\nInstruction: Describe a pot.\nResponse: Hot."),
            "several_pairs",
        ),
        (InstructionPair("Describe a kettle.", "", "describe a KETTLE."), "repeated_instruction"),
        (InstructionPair("...", "", "Hot."), "empty_instruction"),
    ],
)
def test_pairs_that_are_not_valid_are_told_with_their_reason(revised: InstructionPair, reason: str | None) -> None:
    assert invalid_reason(revised, RAW) == reason
