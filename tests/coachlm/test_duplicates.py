"""Near copies: what counts as one, and keys that never change."""

import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.context import Context, ContextMessage, Role
from coachlm.pairs import InstructionPair
from coachlm.text.duplicates import NearDuplicateHasher, compared_text, difference, pair_text, similarity

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too
ANSWER = (
    "Start by soaking the beans overnight in cold water, then rinse them twice. Bring a large pot to the boil, lower "
    "the heat, and let the beans simmer for about an hour with a bay leaf and half an onion. Salt goes in at the end."
)
ASK = "How do I cook dried beans so that they are tender?"
STORY = "The ferry left the harbour at dawn with nine passengers, two goats and a piano that nobody had asked for. " * 6

GOLDEN = [
    (283741243338807037, -4736089344329713583),
    (-2381804875695885169, 9181321096647230953),
    (7848200986222826503, 4692411699853669842),
    (6872739008846205586, -486322025932031914),
    (-1307783253487477301, 1508012818587307969),
]
GOLDEN_DEFAULT_FIRST = -7588127835558519770


def keys(text: str) -> tuple[int, ...]:
    return NearDuplicateHasher().band_keys([text])[0]


def sim(first: InstructionPair, second: InstructionPair) -> float:
    return similarity(pair_text(first), pair_text(second))


def is_candidate(first: InstructionPair, second: InstructionPair) -> bool:
    ours, theirs = NearDuplicateHasher().band_keys([pair_text(first), pair_text(second)])
    return bool(set(ours) & set(theirs))


def test_keys_are_those_of_every_release():
    """Databases hold such keys: a change here (ours, rensa's) orphans every index, and needs a migration."""
    texts = ["a", "What is 2+2?", ANSWER, "今日はとても良い天気ですね。", "Où est l’été ?"]
    assert NearDuplicateHasher(permutations=4, bands=2).band_keys(texts) == GOLDEN
    assert keys(ANSWER)[0] == GOLDEN_DEFAULT_FIRST


def test_keys_are_those_of_another_process():
    code = f"from coachlm.text.duplicates import NearDuplicateHasher as H; print(H().band_keys([{ANSWER!r}])[0])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(keys(ANSWER))


def test_keys_fit_a_signed_64_bit_column_and_differ_between_bands():
    found = [key for text in (ANSWER, "a", "b c") for key in keys(text)]
    assert len(set(found)) == len(found) == 3 * NearDuplicateHasher().bands
    assert all(-(2**63) <= key < 2**63 for key in found)


@pytest.mark.parametrize("text", ["", " \n\t", "?! …", "\x1e\x1e", "\ud800"])
def test_a_text_without_words_has_no_keys(text: str):
    assert keys(text) == ()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Is it GOOD, or bad?", "  is it good \n or bad"),
        ("ＡＢＣ とても良い天気", "abc とても、良い天気。"),
        ("Où est l’été ?", "OÙ EST L'ÉTÉ"),
        ("e\u0301te\u0301 sans fin", "été sans fin"),
        ("“No” — she said—then left", '"No" - she said - then left'),
    ],
)
def test_case_punctuation_and_spacing_do_not_count(first: str, second: str):
    assert keys(first) == keys(second) != ()
    assert similarity(first, second) == 1.0


@pytest.mark.parametrize(("first", "second"), [("2+2", "2/2"), ("5%", "5"), ("x < y", "x > y"), ("café", "cafe")])
def test_signs_and_accents_that_carry_meaning_count(first: str, second: str):
    assert similarity(first, second) == 0.0


def test_short_pairs_that_differ_are_not_merged():
    assert sim(InstructionPair("What is 2+2", "", "4"), InstructionPair("What is 2+3", "", "5")) == 0.0
    assert sim(InstructionPair("Name a fruit", "", "Pear"), InstructionPair("Name a fruit", "", "Plum")) < 0.8
    assert sim(InstructionPair("Hi", "", "Hello!"), InstructionPair("hi", "", "hello")) == 1.0


def test_two_answers_to_one_instruction_are_not_merged_however_long_the_shared_part():
    assert (
        sim(InstructionPair("Is it a sad story?", STORY, "Yes"), InstructionPair("Is it a sad story?", STORY, "No"))
        == 0
    )


def test_two_questions_about_one_long_input_are_not_merged():
    assert sim(InstructionPair("Is it sad?", STORY, "No."), InstructionPair("Has it a goat?", STORY, "No.")) < 0.8


def test_turns_of_one_conversation_are_not_merged():
    turn = InstructionPair("And with a piano?", f"User: {STORY}\nAssistant: Nice.", "Then rent a van.")
    later = InstructionPair("And goats?", f"{turn.input}\nUser: And with a piano?", "Ask the ferry's crew first.")
    assert sim(turn, later) < 0.8


def test_a_copy_with_a_few_changed_words_is_found():
    copy = InstructionPair("How do I cook dried beans so they are tender?", "", ANSWER.replace("twice", "well"))
    assert sim(InstructionPair(ASK, "", ANSWER), copy) >= 0.8
    assert is_candidate(InstructionPair(ASK, "", ANSWER), copy)


def test_the_same_record_in_two_log_formats_is_found():
    apart = InstructionPair("Summarise this story.", STORY, ANSWER)
    together = InstructionPair(f"Summarise this story.\n\n{STORY}", "", ANSWER)
    assert sim(apart, together) == 1.0
    assert is_candidate(apart, together)


def test_text_without_spaces_is_compared_by_characters():
    first = "昨日は友達と一緒に海へ行って、たくさん泳いで、夜は花火を見ました。とても楽しい一日でした。"
    copy = first.replace("花火", "映画")
    assert 0.7 < similarity(first, copy) < 1
    assert set(keys(first)) & set(keys(copy))
    assert similarity(first, "東京の天気は明日も晴れるでしょう。") == 0.0


def test_a_text_can_not_fake_the_border_between_parts():
    forged = InstructionPair("a\x1eb\x1ec", "", "answer")
    assert sim(forged, InstructionPair("a b c", "", "answer")) == 1.0


def test_recall_of_near_copies():
    rng = random.Random(7)
    vocabulary = [f"word{number}" for number in range(2000)]
    texts = [[rng.choice(vocabulary) for _ in range(rng.randint(40, 120))] for _ in range(400)]
    copies = [list(words) for words in texts]
    for words in copies:
        for _ in range(rng.randint(1, 2)):
            words[rng.randrange(len(words))] = rng.choice(vocabulary)
    ours = NearDuplicateHasher().band_keys([" ".join(words) for words in texts])
    theirs = NearDuplicateHasher().band_keys([" ".join(words) for words in copies])
    close = [
        bool(set(a) & set(b))
        for a, b, words, copy in zip(ours, theirs, texts, copies, strict=True)
        if similarity(" ".join(words), " ".join(copy)) >= 0.85
    ]
    assert len(close) > 200
    assert sum(close) / len(close) >= 0.95
    everything = [key for found in ours for key in found]
    assert len(set(everything)) == len(everything)  # unrelated texts meet nowhere


@pytest.mark.parametrize(("permutations", "bands"), [(0, 1), (8, 0), (9, 2), (2, 4)])
def test_bands_that_do_not_divide_are_refused(permutations: int, bands: int):
    with pytest.raises(ValueError, match="multiple of bands"):
        NearDuplicateHasher(permutations, bands)


@given(st.lists(ANY_TEXT, max_size=300))
def test_a_text_has_the_same_keys_in_any_batch(texts: list[str]):
    hasher = NearDuplicateHasher()
    assert hasher.band_keys(texts) == [hasher.band_keys([text])[0] for text in texts]


@given(ANY_TEXT, ANY_TEXT)
def test_similarity_is_a_symmetric_share(first: str, second: str):
    assert similarity(first, first) == 1.0
    assert 0.0 <= similarity(first, second) == similarity(second, first) <= 1.0


@given(ANY_TEXT, st.sampled_from(["  ", "\n", "!", "…", "\u3000"]))
def test_what_is_similar_in_full_has_the_same_keys(text: str, ignored: str):
    assert keys(text) == keys(ignored + text.replace(" ", ignored) + ignored)


LONG = f"Read this.\n{STORY}\n{ANSWER}\n{ANSWER.replace('beans', 'peas')}\nQuestion: "


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Which goat fell in?", "Which piano fell in?"),
        (f"{LONG}Was there a goat?", f"{LONG}Was there a horse?"),
        ("Fly me from Oslo to Rome tomorrow", "Fly me from Rome to Oslo tomorrow"),
        ("Can the ferry sail at night?", "Can the ferry not sail at night?"),
        ("Explain protocol 7 in short", "Explain protocol 8 in short"),
        ("What do variations in the GH1 gene do?", "What do variations in the IGF1 gene do?"),
    ],
)
@pytest.mark.parametrize("answer", ["Yes", ANSWER])
def test_different_questions_with_one_answer_are_never_merged(first: str, second: str, answer: str):
    assert sim(InstructionPair(first, "", answer), InstructionPair(second, "", answer)) == 0


@pytest.mark.parametrize(
    "copy",
    ["how do i cook dried beans so that they are tender", "Please, how do I cook dried beans so they are tender?"],
)
def test_case_politeness_and_small_words_make_no_other_question(copy: str):
    assert sim(InstructionPair(ASK, "", ANSWER), InstructionPair(copy, "", ANSWER)) == 1.0


def test_a_typo_in_a_long_word_makes_no_other_question():
    first = InstructionPair("Describe the constitution of Norway", "", "Old.")
    assert sim(first, InstructionPair("Describe the consittution of Norway", "", "Old.")) == 1.0
    assert sim(first, InstructionPair("Describe the constitutions of Norway", "", "Old.")) == 0


def test_other_numbers_make_another_answer():
    assert (
        sim(InstructionPair(ASK, "", f"{ANSWER} In 2 hours."), InstructionPair(ASK, "", f"{ANSWER} In 3 hours.")) == 0
    )


def test_answers_after_other_turns_are_no_copies():
    def after(told: str) -> InstructionPair:
        context = Context("You help. Today is Monday.", (ContextMessage(Role.USER, told),))
        return InstructionPair("Why?", "", ANSWER, context)

    texts = [compared_text(after(told)) for told in ("Beans take an hour.", "The ferry is late today.")]
    assert similarity(*texts) == 0
    monday = after("Beans take an hour.")
    sunday = InstructionPair(
        *monday.texts, Context("Today is Sunday.", (ContextMessage(Role.USER, "Beans take an hour."),))
    )
    assert similarity(compared_text(monday), compared_text(sunday)) == 1.0


def test_what_differs_is_said():
    copy = InstructionPair(ASK, "", ANSWER.replace("twice", "well"))
    assert difference(pair_text(InstructionPair(ASK, "", ANSWER)), pair_text(copy)) == "answer 0.87 (twice. → well.)"
    together = InstructionPair(f"{ASK}\n{STORY}", "", ANSWER)
    assert "layout" in difference(pair_text(InstructionPair(ASK, STORY, ANSWER)), pair_text(together))


def test_copies_are_found_among_many_questions_of_one_template():
    pairs = [InstructionPair(f"{LONG}Is goat {number} on board?", "", "Yes") for number in range(50)]
    keys_of = NearDuplicateHasher().band_keys([pair_text(pair) for pair in pairs])
    assert len({found[-1] for found in keys_of}) == len(pairs)
    again = NearDuplicateHasher().band_keys([pair_text(pairs[30]).lower()])[0]
    assert again[-1] == keys_of[30][-1]
