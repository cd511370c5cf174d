"""What a chat model's answer says of a pair: reasoning and talk go, content stays, doubt falls back."""

import json

import pytest

from coachlm.pairs import InstructionPair
from reviser.instructed.answers import UnusableAnswerError, read_answer, read_response
from reviser.instructed.talk import without_talk

RAW = InstructionPair("Why is the sky blue?", "", "Because of scattering.")
TEXT = "Air scatters blue light more than red light, so blue reaches us from all sides."
ABOUT_TEXT = InstructionPair("Improve this sentence: He go home.", "", "He goes home.")


@pytest.mark.parametrize(
    "said",
    [
        TEXT,
        f"Here's the improved version:\n\n{TEXT}",
        f"Here is a revised response that is clearer:\n{TEXT}",
        f"Sure! Here's the improved response:\n\n{TEXT}",
        f"**Improved response:** {TEXT}",
        f"Response: {TEXT}",
        f"---\n{TEXT}\n---",
        f"```\n{TEXT}\n```",
        f"```markdown\n{TEXT}\n```",
        f"{TEXT}\n\nChanges made:\n- Explained the cause.\n- Fixed the grammar.",
        f"{TEXT}\n\n**Explanation:** I expanded the original response and fixed its wording.",
        f"{TEXT}\n\nNote: the original answer was too short, so I added detail to the answer.",
        f"{TEXT}\n\nI hope this helps! Let me know if you have questions.",
        f"Here's the improved version:\n\n---\n{TEXT}\n---\n\nKey changes:\n1. Clearer.",
    ],
)
def test_talk_goes(said: str):
    assert without_talk(said, RAW) == TEXT


@pytest.mark.parametrize(
    "said",
    [
        "Explanation: air scatters blue light more than red light.",
        f"{TEXT}\n\nExplanation: the shorter the wave, the more of it is scattered.",
        f"{TEXT}\n\nNote: at sunset the way through the air is longer.",
        f"{TEXT}\n\nImprovements:\n- Better lamps.",
        "Here is the list of causes:\n- scattering",
        "I fixed my eyes on the sky.\n\nI made a cake and it was blue.",
        "```python\nprint('blue')\n```",
        "First:\n\n---\n\nThen.",
    ],
)
def test_content_stays(said: str):
    assert without_talk(said, RAW) == said


def test_a_pair_about_texts_may_say_the_same_as_its_content():
    assert without_talk("Here's the improved version: He went home.", ABOUT_TEXT) is None
    assert without_talk("He went home.", ABOUT_TEXT) == "He went home."
    talks = InstructionPair("Say it again.", "", "Here's the improved version: It rains.")
    assert without_talk("Here's the improved version: It pours.", talks) == "Here's the improved version: It pours."
    code = InstructionPair("Write a Python function that adds.", "", "def add(a, b): return a+b")
    assert (
        without_talk("```\ndef add(a, b):\n    return a + b\n```", code) == "```\ndef add(a, b):\n    return a + b\n```"
    )


def obj(**fields: str) -> str:
    return json.dumps({"verdict": "revise", "instruction": "", "input": "", "response": TEXT} | fields)


@pytest.mark.parametrize(
    "said",
    [
        obj(),
        f"```json\n{obj()}\n```",
        f"Sure, here it is:\n{obj()}\nI hope this helps!",
        f'<think>Is it {{"response": "x"}}? No.</think>{obj()}',
        f"Is it x? No.</think>\n{obj()}",
        f"[THINK]hm[/THINK]{obj()}",
        f"◁think▷hm◁/think▷{obj()}",
        f"<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>{obj()}",
        obj() + "\n" + obj(),
        json.dumps({"response": TEXT}),
        f"Instruction: Why is the sky blue?\nResponse: {TEXT}",
        f"Here is the improved pair:\n\n### Instruction:\nWhy is the sky blue?\n\n### Response:\n{TEXT}",
        f"**Response:** {TEXT}",
        obj(response=f"<<response 3f9a2c71>>\n{TEXT}\n<<end of response 3f9a2c71>>"),
    ],
)
def test_the_pair_is_found(said: str):
    assert read_answer(said, RAW) == InstructionPair(RAW.instruction, "", TEXT)


def test_line_ends_within_strings_and_other_fields_are_read():
    assert read_answer('{"verdict": "revise", "response": "One.\nTwo."}', RAW).response == "One.\nTwo."
    found = read_answer(obj(instruction="Why does the sky look blue?", response=""), RAW)
    assert found == InstructionPair("Why does the sky look blue?", "", RAW.response)


def test_kept_is_kept():
    assert read_answer(obj(verdict="keep", response=""), RAW) == RAW
    assert read_answer(obj(verdict="keep", response=RAW.response), RAW) == RAW


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("", "empty_answer"),
        ("<think>I wonder", "empty_answer"),
        ("It is fine as it is.", "not_a_pair"),
        ('{"verdict": "revise", "response": "The sky', "not_a_pair"),
        ('{"verdict": "revise", "response": ["x"]}', "not_a_pair"),
        (obj(response=""), "not_a_pair"),
        (obj(verdict="keep"), "ambiguous_answer"),
        (obj() + obj(response="Another."), "ambiguous_answer"),
        ("I'm sorry, but I can't assist with that.", "declined"),
        (obj(response="Here's the improved version:"), "empty_answer"),
        ("[" * 100_000, "not_a_pair"),
        ('{"a":' * 5_000, "not_a_pair"),
    ],
)
def test_what_says_nothing_usable_says_why(said: str, reason: str):
    with pytest.raises(UnusableAnswerError, match=f"^{reason}$"):
        read_answer(said, RAW)


def test_talk_in_a_pair_about_texts_falls_back_with_its_reason():
    with pytest.raises(UnusableAnswerError, match="talk_in_answer"):
        read_answer(obj(response="Here's the improved version: He went home."), ABOUT_TEXT)


def test_a_response_alone_is_read():
    assert read_response(f"Here's the improved version:\n{TEXT}", RAW).response == TEXT
    with pytest.raises(UnusableAnswerError, match="declined"):
        read_response("I'm sorry, I can't help with that.", RAW)
