"""What looks like a slip and is mostly meant: `had had`, a possessive, a name, a variable.

The network was trained on damaged text, where nearly every such thing is damage; in clean text nearly none is. So these
are no reason to touch a pair, and most of them are mended only in one that has other slips. Found by reading all that
the network changed in a large clean set.
"""

# See docs/decisions/0143-vetoes-protect-clean-text.md

import re
from collections.abc import Sequence

from reviser.coach.tagger import EditKind, Proposal
from reviser.coach.words import Kind, Token
from reviser.rules.repairs import MEANT_TWICE

_NEVER_LOST = re.compile(
    "am|is|are|was|were|be|been|being|has|have|had|having|do|does|did|can|could|may|might|must|shall|should|will|would|"
    "no|not|never|nor|none|without"
)
"""Verbs that carry a sentence, and what turns its sense around: not deleted on suspicion."""
_AND_AGAIN = frozenset({"and", "by", "after", "upon", "or", "but"})
_REPEATED_WITH_TO = frozenset({"time", "day", "face", "door", "end", "back", "person", "place", "one"})
_APOSTROPHE = re.compile("['’]")
_POSSESSIVE = re.compile("['’]s$")
_FEW = 4  # words of a phrase
_OPERATORS = frozenset("=+−*/^<>×÷≤≥")
_SHORT = 3  # letters of what may be a variable
_NEAR = 2  # tokens
_MENTIONS = re.compile(r"(?:end|begin|start|finish)(?:s|ing)? (?:in|with)|(?:suffix|prefix|letters?|syllables?)")


def without_meant(tokens: Sequence[Token], proposals: Sequence[Proposal], *, is_damaged: bool) -> list[Proposal]:
    """Those that may be made; `is_damaged`: the pair is known to have slips.

    A phrase said twice is judged as one: its second saying goes as a whole, or stays.
    """
    possible = [each for each in proposals if not _is_surely_meant(tokens, each)]
    if is_damaged:
        return possible
    doubled = [each.place for each in possible if each.kind is EditKind.DOUBLE]
    meant = {place for phrase in _runs(doubled) if _is_phrase_meant(tokens, phrase) for place in phrase}
    return [each for each in possible if each.place not in meant and not _is_mostly_meant(tokens, each)]


def _is_surely_meant(tokens: Sequence[Token], proposal: Proposal) -> bool:
    token = tokens[proposal.place]
    match proposal.kind:
        case EditKind.DELETE:
            return _NEVER_LOST.fullmatch(token.text.lower()) is not None
        case EditKind.TYPO | EditKind.WORD:
            loses_apostrophe = (
                _APOSTROPHE.sub("", token.text.lower()) == proposal.edit.text.lower() != token.text.lower()
            )
            return loses_apostrophe or _is_variable(tokens, proposal.place) or _is_mentioned(tokens, proposal.place)
        case EditKind.SPLIT:
            return any(letter.isupper() for letter in token.text[1:]) or _is_tag(tokens, proposal.place)
        case _:
            return False


def _is_mostly_meant(tokens: Sequence[Token], proposal: Proposal) -> bool:
    if proposal.kind not in (EditKind.TYPO, EditKind.WORD):
        return False
    return _POSSESSIVE.search(tokens[proposal.place].text) is not None or _is_name(tokens, proposal)


def _runs(places: Sequence[int]) -> list[range]:
    """Places that follow one another."""
    runs: list[range] = []
    for place in sorted(places):
        if runs and runs[-1].stop == place:
            runs[-1] = range(runs[-1].start, place + 1)
        else:
            runs.append(range(place, place + 1))
    return runs


def _is_phrase_meant(tokens: Sequence[Token], phrase: range) -> bool:
    """Whether a second saying (right after the first, of the same words) belongs there."""
    words = [tokens[place].text.lower() for place in phrase]
    before = tokens[phrase.start - len(phrase) : phrase.start] if phrase.start >= len(phrase) else ()
    if len(words) == 1:
        is_common = MEANT_TWICE.fullmatch(words[0]) is not None
        return is_common or _is_one_name(before, tokens[phrase.start], tokens[phrase.stop : phrase.stop + 1])
    if len(set(words)) == 1:  # for the third time
        return True
    if len(words) <= _FEW and _AND_AGAIN & set(words):  # on and on and on
        return True
    return words[-1] == "to" and words[0] in _REPEATED_WITH_TO  # from time to time to


def _is_one_name(before: Sequence[Token], token: Token, after: Sequence[Token]) -> bool:
    """`Duck Duck Goose`, `Gorilla gorilla`, `eight eight-one`: capitals on both or on a longer word."""
    glued = bool(after) and after[0].text == "-" and not after[0].before
    if glued or not before:
        return glued
    first = before[0].text
    return (first[:1].isupper() and token.text[:1].isupper()) or (first[:1].isupper() and len(first) > _SHORT)


def _is_variable(tokens: Sequence[Token], place: int) -> bool:
    """A short word beside an operator: `an + bn = cn`."""
    if len(tokens[place].text) > _SHORT:
        return False
    near = tokens[max(place - _NEAR, 0) : place + _NEAR + 1]
    return any(token.text in _OPERATORS for token in near)


def _is_mentioned(tokens: Sequence[Token], place: int) -> bool:
    """Letters that are spoken of: `adverbs end in ly`."""
    if len(tokens[place].text) > _SHORT:
        return False
    two = [token.text.lower() for token in tokens[max(place - 2, 0) : place]]
    return any(_MENTIONS.fullmatch(before) is not None for before in (" ".join(two), *two[-1:]))


def _is_name(tokens: Sequence[Token], proposal: Proposal) -> bool:
    """A capital within a sentence, on a word that nobody knows."""
    if proposal.kind is not EditKind.TYPO or not tokens[proposal.place].text[:1].isupper() or not proposal.place:
        return False
    last = tokens[proposal.place - 1]
    return last.kind is Kind.WORD or last.text in (",", ";")


def _is_tag(tokens: Sequence[Token], place: int) -> bool:
    return place > 0 and tokens[place - 1].text in ("#", "@")
