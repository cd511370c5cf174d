"""The rules engine: what it mends, and above all what it must leave alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome
from reviser.rules.reviser import RulesReviser, repair_pair
from reviser.rules.spelling import Speller, shared_speller


@pytest.fixture(scope="session")
def speller() -> Speller:
    return shared_speller()


@pytest.fixture(scope="session")
def reviser() -> RulesReviser:
    return RulesReviser()


def mended(text: str, speller: Speller, instruction: str = "Tell me about gardens.") -> str:
    return repair_pair(InstructionPair(instruction, "", text), speller).response


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("The garden is verry beautifull in the morning.", "The garden is very beautiful in the morning."),
        ("Teh roses need water, becuase the soil is dry.", "Teh roses need water, because the soil is dry."),
        ("Roses need teh sun and a fence.", "Roses need the sun and a fence."),
        ("It is the the best time to plant.", "It is the best time to plant."),
        ("Water them carefully carefully every day.", "Water them carefully every day."),
        (
            "The red roses bloom in June. The red roses bloom in June. Then they fade.",
            "The red roses bloom in June. Then they fade.",
        ),
        ("Roses , lilies and tulips .", "Roses, lilies and tulips."),
        ("Some plants need shade,others need sun.", "Some plants need shade, others need sun."),
        ("Dig a hole first.Then add the plant.", "Dig a hole first. Then add the plant."),
        ("First dig a hole. then add the plant.", "First dig a hole. Then add the plant."),
        ("the soil must be moist at all times.", "The soil must be moist at all times."),
        ("When it rains i think of you and i'm glad.", "When it rains I think of you and I'm glad."),
        ("They dont like frost.", "They don't like frost."),
        ("Itâ€™s a rose from a cafÃ© garden.", "It’s a rose from a café garden."),
        ("A rose\ufffd is\x00 a rose.", "A rose is a rose."),
        ("Tom &amp; Ann said &quot;hello&quot;.", 'Tom & Ann said "hello".'),
        ("One.\n\n\n\n\n\nTwo.", "One.\n\nTwo."),
        ("Plant it now. " + "Water it every single day. " * 9, "Plant it now. Water it every single day. "),
    ],
)
def test_what_is_surely_wrong_is_mended(broken: str, whole: str, speller: Speller) -> None:
    assert mended(broken, speller) == whole


@pytest.mark.parametrize(
    "text",
    [
        "Colour, favour and organise are British; color, favor and organize are American; aluminum too.",
        "Kubernetes, Zsolnay and McAlister met in Łódź with van der Berg.",
        "The tokenizer and the backend use a hashmap, a struct and a webhook.",
        "She ordered nigiri, umeboshi and kombu; later a glass of terroir.",
        "He had had enough, and that that was so he knew. It was very very late.",
        "Use `teh_variable` and `recieve()` here.",
        "```python\ndef teh():\n    return  'recieve'  ,  1\n```",
        "def recieve(x):\n    y = [i for i in x]\n    return y;\n}",
        "See https://example.com/teh/recieve?a=1,b and mail teh.recieve@example.com now.",
        "Write to <EMAIL_1> or call <PHONE_12> , please.".replace(" ,", ","),
        "| teh | recieve |\n|-----|---------|\n| i  am | here ,ok |",
        "The path is /usr/lib/teh/recieve.so on Linux.",
        "It costs 1,000.50 euros, i.e. 3.5 % of 28,571; see p.12 and v1.2.3.",
        "The list is [a,b,c] and f(x,y) = x,y.",
        'He said "teh cat" on purpose.',
        "A word such as thier, thier I say, is meant when it comes twice.",
        "Das ist ein schöner Garten , und die Rosen sind verry schön und rot.",
        "Les marées sont grandes ; le jardin est là , près de la mer.",
        "She calls it nostra profesion classico, as they do at home in the old town.",
        "apple",
        "yes, no, yes, no, yes, no",
        "eBay and iPhone are names.",
        "for i in range(10): print(i)",
        "e.g. this one, approx. five, etc. and so on.",
        "Wait... what?! Really?!?",
        "Columns   are    kept   as they are    here   now.",
        "The mass is $m = 3 , 5$ and \\(teh , x\\) stays.",
    ],
)
def test_what_may_be_meant_stays(text: str, speller: Speller) -> None:
    assert mended(text, speller) == text


@pytest.mark.parametrize(
    "instruction",
    [
        "Correct the spelling of this sentence.",
        "List common typos of these words.",
        "Write a poem about rain.",
        "Decode the cipher.",
        "Convert the text to lowercase.",
        "What is wrong with this function?",
        "Fix the following sentence.",
    ],
)
def test_tasks_about_form_keep_their_flaws(instruction: str, speller: Speller) -> None:
    text = "i think teh the garden is verry nice ,yes.then we go"
    assert mended(text, speller, instruction) == text
    assert mended("It\ufffd is â€œfineâ€\x9d.", speller, instruction) == "It is “fine”."


def test_to_fix_a_thing_is_no_task_about_form(speller: Speller) -> None:
    text = "first take out the the inner tube . then pump it up"
    assert mended(text, speller, "how do i fix a flat tire on my bicycle") != text


def test_the_input_is_material_and_only_its_encoding_is_mended(speller: Speller) -> None:
    raw = InstructionPair("Sum it up.", "teh the garden\ufffd is verry nice", "A garden.")
    assert repair_pair(raw, speller).input == "teh the garden is verry nice"


@pytest.mark.parametrize("nothing", ["<noinput>", "No input", "N/A"])
def test_an_input_that_says_there_is_none_goes(nothing: str, speller: Speller) -> None:
    assert repair_pair(InstructionPair("Name a tree.", nothing, "Oak."), speller).input == ""


def test_blanks_alone_are_no_revision(speller: Speller) -> None:
    raw = InstructionPair("Name a tree. ", "", "An oak \nor a  beech.")
    assert repair_pair(raw, speller) is raw


def test_html_questions_keep_their_entities(speller: Speller) -> None:
    text = "Write &amp; for an ampersand and &lt; for less than."
    assert mended(text, speller, "How are HTML entities written?") == text


def test_the_engine_keeps_order_and_tells_what_it_did(reviser: RulesReviser) -> None:
    pairs = [
        InstructionPair("Name a tree.", "", "Oak."),
        InstructionPair("Name a tree.", "", "It is the the oak."),
        InstructionPair("", "", ""),
        InstructionPair("\ud800", "\x00", "\ufffd"),
    ]
    revisions = reviser.revise(pairs)
    assert [revision.pair_id for revision in revisions] == [pair.id for pair in pairs]
    assert [revision.outcome for revision in revisions[:3]] == [Outcome.UNCHANGED, Outcome.REVISED, Outcome.UNCHANGED]
    assert revisions[1].revised.response == "It is the oak."
    assert revisions[1].flags == ()
    assert {revision.engine for revision in revisions} == {"rules"}
    assert reviser.revise([]) == []


pieces = st.sampled_from(
    [
        "teh",
        "the",
        " ",
        " ",
        "\n",
        "```",
        "`",
        "|",
        "<EMAIL_1>",
        "https://a.bc/d",
        "i",
        ".",
        ",",
        "é",
        "Ã©",
        "\ue000",
        "ha",
        "12",
    ]
)
texts = st.one_of(st.lists(pieces, max_size=40).map("".join), st.text(max_size=100))


@given(texts, texts)
def test_whatever_comes_is_repaired_and_what_is_no_prose_survives(speller: Speller, one: str, two: str) -> None:
    repaired = repair_pair(InstructionPair(one, "", two), speller)
    for token in ("<EMAIL_1>", "https://a.bc/d"):
        assert repaired.instruction.count(token) == one.count(token) or one.count(token) > 2
        assert repaired.response.count(token) == two.count(token) or two.count(token) > 2
    assert not {"\ue000", "\ufffd", "\x00"} & set(repaired.instruction + repaired.response)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("becuase", "because"),
        ("definately", "definitely"),
        ("adress", "address"),
        ("occured", "occurred"),
        ("neccessary", "necessary"),
        ("importent", "important"),
        ("teh", "the"),
        ("thsi", "this"),
    ],
)
def test_typos_of_common_words(word: str, meant: str, speller: Speller) -> None:
    assert speller.correction(word) == meant


@pytest.mark.parametrize(
    "word",
    [
        "color",
        "favorite",
        "analyze",
        "traveled",
        "theater",
        "aluminum",
        "defense",
        "program",
        "catalog",
        "math",
        "gray",
        "gameplay",
        "tokenizer",
        "blockchain",
        "biryani",
        "kombucha",
        "uber",
        "chia",
        "jali",
        "struct",
        "hashmap",
        "wich",
        "solvation",
        "neurogenetic",
        "homebrewers",
        "a",
        "",
        "q" * 500,
    ],
)
def test_words_that_are_left_alone(word: str, speller: Speller) -> None:
    assert speller.correction(word) is None
