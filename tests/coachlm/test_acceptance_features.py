"""The figures that speak for or against a candidate."""

from dataclasses import replace
from typing import Any

import pytest

from coachlm.acceptance.candidates import Candidate, Origin
from coachlm.acceptance.features import FEATURES, NAMES, NOTHING, Beside, measure
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome, Revision
from coachlm.text.guards import flags

RAW = InstructionPair(
    "Explain how bread rises, and name the temperature.",
    "",
    "Bread rises because the yeast eats sugar. The yeast eats sugar and makes gas at 38 degrees. So 2 + 2 = 5 loaves",
)


def candidate(response: str, origin: Origin = Origin.GREEDY, **asked: str) -> Candidate:
    text = replace(RAW, response=response, **asked)
    return Candidate(origin, Revision(RAW.id, text, Outcome.REVISED, "packed", flags=flags(RAW, text)))


def figures(response: str, beside: Beside = NOTHING, **options: Any) -> dict[str, float]:
    return measure(RAW, [candidate(response, **options)], beside)[0]


GOOD = (
    "Bread rises because yeast eats sugar and makes gas, best at a temperature of 38 degrees.\n\n"
    "1. Mix the dough.\n2. Let it rise.\n\nSo 2 + 2 = 4 loaves."
)


def test_a_good_text_and_a_bad_one_are_apart_where_they_should_be() -> None:
    good, bad = (
        figures(GOOD),
        figures("Here is the revised version: Cakes cakes cakes cakes cakes need 7 + 1 = 9 eggs and"),
    )
    for name in ("kept_words", "kept_numbers", "on_topic", "ends_whole", "items_added", "layout_added", "sums_mended"):
        assert good[name] > bad[name], name
    for name in ("repetition", "wrong_sums", "talk", "new_words", "shrinking", "added_facts"):
        assert good[name] < bad[name], name
    assert good["repetition_mended"] > 0
    assert good["raw_breaks_off"] == bad["raw_breaks_off"] == 1.0


def test_the_raw_text_itself_changes_nothing() -> None:
    found = figures(RAW.response)
    for name in (
        "growth",
        "shrinking",
        "edit_share",
        "on_topic",
        "instruction_edits",
        "items_added",
        "talk",
        "new_words",
    ):
        assert found[name] == 0, name
    assert found["kept_words"] == 1


def test_length_and_what_is_asked() -> None:
    long = figures(f"{RAW.response} {'and so on ' * 60}")
    assert long["overgrowth"] > 0
    assert long["growth"] > figures(GOOD)["growth"] > 0
    assert figures(GOOD, instruction="Explain how bread rises at some temperature.")["instruction_edits"] > 0


def test_other_attempts_that_agree_speak_for_a_text() -> None:
    same, odd = (
        candidate(GOOD),
        candidate("Cakes need eggs, flour, butter and somebody who bakes them.", Origin.SAMPLED),
    )
    near = candidate(GOOD.replace("Mix", "Knead"), Origin.PREFILLED)
    found = measure(RAW, [same, odd, near])
    assert found[0]["agreement"] > found[1]["agreement"]
    assert "agreement" not in figures(GOOD), "where there is no other, it is not known"
    assert "agreement" not in measure(RAW, [odd, candidate(GOOD, Origin.SAMPLED)])[0], "draws alone are one attempt"


def test_what_a_copy_editor_would_mend() -> None:
    text = candidate(GOOD).text
    beside = Beside(mended={RAW.id: RAW, text.id: replace(text, response=GOOD.replace("dough", "Dough"))})
    assert figures(GOOD, beside)["copy_edits"] > 0
    assert "copy_edits" not in figures(GOOD)


def test_likelihoods_are_taken_where_they_are_known() -> None:
    text = candidate(GOOD).text
    found = figures(GOOD, Beside(nats={RAW.id: 2.0, text.id: 1.5}))
    assert (found["nats"], found["nats_gained"]) == (1.5, -0.5)
    assert "base_nats" not in found


def test_where_it_comes_from() -> None:
    assert figures(GOOD, origin=Origin.RULES)["by_copy_editor"] == 1
    assert figures(GOOD, origin=Origin.PREFILLED_SAMPLED)["drawn"] == 1
    assert figures(GOOD)["drawn"] == figures(GOOD)["by_copy_editor"] == 0


@pytest.mark.parametrize("response", ["", " ", "a", "```", "\n\n\n", "é" * 5000, "1. " * 500])
def test_any_text_has_figures(response: str) -> None:
    found = figures(response)
    assert set(found) <= set(NAMES)
    assert all(abs(value) < 1e4 for value in found.values())


def test_every_figure_has_words_and_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == len(FEATURES)
    words = [text for feature in FEATURES for text in (feature.higher, feature.lower)]
    assert len(set(words)) == len(words)
