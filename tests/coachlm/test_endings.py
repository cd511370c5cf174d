"""Answers that break off are flagged; lists, titles, tables and options that need no end are not."""

import pytest

from coachlm.text.endings import ends_mid_sentence


@pytest.mark.parametrize(
    "text",
    [
        "The kettle is full. It boils when the lid and",
        "It is done. I hope this helps! Let me know",
        "The loop swaps two items.\n\nIn",
        "1. Fill the kettle.\n2. Light the stove.\n3. Wait until the water is hot enough for the",
        "- Fill the kettle with water.\n- Light the stove with care.\n- Wait until the water is really very hot now",
        "```python\nprint(1)",
    ],
)
def test_a_cut_answer_is_flagged(text: str) -> None:
    assert ends_mid_sentence(text)


@pytest.mark.parametrize(
    "text",
    [
        "The kettle is full. It boils.",
        "What do you do next?\n\nA) You run away\nB) You hide\nD) Use your lamp and look into the cave from outside",
        "- apples\n- pears\n- plums and all that grows on the old trees",
        "Thanks for writing. We miss you.\n\nBest regards,\nThe Kettle Team",
        "| a | b |\n| - | - |\n| 1 | the",
        "",
    ],
)
def test_a_whole_answer_is_not(text: str) -> None:
    assert not ends_mid_sentence(text)
