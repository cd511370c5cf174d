"""An expert's revision as edits: what tags can express is exact, what they can't is masked and counted."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.coaching.lessons import UNKNOWN
from coachlm.pairs import InstructionPair
from recipes.coach.corruption import Damage
from reviser.coach.base import Bundle
from reviser.coach.bundle import read_bundle
from reviser.coach.lexicon import MORE, START
from reviser.coach.tags import GapTag, WordTag, apply_edits
from reviser.coach.teaching.alignment import Derived, derive_edits
from reviser.coach.teaching.lessons import LEARNED, NOT_PROSE, Teacher
from reviser.coach.teaching.remedies import edit_of
from reviser.coach.words import Words, split_words
from reviser.rules.repairs import Prose
from tests.reviser.coach_texts import CLEAN, DAMAGED

PIECES = [
    "the",
    "the",
    "cat",
    "cats",
    "sat",
    "teh",
    "mat",
    "Mat",
    "in",
    "ofthe",
    "of",
    "some",
    "thing",
    "something",
    ",",
    ".",
    " ",
    " ",
    " ",
    "  ",
    "\n",
    "12",
    "x2",
    "-",
    "(",
    "\ue000",
    "it's",
    "ü",
]
SCRAPS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return read_bundle()


def derived(bundle: Bundle, raw: str, revised: str) -> tuple[Derived, str]:
    """The edits, and what they make of the raw text."""
    prose = Prose.of(raw)
    words = split_words(prose.text)
    found = derive_edits(prose, words.tokens, Prose.of(revised), bundle.lexicon, frozenset())
    edits = [edit_of(each, bundle.lexicon) for each in found.tagged]
    return found, prose.restore(apply_edits(Words(words.tokens, ""), edits))


@given(SCRAPS, SCRAPS)
def test_edits_make_the_revised_text_wherever_nothing_was_masked(bundle: Bundle, raw: str, revised: str) -> None:
    raw, revised = raw.replace("\ue000", "`a`"), revised.replace("\ue000", "`b`")
    found, made = derived(bundle, raw, revised)
    assert [each.token for each in found.tagged] == list(split_words(Prose.of(raw).text).tokens)
    there = split_words(Prose.of(revised).text)
    if not found.masked:
        assert made == Prose.of(revised).restore(Words(there.tokens, "").text())
        assert not any(UNKNOWN in (each.word, each.gap, each.case) for each in found.tagged)
    for each in found.tagged:
        if each.token.frozen:
            assert each.word in (WordTag.KEEP, UNKNOWN)
            assert each.gap in (GapTag.KEEP, UNKNOWN)


@given(SCRAPS)
def test_an_unchanged_text_teaches_to_keep_it(bundle: Bundle, text: str) -> None:
    found, _ = derived(bundle, text.replace("\ue000", "`a`"), text.replace("\ue000", "`a`"))
    assert all(each.is_kept for each in found.tagged)
    assert (found.learned, found.masked.total()) == (0, 0)


@given(st.integers(0, 100_000))
def test_damage_made_here_is_found_again(bundle: Bundle, seed: int) -> None:
    damage = Damage(bundle.lexicon, {"becuase": "because", "thier": "their"})
    words = split_words(CLEAN)
    made = damage.tokens(words.tokens, 0.1, random.Random(seed))
    damaged = Words(tuple(each.token for each in made), words.tail).text()
    found, mended = derived(bundle, damaged, CLEAN)
    if not found.masked:
        assert mended == CLEAN
    if not any(UNKNOWN in (each.word, each.gap, each.case) for each in made):
        wanted = sum(not each.is_kept for each in made)
        assert found.masked.total() <= max(1, 0.5 * wanted)  # a lone one may be beyond the tags


def test_most_of_the_damage_made_here_can_be_learned(bundle: Bundle) -> None:
    damage = Damage(bundle.lexicon, {"becuase": "because", "thier": "their"})
    words, counts, same = split_words(CLEAN), Counter(), 0
    for seed in range(60):
        made = damage.tokens(words.tokens, 0.1, random.Random(seed))
        found, _ = derived(bundle, Words(tuple(each.token for each in made), words.tail).text(), CLEAN)
        counts["learned"] += found.learned
        counts.update(found.masked)
        same += [(one.word, one.gap, one.case, one.meant) for one in made] == [
            (one.word, one.gap, one.case, one.meant) for one in found.tagged
        ]
    assert counts["learned"] > 0.85 * counts.total()
    assert same > 20  # the very tags, token by token


@pytest.mark.parametrize(
    ("raw", "revised", "tags"),
    [
        ("The the cat sat on teh mat.", "The cat sat on the mat.", {"the": "delete", "teh": "nearest"}),
        (
            "in the mill in the mill it is cold .",
            "in the mill it is cold.",
            {"in": "delete", "the": "delete", "mill": "delete", ".": "close"},
        ),
        ("We have apples, pears and plums.", "We have apples, pears, and plums.", {"and": "comma"}),
        (
            "it is some thing that came ofthe blue.",
            "It is something that came of the blue.",
            {"it": "upper", "thing": "close", "ofthe": "split"},
        ),
        ("He go to market every day.", "He goes to the market every day.", {"go": "chosen", "market": "insert"}),
    ],
)
def test_what_tags_can_say(bundle: Bundle, raw: str, revised: str, tags: dict[str, str]) -> None:
    found, made = derived(bundle, raw, revised)
    assert made == revised
    said = {}
    for each in found.tagged:
        if not each.is_kept:
            gap = GapTag(min(each.gap, GapTag.INSERT)).name.lower()
            said[each.token.text] = WordTag(each.word).name.lower() if each.word else gap if each.gap else "upper"
    assert said == tags


@pytest.mark.parametrize(
    ("raw", "revised", "reasons"),
    [
        ("The cat sat there.", "Felines, it is said, prefer to be seated upon rugs.", {"rewritten"}),
        ("We walked home in the evening.", "We walked home slowly and happily in the evening.", {"added"}),
        ("It was 12 degrees and so we went.", "It was 14 degrees and so we went.", {"rewritten"}),
        ("See `one` for more of that kind.", "See `two` for more of that kind.", {"rewritten"}),
        (
            "We saw a man (and a dog) near the old bridge.",
            "We saw a man near the old bridge.",
            {"removed", "rewritten"},
        ),
        (
            "The mill is old and wide and grey and stands where all can see it.",
            "The mill stands where all can see it.",
            {"removed"},
        ),
        ("We walked  home.", "We walked home.", {"blanks"}),
    ],
)
def test_what_tags_can_not_say_is_masked_and_counted(bundle: Bundle, raw: str, revised: str, reasons: set[str]) -> None:
    found, _ = derived(bundle, raw, revised)
    assert set(found.masked) <= reasons
    assert found.masked.total() > 0
    assert any(UNKNOWN in (each.word, each.gap) for each in found.tagged)


def test_an_edit_close_to_a_rewrite_is_a_part_of_it_and_one_far_away_is_not(bundle: Bundle) -> None:
    near, _ = derived(bundle, "We saw teh dog and went home.", "We met the hound and went home.")
    assert near.learned == 0
    within_reach, _ = derived(bundle, "We bought a lamp teh dog likes.", "We found a lamp the dog likes.")
    assert (within_reach.learned, set(within_reach.masked)) == (0, {"rewritten"})
    far, made = derived(
        bundle,
        "We saw the dog and later on we all went home to eat teh bread.",
        "We met the dog and later on we all went home to eat the bread.",
    )
    assert far.learned == 1
    assert made.endswith("the bread.")


def test_a_pair_becomes_lessons_as_the_tagger_reads_it(bundle: Bundle) -> None:
    teacher, counts = Teacher(bundle), Counter()
    more = " ".join(f"On day {day} nobody was there but the man with dog number {day}." for day in range(12))
    raw = InstructionPair("Tell me about the town.", "teh input", f"{DAMAGED} {more}")
    revised = InstructionPair("Tell me about the town.", "the input", f"{CLEAN} {more}")
    lessons = teacher.edits(raw, revised, counts)
    assert counts[LEARNED] == 7
    assert counts.total() == counts[LEARNED]
    assert [lesson.columns[0, 0] for lesson in lessons] == [START, START, MORE, MORE]
    tokens = len(split_words(raw.instruction).tokens) + len(split_words(raw.response).tokens)
    assert sum(lesson.targets for lesson in lessons) == tokens  # each token is decided once
    assert all(len(lesson) <= 121 for lesson in lessons)
    kept = teacher.kept(raw, revised)
    assert sum(lesson.targets for lesson in kept) > 0
    assert all((lesson.columns[2:5] <= 0).all() for lesson in kept)


def test_fields_that_the_coach_does_not_touch_are_counted_apart(bundle: Bundle) -> None:
    teacher, counts = Teacher(bundle), Counter()
    raw = InstructionPair("Correct the spelling of this text.", "", "teh old mill stands here")
    assert teacher.edits(raw, InstructionPair(raw.instruction, "", "the old mill stands here"), counts) == []
    assert counts == {NOT_PROSE: 1}
