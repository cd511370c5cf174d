"""Content that a revision loses, and what it says twice; experts, who replace what is wrong, are hardly refused."""

import json
from pathlib import Path

import pytest

from coachlm.pairs import InstructionPair
from coachlm.revision import FlagKind, Outcome
from coachlm.settings import load_settings
from coachlm.text.guards import Guard, flags, kept, refusal
from coachlm.text.guards.content import loses_content, may_lose_content, repeats_itself
from reviser.pairs.finish import Finisher

FACTS = (
    "Tides are caused by the gravity of the moon. The ocean facing the moon rises towards it, and another bulge forms "
    "opposite. Harbours therefore see high water every 12 hours. Sailors of Brittany consult printed tables."
)
RAW = InstructionPair("Explain how tides work.", "", FACTS)


def revised(response: str, instruction: str = RAW.instruction) -> InstructionPair:
    return InstructionPair(instruction, "", response)


@pytest.mark.parametrize(
    ("response", "guard"),
    [
        ("They simply happen whenever planets feel like it, nobody knows.", Guard.LOST_CONTENT),
        ("The moon's gravity causes the tides: the ocean rises towards it, so harbours see high water.", None),
        # Written anew, and as much: a mistake may have been mended.
        ("Nobody knows exactly why this happens, although many scholars proposed theories. " * 2 + "Read more.", None),
    ],
)
def test_a_response_of_which_nothing_stands_is_refused(response: str, guard: Guard | None) -> None:
    found = refusal(RAW, revised(response))
    assert found is guard or (guard is None and found is Guard.REPETITION)


def test_a_scrap_has_nothing_to_lose() -> None:
    raw = revised("I do not know what you mean by this question, sorry.")
    assert refusal(raw, revised("Gravity.")) is None


@pytest.mark.parametrize(
    ("response", "is_flagged"),
    [
        ("Tides are caused by the gravity of the moon, which the ocean rises towards. Harbours see high water.", True),
        (FACTS.replace("12 hours", "half day"), False),  # not shorter: rewritten
        (f"{FACTS} It is a pull.", False),
    ],
)
def test_what_may_be_lost_is_flagged(response: str, is_flagged: bool) -> None:
    found = [flag for flag in flags(RAW, revised(response)) if flag.kind is FlagKind.LOST_CONTENT]
    assert [(flag.start, flag.text) for flag in found] == ([(0, response)] if is_flagged else [])


def test_a_sentence_said_twice_is_refused() -> None:
    twice = revised(f"{FACTS} Harbours therefore see high water every 12 hours.")
    assert refusal(RAW, twice) is Guard.REPETITION
    items = revised(f"{FACTS}\n\n1. It is the gravity of the moon.\n2. It is the gravity of the moon.")
    assert refusal(RAW, items) is Guard.REPETITION
    assert refusal(twice, revised(f"{twice.response} It is a pull.")) is None  # the raw response has it twice, too


@pytest.mark.parametrize("instruction", ["Write a song about tides.", "Repeat what you know of tides."])
def test_verse_and_repetition_that_is_asked_for_may_come_twice(instruction: str) -> None:
    raw = revised("The tides come in, the tides go out.", instruction)
    assert refusal(raw, revised(f"{raw.response}\nWe all sing along.\n{raw.response}", instruction)) is None


def test_how_much_has_to_be_kept_is_a_setting() -> None:
    shorter = revised("Tides are caused by the gravity of the moon. The ocean facing the moon rises towards it.")
    assert kept(RAW, shorter).words < 0.9
    assert Finisher("x").from_pair(RAW, shorter).outcome is Outcome.REVISED
    strict = Finisher("x", least_kept=load_settings(reviser_least_kept=0.9).reviser.least_kept)
    assert strict.from_pair(RAW, shorter).reason == "lost_content"
    assert strict.from_pair(RAW, revised(f"{FACTS} It is a pull.")).outcome is Outcome.REVISED


def test_experts_are_hardly_ever_refused(data_dir: Path) -> None:
    path = data_dir / "coachlm" / "expert_revisions.jsonl"
    if not path.is_file():
        pytest.skip("coachlm/expert_revisions.jsonl is not in the data folder")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    names = ("Instruction", "Input", "Response")
    pairs = [
        tuple(InstructionPair(*(row[f"{s} {n}"] or "" for n in names)) for s in ("Raw", "Revised")) for row in rows
    ]
    for judges, most in ((loses_content, 0.004), (repeats_itself, 0.004), (may_lose_content, 0.03)):
        assert sum(judges(raw, final) for raw, final in pairs) <= most * len(pairs), judges.__name__
