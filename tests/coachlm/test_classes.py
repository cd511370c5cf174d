"""The task classifier: plain cases of each class, hostile text, and its quality on public data."""

import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.pairs import InstructionPair, TaskClass
from coachlm.text.classes import BUCKETS, CLASSES, TaskClassifier
from recipes.task_classes.corpora import Labelled, dolly_held_out, dolly_training, hand_labelled, only_asks

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)  # lone surrogates too
PAIRS = st.lists(st.builds(InstructionPair, ANY_TEXT, ANY_TEXT, ANY_TEXT), max_size=20)
NOTE = "The lift on the left is out of order until Monday; use the one behind the canteen."
LANGUAGE, QA, CREATIVE = TaskClass.LANGUAGE_TASK, TaskClass.QA, TaskClass.CREATIVE


def class_of(instruction: str, material: str = "", response: str = "") -> TaskClass:
    return TaskClassifier.load().classify([InstructionPair(instruction, material, response)])[0][0]


@pytest.mark.parametrize(
    ("instruction", "material", "response", "expected"),
    [
        ("Summarise the notice in five words.", NOTE, "Left lift broken until Monday.", LANGUAGE),
        ("Correct the mistakes in this sentence: he go to school by foots", "", "He goes to school on foot.", LANGUAGE),
        ("Translate the following sentence into Danish.", "I am tired.", "Jeg er træt.", LANGUAGE),
        ("Classify the comment as friendly or rude.", "Get out of here.", "Rude", LANGUAGE),
        ("Extract every day of the week from the text.", NOTE, "Monday", LANGUAGE),
        ("Why do cats purr?", "", "Cats purr when they are content, and also to calm themselves.", QA),
        ("Give me four tips for a first camping trip.", "", "1. Check the weather.\n2. Pack light.", QA),
        ("Write a Python function that adds two numbers.", "", "def add(a, b):\n    return a + b", QA),
        ("What is 17 times 3?", "", "51", QA),
        ("thanks, that helps", "", "You're welcome!", QA),
        ("Write a poem about a rusty gate.", "", "The gate is red with years of rain,\nit sings...", CREATIVE),
        ("Tell me a bedtime story about a snail.", "", "Once upon a time there was a snail.", CREATIVE),
        ("Come up with a slogan for a shoe repair shop.", "", "We save your soles.", CREATIVE),
        ("Write an email to our tenants about the new bins.", "", "Dear tenants,\n\nFrom May on...", CREATIVE),
    ],
)
def test_plain_cases(instruction: str, material: str, response: str, expected: TaskClass):
    assert class_of(instruction, material, response) is expected


def test_earlier_turns_in_the_input_are_no_material():
    history = f"User: what does the notice say?\nAssistant: {NOTE}"
    assert class_of("And how do I get to the canteen from here?", history, "Go straight on, then left.") is QA
    assert class_of("Now write a short poem about it.", history, "Oh lift, oh lift") is CREATIVE


def test_answers_come_in_order_and_do_not_depend_on_the_batch():
    classifier = TaskClassifier.load()
    pairs = [
        InstructionPair(f"{verb} {thing}.", "", "") for verb in ("Explain", "Write a song about") for thing in "abc"
    ]
    answers = classifier.classify(pairs)
    assert answers == [classifier.classify([pair])[0] for pair in pairs]
    assert [task_class for task_class, _ in answers] == [QA] * 3 + [CREATIVE] * 3


def test_no_pairs_no_answers():
    assert TaskClassifier.load().classify([]) == []


@given(PAIRS)
def test_any_text_gets_a_class_with_a_probability(pairs: list[InstructionPair]):
    answers = TaskClassifier.load().classify(pairs)
    assert len(answers) == len(pairs)
    for task_class, share in answers:
        assert isinstance(task_class, TaskClass)
        assert 1 / 3 - 1e-6 <= share <= 1.0 + 1e-6
    assert answers == TaskClassifier.load().classify(pairs)


def test_the_confidence_is_the_share_of_the_best_score():
    weights = np.zeros((BUCKETS, 3), np.float32)
    bias = np.array([0, 0, 2], np.float32)
    (answer,) = TaskClassifier(weights, bias).classify([InstructionPair("anything", "", "")])
    assert answer == (CLASSES[2], pytest.approx(float(np.exp(2) / (np.exp(2) + 2)), abs=1e-5))


def test_the_shipped_weights_are_read_once_and_small():
    assert TaskClassifier.load() is TaskClassifier.load()
    assert len((resources.files("coachlm") / "data" / "task_classes.safetensors").read_bytes()) <= 2_000_000


def test_another_process_answers_the_same_without_a_learning_library():
    code = (
        "import sys; from coachlm.text.classes import TaskClassifier; from coachlm.pairs import InstructionPair;"
        "print(TaskClassifier.load().classify([InstructionPair('Name a river in Spain.', '', 'Ebro')])[0][1]);"
        "sys.exit(any(name in sys.modules for name in ('sklearn', 'scipy', 'torch')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    pair = InstructionPair("Name a river in Spain.", "", "Ebro")
    assert float(done.stdout) == TaskClassifier.load().classify([pair])[0][1]


def test_questions_filed_as_creative_writing_are_told_apart():
    assert only_asks("How early should I be at the station?")
    assert not only_asks("How about a story with a snail?")
    assert not only_asks("A snail's diary")


def test_macro_f1_on_the_held_out_part_of_dolly(data_dir: Path):
    held_out = dolly_held_out(data_dir)
    assert len(held_out) > 2500
    assert not {pair for pair, _ in held_out} & {pair for pair, _ in dolly_training(data_dir)}
    assert macro_f1(held_out) >= 0.85
    assert macro_f1(dolly_held_out(data_dir, as_filed=True)) >= 0.83


def test_accuracy_on_labelled_logs(data_dir: Path):
    labelled = [item for items in hand_labelled(data_dir).values() for item in items]
    assert len(labelled) >= 280
    found = TaskClassifier.load().classify([pair for pair, _ in labelled])
    assert np.mean([a is b for (a, _), (_, b) in zip(found, labelled, strict=True)]) >= 0.84


def macro_f1(items: list[Labelled]) -> float:
    found = [task_class for task_class, _ in TaskClassifier.load().classify([pair for pair, _ in items])]
    true = [task_class for _, task_class in items]
    scores = []
    for wanted in CLASSES:
        both = sum(a is b is wanted for a, b in zip(found, true, strict=True))
        scores.append(2 * both / (found.count(wanted) + true.count(wanted)))
    return sum(scores) / len(scores)
