"""What a token should become, as the tags that the coach learns from: found from a wrong word and the right one."""

from dataclasses import dataclass

from coachlm.coaching.lessons import UNKNOWN
from reviser.coach.lexicon import ENGLISH, Lexicon
from reviser.coach.tags import CaseTag, Edit, GapTag, WordTag, like
from reviser.coach.words import Kind, Token


@dataclass(frozen=True, slots=True)
class Tagged:
    """A token, perhaps wrong, and its remedy; `meant`: the word (lower case) to put in its place."""

    token: Token
    word: int = WordTag.KEEP
    gap: int = GapTag.KEEP
    case: int = CaseTag.KEEP
    meant: str = ""

    @property
    def is_kept(self) -> bool:
        return not (self.word or self.gap or self.case)


def masked(token: Token) -> Tagged:
    """A token of which nothing is to be learned."""
    return Tagged(token, UNKNOWN, UNKNOWN, UNKNOWN)


def replacement(lexicon: Lexicon, wrong: Token, right: str, meant: frozenset[str] = frozenset()) -> Tagged | None:
    """The tags that put the word `right` in place of the word `wrong`; None when there are none.

    Unknown words of `meant` (small letters) are names, which the coach leaves alone.
    """
    if wrong.text == right:
        return Tagged(wrong)
    typed, wanted = wrong.text.lower(), right.lower()
    if typed == wanted:
        case = case_between(wrong.text, right)
        return None if case is None else Tagged(wrong, case=case)
    case = case_between(like(wrong.text, wanted), right)
    candidates = lexicon.candidates(typed)
    if case is None or wanted not in (*candidates, *lexicon.kin(typed)):
        return None
    reading = lexicon.read(typed)
    if reading.known > ENGLISH and typed in meant:
        return None
    if reading.known and next(iter(candidates), "") == wanted:
        return Tagged(wrong, WordTag.NEAREST, case=case, meant=wanted)
    return Tagged(wrong, WordTag.CHOSEN, case=case, meant=wanted) if wanted in lexicon.rows else None


def case_between(mended: str, clean: str) -> CaseTag | None:
    """The tag that makes `clean` of `mended`; None when there is none."""
    if mended == clean:
        return CaseTag.KEEP
    if mended[:1].upper() + mended[1:] == clean:
        return CaseTag.UPPER
    return CaseTag.LOWER if mended[:1].lower() + mended[1:] == clean else None


def halves(lexicon: Lexicon, token: Token) -> tuple[str, str] | None:
    """The two words that a SPLIT makes of this one; None when it makes none."""
    cut = lexicon.read(token.text.lower()).split.find(" ") if token.kind is Kind.WORD else 0
    return (token.text[:cut], token.text[cut:]) if cut > 0 else None


def edit_of(tagged: Tagged, lexicon: Lexicon) -> Edit:
    """What the tags do to the token; where nothing was to be learned, nothing."""
    if UNKNOWN in (tagged.word, tagged.case):
        return Edit(gap=0 if tagged.gap == UNKNOWN else tagged.gap)
    text = tagged.meant
    if tagged.word >= WordTag.SPLIT:
        text = " ".join(halves(lexicon, tagged.token) or ())
    gap = GapTag.KEEP if tagged.gap == UNKNOWN else tagged.gap
    return Edit(WordTag(tagged.word), gap, CaseTag(tagged.case), text)
