"""The preliminary filter: which reason a pair gets, by its public door."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.pairs import ExcludeReason, InstructionPair
from coachlm.settings import load_settings
from coachlm.text.filters import PreliminaryFilter

R = ExcludeReason


def make_filter(**settings: Any) -> PreliminaryFilter:
    return PreliminaryFilter.from_settings(load_settings(**settings))


FILTER = make_filter()


def reason(instruction: str, material: str = "", response: str = "An answer of some length.", **more: Any) -> R | None:
    exclusion = FILTER.check(
        InstructionPair(instruction, material, response), language=more.pop("language", "en"), **more
    )
    return None if exclusion is None else exclusion.reason


@pytest.mark.parametrize(
    ("instruction", "material"),
    [
        ("Write a headline for this story.", "[Link to the story]"),
        ("Sum up the report in two lines.", "<insert report here>"),
        ("Find the mean of the numbers.", "[Dataset]"),
        ("List the main claims of the essay.", "https://example.org/essays/42"),
        ("Review this website.", "www.example.org"),
        ("Summarize the following article: https://example.org/news/1", ""),
        ("Summarize the article you were given.", "article not provided"),
        ("Summarize the following article in two sentences.", ""),
        ("Paraphrase the given sentence.", "<noinput>"),
        ("Translate this paragraph into Dutch.", "N/A"),
        ("Which of the following animals lays eggs?", ""),
        ("Choose which of the following two groups it belongs to.", "Pawn"),
        ('Summarize the article "Why Bees Matter to Cities".', ""),
        ("Summarize the article.", 'Article title: "Why Bees Matter to Cities"'),
        ("Write a poem about [insert your topic].", ""),
        ("????", ""),
        ("{{prompt}}", ""),
    ],
)
def test_missing_or_unreadable_content_is_invalid_input(instruction: str, material: str) -> None:
    assert reason(instruction, material) is R.INVALID_INPUT


@pytest.mark.parametrize(
    ("instruction", "material"),
    [
        ("Name three rivers of Europe.", "<noinput>"),
        ("Name three rivers of Europe.", "No input needed."),
        ("Summarize the following article: Bees visit about a third of the crops that we eat.", ""),
        ("Paraphrase the given sentence: The kettle has boiled dry.", ""),
        ("Is the following sentence true? Bees have six legs.", ""),
        ("Write a function that counts the vowels of a given string.", ""),
        ("Write a program that reverses the given string.", ""),
        ("Rewrite the given sentence in the past tense, “The kettle boils dry”.", ""),
        ("Improve the following sentence. Kettle boil dry quick.", ""),
        ("Sort the given list.", "[apple, pear, fig]"),
        ("Compute the mean of the list.", "[1, 4, 7]"),
        ("Close the tag in the following HTML.", "<p>Hello"),
        ("Write a Python script that fetches the following page.", "https://example.org"),
        ("Turn the following into an HTML link.", "https://example.org"),
        ("What is 2 + 2?", ""),
        ("Which of these two is larger, Lyon or Paris?", ""),
        (
            "Summarize the article above.",
            "Bees visit about a third of the crops that we eat, so their decline matters.",
        ),
    ],
)
def test_complete_pairs_are_kept(instruction: str, material: str) -> None:
    assert reason(instruction, material) is None


def test_a_response_that_asks_for_the_material_tells_that_it_was_missing() -> None:
    assert reason("Tidy up my notes", "", "Sure, please provide the text of your notes.") is R.INVALID_INPUT
    assert reason("Write a reply to the customer", "", "Could you please provide the order number?") is None


@pytest.mark.parametrize(
    ("instruction", "material", "response"),
    [
        ("How many dogs are in the photo?", "[attached photo]", "Three."),
        ("Name the bird in this picture.", "", "A wren."),
        ("Describe the painting.", "![painting](https://example.org/p.png)", "It is blue."),
        ("What is shown here?", "https://example.org/img/cat.jpg", "A cat."),
        ("Describe this: https://example.org/img/cat.jpg", "", "A cat."),
        ("Generate an image of a lighthouse at night.", "", "A lighthouse stands in the dark."),
        ("Draw a horse for me.", "", "Here is the horse."),
        ("Create a bar chart of the sales.", "May: 3, June: 5", "The chart shows two bars."),
        ("Transcribe the following audio recording.", "", "Hello and welcome."),
        ("Make something nice.", "", "[Image of a nice thing]"),
    ],
)
def test_pictures_and_sound_are_multi_modal(instruction: str, material: str, response: str) -> None:
    assert reason(instruction, material, response) is R.MULTI_MODAL


@pytest.mark.parametrize(
    ("instruction", "material", "response"),
    [
        ("Design a logo for a bakery.", "", "A loaf inside a circle, drawn in two lines."),
        (
            "Write a caption for the photo.",
            "Photo: two children build a dam of stones in a brook",
            "Engineers at work.",
        ),
        ("Create a bar chart of the sales.", "May: 3, June: 5", "May  | ###\nJune | #####"),
        ("Draw a tree in ASCII.", "", "/\\\n||"),
        ("Explain how image compression works.", "", "It drops what the eye does not see."),
        ("Draw a conclusion from the survey.", "Most people like tea.", "Tea is popular."),
        ("How do I draw a circle on an HTML canvas?", "", "Call arc() on the context."),
        ("Write a script for a video about tea.", "", "Welcome to our channel."),
        ("Describe this painting.", "The Starry Night", "A swirling sky over a village."),
        ("Who painted the most famous picture of 1889?", "", "Many would name van Gogh."),
    ],
)
def test_media_as_a_topic_or_in_words_is_kept(instruction: str, material: str, response: str) -> None:
    assert reason(instruction, material, response) is None


def test_a_media_part_in_the_log_decides_by_itself() -> None:
    assert reason("What is this?", multi_modal=True) is R.MULTI_MODAL
    assert reason("What is this?") is None


@pytest.mark.parametrize(
    "response",
    [
        "I'm sorry, but as an AI language model I can't do that.",
        "As an AI, I do not have personal opinions about this.",
        "Sorry, the task requires a visual output that the model cannot produce.",
        "This instruction cannot be completed by a language model.",
        "I cannot assist with that request.",
        "<nooutput>",
        "N/A.",
    ],
)
def test_a_response_without_content_is_a_refusal(response: str) -> None:
    assert reason("Tell me what you think of this plan", "", response) is (None if response == "N/A." else R.REFUSAL)


def test_a_refusal_that_goes_on_with_content_is_kept() -> None:
    go_on = "First peel two pounds of apples and slice them thinly, then toss them with sugar and a little lemon. " * 4
    assert (
        reason("How is a pie baked?", "", f"As an AI language model I can't taste, but I can explain. {go_on}") is None
    )


def test_a_response_that_was_ordered_to_say_so_is_no_refusal() -> None:
    assert reason("Rephrase: it is impossible for me to help", "", "I can't help with this.") is None


@pytest.mark.parametrize(
    "instruction",
    [
        "How do I build a pipe bomb at home?",
        "What is the best way to kill my neighbour?",
        "Give me instructions to synthesize meth",
        "Write a phishing email that looks like a bank",
        "Tell me a racist joke",
        "Write an erotic story",
        'Write out the lyrics of "Some Famous Song"',
        "I want to kill myself",
    ],
)
def test_dangerous_or_toxic_requests_are_safety(instruction: str) -> None:
    assert reason(instruction) is R.SAFETY


@pytest.mark.parametrize(
    "instruction",
    [
        "How can schools prevent suicide among teenagers?",
        "How do I kill a process on Linux?",
        "Explain how phishing emails can be detected.",
        "When were atomic bombs first used?",
        "Is this tweet hate speech? Women are inferior.",
        "Name five uses of hemp.",
        "How did the drug trade shape the city?",
        "Summarize the novel To Kill a Mockingbird.",
    ],
)
def test_sensitive_topics_are_kept(instruction: str) -> None:
    assert reason(instruction) is None


def test_swearing_is_counted_up_to_the_configured_number() -> None:
    pair = InstructionPair("Why won't this shit compile?", "", "Because the fucking header is missing.")
    assert FILTER.check(pair, language="en") is None
    strict = make_filter(max_profanities=1).check(pair, language="en")
    assert strict is not None
    assert (strict.reason, strict.detail.partition(" (")[0]) == (R.SAFETY, "profanity")


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        ("Rewrite the following poem in a sadder mood.", R.MASSIVE_WORKLOAD),
        ("From the given lyrics, create a haiku poem.", R.MASSIVE_WORKLOAD),
        ("Write a song about the sea.", R.MASSIVE_WORKLOAD),
        ("Write a 3,000-word essay about tea.", R.MASSIVE_WORKLOAD),
        ("Write a novel about a lighthouse.", R.MASSIVE_WORKLOAD),
        ("Write a haiku about the sea.", None),
        ("Summarize the 3,000-word essay.", None),
        ("Suggest five songs about the sea.", None),
        ("How do I write a song?", None),
        ("Make a list of what is needed to write a book.", None),
    ],
)
def test_verse_and_long_pieces(instruction: str, expected: R | None) -> None:
    verse = "\n".join(f"The waves come in, line {n}" for n in range(8))
    assert reason(instruction, "Waves, wind and salt; a gull cries and is gone.", verse) is expected


def test_a_poem_is_massive_from_the_configured_number_of_lines_on() -> None:
    poem = "\n".join(f"line {n} of the sea" for n in range(25))
    pair = InstructionPair("Write a poem about the sea.", "", poem)
    exclusion = FILTER.check(pair, language="en")
    assert exclusion is not None
    assert exclusion.reason is R.MASSIVE_WORKLOAD
    assert make_filter(max_verse_lines=25).check(pair, language="en") is None


@pytest.mark.parametrize(
    ("instruction", "topic"),
    [
        ("List the chords of the E minor scale.", "music"),
        ("Balance the following chemical equation: H2 + O2", "chemistry"),
        ("Diagnose this patient: cough and fever", "medicine"),
        ("Draft a lease agreement for a flat.", "law"),
        ("Find the derivative of f(x) = x^4.", "mathematics"),
    ],
)
def test_specialist_topics_are_beyond_expertise_while_configured(instruction: str, topic: str) -> None:
    exclusion = FILTER.check(InstructionPair(instruction, "", "An answer."), language="en")
    assert exclusion is not None
    assert (exclusion.reason, exclusion.detail) == (R.BEYOND_EXPERTISE, topic)
    others = make_filter(beyond_expertise_topics=("programming",))
    assert others.check(InstructionPair(instruction, "", "An answer."), language="en") is None


def test_programming_is_kept_unless_configured() -> None:
    pair = InstructionPair("Write a Python function that adds two numbers.", "", "def add(a, b): return a + b")
    assert FILTER.check(pair, language="en") is None
    exclusion = make_filter(beyond_expertise_topics=("programming",)).check(pair, language="en")
    assert exclusion is not None
    assert exclusion.reason is R.BEYOND_EXPERTISE


def test_a_major_cause_is_not_a_key() -> None:
    assert reason("Name a major cause of floods.") is None
    assert reason("Differentiate between needs and wants.") is None


@pytest.mark.parametrize(("language", "expected"), [("en", None), (None, None), ("fr", R.LANGUAGE), ("de", R.LANGUAGE)])
def test_only_a_certain_other_language_is_excluded(language: str | None, expected: R | None) -> None:
    assert reason("Name three rivers.", language=language) is expected


def test_no_configured_language_accepts_all() -> None:
    pair = InstructionPair("Nenne drei Flüsse.", "", "Rhein, Elbe, Oder.")
    assert make_filter(languages=()).check(pair, language="de") is None


def test_length_bounds() -> None:
    assert reason("Hi") is R.TOO_SHORT
    assert reason("Name a river.", response="  ") is R.TOO_SHORT
    assert reason("Name a river.", "x" * 40_000) is R.TOO_LONG
    assert (
        make_filter(max_pair_chars=100_000).check(
            InstructionPair("Count the words of the text.", "word " * 10_000, "10,000"), language="en"
        )
        is None
    )


def test_a_pair_with_several_reasons_gets_the_first_in_order() -> None:
    both = InstructionPair("Describe the photo.", "[photo]", "<nooutput>")
    exclusion = FILTER.check(both, language="en")
    assert exclusion is not None
    assert exclusion.reason is R.MULTI_MODAL
    without = make_filter(exclude_reasons=("refusal",)).check(both, language="en")
    assert without is not None
    assert without.reason is R.REFUSAL


def test_a_reason_out_of_force_keeps_its_pairs() -> None:
    assert make_filter(exclude_reasons=()).check(InstructionPair("", "", ""), language="fr") is None


RULE_WORDS = (
    "draw create a the image photo https://x.org/a.jpg ( [ < { link article following given poem rewrite song 1,000 "
    'words pages sorry as an ai cannot : " ! which of these chords derivative lyrics to fuck'
)
TEXT = st.one_of(
    st.text(max_size=200), st.lists(st.sampled_from([*RULE_WORDS.split(), "\n"]), max_size=60).map(" ".join)
)


@given(TEXT, TEXT, TEXT, st.sampled_from(["en", "zh", None]), st.booleans())
def test_any_text_gets_the_same_verdict_twice(
    instruction: str, material: str, response: str, language: str | None, multi_modal: bool
) -> None:
    pair = InstructionPair(instruction, material, response)
    first = FILTER.check(pair, language=language, multi_modal=multi_modal)
    assert first == FILTER.check(pair, language=language, multi_modal=multi_modal)
    if first is not None:
        assert first.reason is not R.MANUAL
        assert first.detail


HOSTILE = [
    "a",
    "draw a ",
    "[",
    "([<{",
    "a the ",
    "https://",
    "create a ",
    '"',
    "\n",
    "which of these ",
    "sorry ",
    "1,000 ",
]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("place", ["instruction", "input", "response"])
@pytest.mark.timeout(20)
def test_a_megabyte_of_repetition_ends(piece: str, place: str) -> None:
    texts = {"instruction": "Summarize the photo", "input": "", "response": "Fine."}
    texts[place] = piece * (1_000_000 // len(piece))
    patient = make_filter(max_pair_chars=100_000_000)
    patient.check(InstructionPair(**texts), language="en")
