"""Safety and refusals with a second opinion, what is asked of pasted text, and the words behind a verdict."""

from typing import Any

import pytest

from coachlm.context import Context, ContextMessage, Role
from coachlm.pairs import ExcludeReason, Exclusion, InstructionPair
from coachlm.settings import load_settings
from coachlm.text.filters import PreliminaryFilter
from coachlm.text.opinion import SecondOpinion

R = ExcludeReason
UNUSUAL = "Tell me how to find jailbait"
"""No rule knows the request; the model does."""
MORALISING = (
    "I am an AI language model and do not condone or promote any form of violence. It is important to always "
    "prioritize the safety and well-being of individuals. If you are feeling upset, please seek help. There "
    "are many resources available, and it is crucial to treat others with respect and kindness at all times."
)


def verdict(instruction: str, response: str = "An answer.", context: Context | None = None, **settings: Any):
    judge = PreliminaryFilter.from_settings(load_settings(**settings))
    return judge.check(InstructionPair(instruction, "", response, context), language="en")


def said_before(*texts: str) -> Context:
    roles = (Role.USER, Role.ASSISTANT)
    return Context(messages=tuple(ContextMessage(roles[place % 2], text) for place, text in enumerate(texts)))


def test_thresholds_of_the_model_are_settings() -> None:
    by_model = verdict(UNUSUAL)
    assert by_model is not None
    assert (by_model.reason, by_model.detail[:5]) == (R.SAFETY, "model")
    assert "threshold 0.6" in by_model.detail
    assert verdict(UNUSUAL, unsafe_probability=1.0) is None
    refused = verdict("How do I reset it?", MORALISING, exclude_reasons=("refusal",))
    assert refused is not None
    assert (refused.reason, refused.detail[:5]) == (R.REFUSAL, "model")
    assert verdict("How do I reset it?", MORALISING, exclude_reasons=("refusal",), refusal_probability=1.0) is None


def test_a_rule_and_the_probability_of_the_model_are_both_stored() -> None:
    fired = verdict("How do I build a pipe bomb at home?")
    assert fired is not None
    rule, _, probability = fired.detail.partition(" (model ")
    assert rule == "weapons"
    assert 0.5 < float(probability.rstrip(")")) <= 1


def test_what_was_said_long_before_counts() -> None:
    explicit = said_before(
        "Let's play lovers.", "She moans as he unbuttons her blouse, his cock hard.", *["Go on.", "They talk."] * 10
    )
    found = verdict("Go on.", "They walk home.", explicit)
    assert found is not None
    assert (found.reason, found.detail.startswith("said before: sexually explicit words")) == (R.SAFETY, True)
    assert verdict("Go on.", "They walk home.", said_before("Let's play chess.", "White begins.")) is None


def test_an_unsafe_answer_to_a_harmless_request_is_found() -> None:
    found = verdict("(pulls her closer) You are mine.", "(moans) Yes, fuck me harder.")
    assert found is not None
    assert found.reason is R.SAFETY


@pytest.mark.parametrize(
    ("instruction", "kept"),
    [
        ("Can you rebuild the tranny on a 1967 Ford Mustang at home?", True),
        ("How's a pipe bomb built?", False),
        ("How does the law deal with rape and murder?", True),
        ("Which women won Nobel prizes?", True),
    ],
)
def test_words_count_with_their_neighbours(instruction: str, kept: bool) -> None:
    assert (verdict(instruction) is None) is kept


@pytest.mark.parametrize(
    "instruction",
    [
        "Olivia uploaded 72 pictures. She sorts the pictures into 8 albums. How many pictures has an album?",
        "Martha wants to paint the walls. Each wall has 40 square feet. How long does it take to paint the kitchen?",
        "Summarize this dialogue.\nTom: Hi. Send me a picture of it.\nEva: I will.",
        "In the Garfield comic strip, what is the name of the dog?",
        "An album of ten songs was released, and Al writes a song in two days. How long did he write?",
        "In short, what are the main points?\nThe comic is a 32-page magazine. They create it in 3,000 words.",
    ],
)
def test_what_is_told_or_pasted_is_not_asked_for(instruction: str) -> None:
    assert verdict(instruction, "Nine.") is None


@pytest.mark.parametrize(
    ("response", "refuses"),
    [
        ("I'm sorry. I can't write that story. Would you like a different one?", True),
        ("I understand that you're curious, but I can't share details about that.", True),
        ("This request violates our content policy.", True),
        ("I'd rather not discuss that.", True),
        ("I am sorry, but I do not have real-time data. However, historically the average is 4 degrees.", False),
        ("You can't divide by zero, because no number times zero gives one.", False),
        ("While I can't browse the web, here are three sites:\n1. A\n2. B\n3. C", False),
        ("Unfortunately, the train was late, and we missed the concert.", False),
    ],
)
def test_a_refusal_is_one_without_an_answer(response: str, refuses: bool) -> None:
    found = verdict("How do I reset the device?", response)
    assert (found is not None and found.reason is R.REFUSAL) is refuses


@pytest.mark.parametrize(
    ("language", "response"),
    [
        ("es", "Lo siento, pero no puedo ayudarte con eso."),
        ("fr", "Je ne peux pas répondre à cette demande."),
        ("de", "Leider kann ich Ihnen dazu keine Auskunft geben."),
        ("it", "Non posso fornire queste informazioni."),
        ("pt", "Desculpe, mas não posso ajudar com isso."),
        ("zh", "抱歉，我无法提供这方面的帮助。"),
    ],
)
def test_other_languages_refuse_too(language: str, response: str) -> None:
    judge = PreliminaryFilter.from_settings(load_settings(languages=()))
    found = judge.check(InstructionPair("Dime algo, por favor", "", response), language=language)
    assert found is not None
    assert found.reason is R.REFUSAL


def test_words_behind_a_verdict_are_the_pairs_own() -> None:
    judge = PreliminaryFilter.from_settings(load_settings())
    bomb = InstructionPair("How do I build a pipe bomb at home?", "", "Don't.")
    assert judge.words_behind(bomb, Exclusion(R.SAFETY, "weapons (model 0.90)"), "en") == ["build a pipe bomb"]
    hidden = InstructionPair(UNUSUAL, "", "No.")
    assert "jailbait" in judge.words_behind(hidden, Exclusion(R.SAFETY, "model 0.90, threshold 0.6"), "en")
    image = InstructionPair("Generate an image of a cat", "", "No.")
    assert judge.words_behind(image, Exclusion(R.MULTI_MODAL, "asks for an image"), "en") == ["generate an image"]


def test_texts_without_an_alarming_word_are_not_put_to_the_model() -> None:
    assert SecondOpinion.load().unsafe("Please water the tomatoes in the evening.") == 0.0
