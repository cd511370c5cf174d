"""Language verdicts: right on prose of many languages, none on what is short, ambiguous or no language."""

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.verdicts.language import short_texts
from coachlm.pairs import InstructionPair
from coachlm.text.language import detect_language, pair_language

SAMPLES: dict[str, list[str]] = json.loads(
    (Path(__file__).parents[2] / "benchmarks" / "filters" / "language_samples.json").read_text("utf-8")
)


@pytest.mark.parametrize("language", sorted(SAMPLES))
def test_prose_is_recognised(language: str) -> None:
    for text in SAMPLES[language][2:]:
        assert detect_language(text) == language


@pytest.mark.parametrize("language", sorted(SAMPLES))
def test_short_prose_is_never_taken_for_another_language(language: str) -> None:
    for text in SAMPLES[language]:
        assert detect_language(text) in (language, None)


@pytest.mark.parametrize("language", sorted(set(SAMPLES) - {"en"}))
def test_prose_without_its_accents_is_not_taken_for_english(language: str) -> None:
    for text in SAMPLES[language]:
        plain = unicodedata.normalize("NFD", text).encode("ascii", "ignore").decode()
        assert detect_language(plain) != "en"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "ok",
        "John Smith",
        "Tokyo, Oslo",
        "12 + 30 = 42",
        "x = f(y)[0] ** 2; z += {1: 2}",
        "🙂🙂🙂",
        "https://a.b/c",
    ],
)
def test_what_is_no_prose_gets_no_verdict(text: str) -> None:
    assert detect_language(text) is None


@pytest.mark.parametrize(
    ("instruction", "material"),
    [
        ("Translate this sentence into French.", "The kettle has boiled dry."),
        ("Translate into English.", "La bouilloire est vide depuis hier soir et personne ne l'a vue."),
        ("Translate to English: La bouilloire est vide depuis hier soir.", ""),
        ('What does "La bouilloire est vide depuis hier soir" mean?', ""),
        ("Correct the grammar of the following text:\nDie Kessel ist seit gestern Abend leer gewesen worden.", ""),
    ],
)
def test_a_task_about_another_language_counts_as_the_language_of_its_instruction(
    instruction: str, material: str
) -> None:
    assert pair_language(InstructionPair(instruction, material, "La bouilloire est vide.")) == "en"


def test_the_response_plays_no_part() -> None:
    pair = InstructionPair(
        "Wie repariere ich die Kette meines Fahrrads?", "", "You clean it first and then you oil it."
    )
    assert pair_language(pair) == "de"


def test_the_input_decides_where_the_instruction_is_too_short() -> None:
    pair = InstructionPair("Weiter", "Der Wasserhahn in meiner Küche tropft seit gestern Abend ununterbrochen.", "Gut.")
    assert pair_language(pair) == "de"


@given(st.text(max_size=300), st.text(max_size=100))
def test_any_text_gets_a_verdict_or_none(instruction: str, material: str) -> None:
    verdict = pair_language(InstructionPair(instruction, material, ""))
    assert verdict is None or 2 <= len(verdict) <= 3
    assert verdict == pair_language(InstructionPair(instruction, material, ""))


def test_lone_surrogates_and_a_megabyte_are_read() -> None:
    assert detect_language("\ud800" * 50) is None
    assert detect_language("the kettle of the house " * 50_000) == "en"
    assert detect_language("q" * 1_000_000) is None


def test_short_texts_are_told_in_28_languages() -> None:
    told = [(code, detect_language(text)) for code, text in short_texts()]
    right = sum(code == verdict for code, verdict in told)
    assert len(told) > 400
    assert right / len(told) >= 0.98
    assert sum(verdict not in (None, code) for code, verdict in told) / len(told) <= 0.01


@pytest.mark.parametrize(
    ("text", "language"),
    [("ما اسمك؟", "ar"), ("안녕?", "ko"), ("你如何描述自己？", "zh"), ("おはよう", "ja"), ("Привет, как дела?", "ru")],
)
def test_the_script_rules_languages_out(text: str, language: str) -> None:
    assert pair_language(InstructionPair(text, "", "Sure, here is what you asked for.")) == language


def test_names_in_english_are_no_rare_language() -> None:
    assert pair_language(InstructionPair("Hello there, Koala.", "", "Hello! How can I assist you today?")) == "en"
    assert pair_language(InstructionPair("Koala?", "", "It is an animal that lives in Australia.")) == "en"


def test_mixed_text_is_judged_by_what_is_around_it() -> None:
    mixed = "Please keep going지금 번역하기"
    assert pair_language(InstructionPair(mixed, "", "Here are the next of the names that you asked for.")) == "en"
    assert pair_language(InstructionPair("Python 함수 만들기", "", "파이썬 함수는 이렇게 만듭니다.")) == "ko"


def test_the_question_after_foreign_material_decides() -> None:
    pair = InstructionPair("Der Kessel ist seit gestern Abend leer.\n\nWhich language is this?", "", "German.")
    assert pair_language(pair) == "en"


def test_where_words_leave_it_open_the_answer_decides() -> None:
    assert pair_language(InstructionPair("Espresso?", "", "Kaffee aus der Maschine, den man schnell trinkt.")) == "de"
