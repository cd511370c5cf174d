"""The guards: what each refuses, what it must not refuse, and the spans that are flagged."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.pairs import InstructionPair
from coachlm.revision import Field, FlagKind
from coachlm.text.guards import GUARDS, Guard, flags, refusal
from coachlm.text.guards.constraints import lost_constraints
from coachlm.text.guards.numbers import number_values

PYTHON = "```python\ndef add(a, b):\n    return a + b\n```"


def pair(instruction: str = "Explain tides.", input: str = "", response: str = "The moon pulls.") -> InstructionPair:
    return InstructionPair(instruction, input, response)


@pytest.mark.parametrize(
    ("instruction", "revised"),
    [
        ("List 5 rivers.", "List some rivers."),
        ("Write a 250-word essay.", "Write an essay."),
        ("Name three fruits.", "Name fruits."),
        ("Pay 1,000 euros.", "Pay 100 euros."),
        ("Give the answer as JSON.", "Give the answer."),
        ("Use bullet points.", "Use prose."),
        ("Write a haiku on rain.", "Write a text on rain."),
        ("Answer in French.", "Answer politely."),
        ('Use the word "zephyr" in a sentence.', "Write a sentence."),
        ("Explain without using jargon.", "Explain simply."),
        ("Use at least two examples.", "Use two examples."),
    ],
)
def test_a_dropped_constraint_is_refused(instruction: str, revised: str) -> None:
    assert refusal(pair(instruction), pair(revised)) is Guard.DROPPED_CONSTRAINT


@pytest.mark.parametrize(
    ("instruction", "revised"),
    [
        ("List 5 rivers.", "List five large rivers."),
        ("Write a 250 word essay", "Write a 250-word essay."),
        ("Pay 1,000 euros.", "Pay 1000 euros."),
        ("Write one sentence.", "Write a sentence."),
        ("Give the answer as json.", "Provide the answer as JSON."),
        ("Use the word 'zephir'.", 'Use the word "zephyr" in a sentence.'),
        ("Don't use jargon.", "Explain it without jargon."),
        ("Use no more than ten words.", "Use at most ten words."),
        ("It's the dog's bone and the cat's.", "It is the bone of the dog and the cat."),
        ("Explain tides.", "Explain in detail how the tides work."),
    ],
)
def test_a_reworded_constraint_is_kept(instruction: str, revised: str) -> None:
    assert lost_constraints(instruction, revised) == []


def test_a_constraint_may_move_into_the_input() -> None:
    raw = pair('Rewrite "the cat sat" as a question.', "", "Did the cat sit?")
    assert refusal(raw, pair("Rewrite the sentence as a question.", "the cat sat", "Did the cat sit?")) is None


def test_numbers_have_one_form() -> None:
    assert number_values("1,000 and 1000.0, five and 5, 007, 2.50, twelve") == {"1000", "5", "7", "2.5", "12"}


@pytest.mark.parametrize(
    "revised",
    [
        pair("Sure, here is the explanation: the moon pulls the water."),
        pair("The moon pulls the water of the sea towards it, twice a day.", "", "Tides."),
        pair("Explain tides.", "", "Explain tides in detail, please."),
    ],
)
def test_an_answer_instead_of_a_revision_is_refused(revised: InstructionPair) -> None:
    raw = pair(response="The moon pulls the water of the sea towards it, twice a day.")
    if revised.response.startswith("Explain"):
        revised = pair("Explain tides in detail, please.", "", "Explain tides in detail, please.")
    assert refusal(raw, revised) is Guard.ANSWERED


def test_an_instruction_that_always_was_like_its_response_is_no_answer() -> None:
    raw = pair("Repeat: the sea is calm today and blue.", "", "the sea is calm today and blue.")
    assert (
        refusal(raw, pair("Repeat this: the sea is calm today and blue.", "", "The sea is calm today and blue."))
        is None
    )


def test_an_input_that_vanishes_is_refused() -> None:
    raw = pair("Shorten the text.", "The ferry leaves at noon from the old pier.", "Ferry at noon.")
    assert refusal(raw, pair("Shorten it.", "", "Ferry at noon.")) is Guard.INPUT_CONSUMED
    moved = "Shorten: The ferry leaves at noon from the old pier."
    assert refusal(raw, pair(moved, "", "Ferry at noon.")) is None


@pytest.mark.parametrize("nothing", ["Noinput", "<no input>", "N/A"])
def test_an_input_that_said_nothing_may_go(nothing: str) -> None:
    assert refusal(pair(input=nothing), pair("Explain how tides work.")) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"So:\n{PYTHON}", "So:\n```python\ndef add(a, b):\n    return a + b\n"),
        (f"So:\n{PYTHON}\nand\n{PYTHON}", f"So:\n{PYTHON}"),
        (f"So:\n{PYTHON}", "So: add the two numbers."),
        (f"So:\n{PYTHON}", "So:\n```python\nadd\n```"),
        (f"So:\n{PYTHON}", "So:\n```python\ndef add(a, b:\n    return sum([a, b]\n```"),
    ],
)
def test_broken_code_is_refused(before: str, after: str) -> None:
    assert refusal(pair(response=before), pair(response=after)) is Guard.CODE_FENCE


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"So:\n{PYTHON}", f"Do it like this:\n{PYTHON}\nIt returns the sum."),
        (f"So:\n{PYTHON}", "So:\n```python\ndef add(a: int, b: int) -> int:\n    return a + b  # the sum\n```"),
        ("Add a and b.", f"Add them:\n{PYTHON}"),
        ("Open: ```\nx", "Still open: ```\nx and y"),
    ],
)
def test_improved_code_is_kept(before: str, after: str) -> None:
    assert refusal(pair(response=before), pair(response=after)) is None


def test_code_of_the_question_must_stay_as_it_is() -> None:
    raw = pair(f"What does this do?\n{PYTHON}", "", "It adds.")
    changed = PYTHON.replace("+", "-")
    assert refusal(raw, pair(f"What does this do?\n{changed}", "", "It adds two.")) is Guard.CODE_FENCE
    assert refusal(raw, pair(f"Explain what this does:\n\n{PYTHON}", "", "It adds two.")) is None


FRENCH = "Les marées sont causées par l'attraction de la lune et du soleil sur les océans de la terre."
ENGLISH = "The tides are caused by the attraction of the moon and the sun on the oceans of the earth."


def test_a_change_of_language_is_refused_unless_the_task_is_about_languages() -> None:
    assert refusal(pair(response=FRENCH), pair(response=ENGLISH)) is Guard.LANGUAGE_CHANGE
    assert refusal(pair(response=ENGLISH), pair(response=ENGLISH + " Twice a day.")) is None
    raw = pair("Translate to French.", ENGLISH, ENGLISH)
    assert refusal(raw, pair("Translate to French.", ENGLISH, FRENCH)) is None


def test_a_response_that_breaks_off_or_is_gone_is_refused() -> None:
    whole = "The moon pulls the water. It rises on both sides. The sun helps a little. So there are two tides a day."
    assert refusal(pair(response=whole), pair(response="The moon pulls the water. It rises on both")) is Guard.TRUNCATED
    essay = " ".join(f"Tide {n} rose at the harbour of town {n * n}." for n in range(20))
    assert refusal(pair(response=essay), pair(response="The moon.")) is Guard.TRUNCATED
    assert refusal(pair(response=whole), pair(response="The moon pulls the water. It rises twice a day.")) is None
    assert refusal(pair(response=whole), pair(response="Two causes. See:\n\n1. Moon\n\n2. Sun")) is None


def test_a_loop_of_the_raw_response_may_go() -> None:
    looping = "Boil the water. " + "Then wait for a while. " * 60
    assert refusal(pair(response=looping), pair(response="Boil the water. Then wait for a while.")) is None


def test_added_facts_are_flagged_with_their_spans() -> None:
    raw = pair("Who built the bridge?", "", "An engineer of the city built it in 1900 with 20 men.")
    text = (
        "It was built by Ada Stone of the city in 1900 with 20 men and 350 mules, opened on 3 May 1901, "
        "see https://a.example/b and `x = 1`."
    )
    found = {(flag.kind, flag.text) for flag in flags(raw, pair("Who built the bridge?", "", text))}
    assert found == {
        (FlagKind.ADDED_NAME, "Ada Stone"),
        (FlagKind.ADDED_NUMBER, "350"),
        (FlagKind.ADDED_DATE, "3 May 1901"),
        (FlagKind.ADDED_URL, "https://a.example/b"),
        (FlagKind.ADDED_CODE, "`x = 1`"),
    }


@pytest.mark.parametrize(
    "text",
    [
        "1. The moon pulls.\n2. The sun pulls.\n3. The water rises.",
        "Step 1: look up.\nStep 2: look down.",
        "First of all, it may rise. However, two of them fall. I think so.",
        "## How The Moon Works\n\nIt pulls.",
        "Key Points:\nThe moon pulls the water.",
        '"The moon pulls," she said. "It does."',
    ],
)
def test_layout_and_openings_are_no_facts(text: str) -> None:
    assert flags(pair(), pair(response=text)) == ()


def test_facts_of_the_raw_pair_are_not_flagged_whatever_their_form() -> None:
    raw = pair("Sum up.", "In 2019 Lisa Moor paid 1,500 euros.", "She paid.")
    assert (
        flags(raw, pair("Sum up.", "In 2019 Lisa Moor paid 1,500 euros.", "In 2019, it was Moor who paid 1500.")) == ()
    )


def test_long_answers_to_trivial_requests_are_flagged() -> None:
    raw = pair("Is ice cold? Answer yes or no.", "", "Yes.")
    long = pair("Is ice cold? Answer yes or no.", "", "Yes, ice is cold since it is frozen water. " * 12)
    assert [flag.kind for flag in flags(raw, long)] == [FlagKind.OVER_EXPANSION]
    assert flags(raw, pair("Is ice cold? Answer yes or no.", "", "Yes, it is cold.")) == ()


words = st.sampled_from(
    ["Paris", "the", "5", "May 2020", "`a`", "```\n", "\n", " ", "https://x.yz", "!", "Dr. No", "J. K. Low", "é"]
)
texts = st.one_of(st.lists(words, max_size=30).map(" ".join), st.text(max_size=80))


@given(texts, texts, texts, texts)
def test_any_pair_is_judged_and_flags_fit_their_text(one: str, two: str, three: str, four: str) -> None:
    raw, revised = InstructionPair(one, two, three), InstructionPair(two, three, four)
    assert refusal(raw, revised) in (None, *Guard)
    found = flags(raw, revised)
    for flag in found:
        assert getattr(revised, flag.field)[flag.start : flag.end] == flag.text != ""
    for field in Field:
        spans = [(f.start, f.end) for f in found if f.field is field and f.kind is not FlagKind.OVER_EXPANSION]
        assert all(left[1] <= right[0] for left, right in pairwise(spans))


@given(texts, texts, texts)
def test_an_unchanged_pair_is_neither_refused_nor_flagged(one: str, two: str, three: str) -> None:
    raw = InstructionPair(one, two, three)
    assert refusal(raw, raw) is None
    assert [flag for flag in flags(raw, raw) if flag.kind is not FlagKind.OVER_EXPANSION] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit", ["a", "A. ", "1,234,", "```\n", "`a` ", "<a>", "\\(", " ", "    ;\n", "|", "/a", '"a b" ', "May 5, "]
)
def test_hostile_text_is_judged(unit: str) -> None:
    text = unit * (50_000 // len(unit))
    raw, revised = pair(f"Write 3 {text}", text, text[:1000]), pair(text, text[1:], text)
    for refuses in GUARDS.values():
        refuses(raw, revised)
    assert len(flags(raw, revised)) <= 200


def test_what_experts_write_is_hardly_ever_refused(data_dir: Path) -> None:
    path = data_dir / "coachlm" / "expert_revisions.jsonl"
    if not path.is_file():
        pytest.skip("coachlm/expert_revisions.jsonl is not in the data folder")
    refused: Counter[Guard | None] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        raw, revised = (
            InstructionPair(*(row[f"{side} {name}"] or "" for name in ("Instruction", "Input", "Response")))
            for side in ("Raw", "Revised")
        )
        refused[refusal(raw, revised)] += 1
    assert sum(refused.values()) - refused[None] <= 0.022 * sum(refused.values())
