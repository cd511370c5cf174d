"""What the coach leaves alone because it is mostly meant, and mends in a pair that has other slips."""

import pytest

from reviser.coach.bundle import read_bundle
from reviser.coach.reviser import CoachReviser
from reviser.coach.tagger import EditKind, Proposal
from reviser.coach.tags import Edit, WordTag
from reviser.coach.teaching.calibration import worths
from reviser.coach.vetoes import without_meant
from reviser.coach.words import split_words
from tests.reviser.coach_texts import DAMAGED, MENDED
from tests.reviser.test_coach import pair

MOSTLY_MEANT = [
    ("He had had enough of it.", "had", EditKind.DOUBLE, ""),
    ("They all played Duck Duck Goose.", "Duck", EditKind.DOUBLE, ""),
    ("Call eight eight-one.", "eight", EditKind.DOUBLE, ""),
    ("The kids' toys and the dog's bone.", "dog's", EditKind.TYPO, "dig's"),
    ("She asked Kaelin about it.", "Kaelin", EditKind.TYPO, "Kaolin"),
]
SURELY_MEANT = [
    ("The town is not large.", "not", EditKind.DELETE, ""),
    ("The town is not large.", "is", EditKind.DELETE, ""),
    ("It's a large town.", "It's", EditKind.WORD, "its"),
    ("Solve an + bn = cn now.", "bn", EditKind.TYPO, "been"),
    ("Many adverbs end in ly", "ly", EditKind.TYPO, "by"),
    ("It takes the suffix ly here.", "ly", EditKind.TYPO, "by"),
    ("We wrote it in JavaScript once.", "JavaScript", EditKind.SPLIT, "Java Script"),
    ("Read #sunnyday again.", "sunnyday", EditKind.SPLIT, "sunny day"),
]
TAGS = {EditKind.DOUBLE: WordTag.DELETE, EditKind.DELETE: WordTag.DELETE, EditKind.SPLIT: WordTag.SPLIT}


def kept(text: str, word: str, kind: EditKind, new: str, *, is_damaged: bool) -> bool:
    """Whether the edit of the last `word` of the text may be made."""
    tokens = split_words(text).tokens
    place = max(index for index, token in enumerate(tokens) if token.text == word)
    proposal = Proposal(place, kind, Edit(TAGS.get(kind, WordTag.CHOSEN), text=new), 0.99)
    return without_meant(tokens, [proposal], is_damaged=is_damaged) == [proposal]


@pytest.mark.parametrize("edit", MOSTLY_MEANT)
def test_mostly_meant_is_mended_beside_other_slips_alone(edit: tuple[str, str, EditKind, str]) -> None:
    assert not kept(*edit, is_damaged=False)
    assert kept(*edit, is_damaged=True)


@pytest.mark.parametrize("edit", SURELY_MEANT)
def test_surely_meant_stays_everywhere(edit: tuple[str, str, EditKind, str]) -> None:
    assert not kept(*edit, is_damaged=False)
    assert not kept(*edit, is_damaged=True)


@pytest.mark.parametrize(
    "edit",
    [
        ("We walked to the the market.", "the", EditKind.DOUBLE, ""),
        ("The market is becuase it was warm.", "becuase", EditKind.TYPO, "because"),
        ("Kaelin was there.", "Kaelin", EditKind.TYPO, "Kaolin"),  # a capital that begins a sentence says nothing
        ("It is thissentence here.", "thissentence", EditKind.SPLIT, "this sentence"),
    ],
)
def test_slips_are_mended(edit: tuple[str, str, EditKind, str]) -> None:
    assert kept(*edit, is_damaged=False)


@pytest.mark.parametrize(
    ("text", "said_again", "is_meant"),
    [
        ("It went on and on and on.", [4, 5], True),
        ("from time to time to time", [3, 4], True),
        ("We sold it to the man in the man in the end", [7, 8, 9], False),
    ],
)
def test_a_phrase_said_twice_is_judged_as_one(text: str, said_again: list[int], is_meant: bool) -> None:
    tokens = split_words(text).tokens
    proposals = [Proposal(place, EditKind.DOUBLE, Edit(WordTag.DELETE), 0.99) for place in said_again]
    assert without_meant(tokens, proposals, is_damaged=False) == ([] if is_meant else proposals)


def test_the_engine_heeds_it() -> None:
    coach = CoachReviser(read_bundle())
    meant = "He had had enough of the noise, so he went home to rest for a while."
    alone, beside = (each.revised.response for each in coach.revise([pair(meant), pair(f"{meant}\n\n{DAMAGED}")]))
    assert alone == meant
    assert beside.endswith(MENDED)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "place", "count"), [("He had had enough of it.", 2, 0), ("He saw the the town.", 3, 1)]
)
def test_limits_are_found_among_edits_that_may_be_made(text: str, place: int, count: int) -> None:
    class Proposing(CoachReviser):
        def propose(self, drafts, pairs):
            doubled = Proposal(place, EditKind.DOUBLE, Edit(WordTag.DELETE), 0.99)
            return [[doubled] if draft.field == "response" else [] for draft in drafts]

    given = [pair(text)]
    assert [each.kind for each in worths(Proposing(read_bundle()), given, given)] == [EditKind.DOUBLE] * count
