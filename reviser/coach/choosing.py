"""Which of the proposed edits are made: a pair is touched for a sure one alone, and then for less sure ones too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reviser.coach.tagger import EditKind, Proposal
from reviser.coach.tags import NOTHING, CaseTag, Edit, GapTag, WordTag
from reviser.coach.words import Words
from reviser.rules.repairs import Prose, quoted_spans

NEVER = 2.0  # nothing is ever so sure


@dataclass(frozen=True, slots=True)
class Draft:
    """A field on its way through the tagger."""

    pair: int
    field: str  # `instruction` or `response`
    prose: Prose
    words: Words


@dataclass(frozen=True, slots=True)
class Limits:
    """How sure the coach must be of an edit of each kind."""

    first: Mapping[EditKind, float]  # to touch a pair at all: people have to look at it then
    further: Mapping[EditKind, float]  # once the pair is touched

    def is_sure_of(self, proposals: Sequence[Proposal]) -> bool:
        """Whether one of them is reason enough to touch the pair."""
        return any(each.sure >= self.first.get(each.kind, NEVER) for each in proposals)

    def edits(self, draft: Draft, proposals: Sequence[Proposal]) -> list[Edit]:
        """An edit a token, of a pair that is touched."""
        edits = [NOTHING] * len(draft.words.tokens)
        for each in proposals:
            if each.sure >= min(self.further.get(each.kind, NEVER), self.first.get(each.kind, NEVER)):
                edits[each.place] = merged(edits[each.place], each.edit)
        return edits


def allowed(draft: Draft, proposals: Sequence[Proposal]) -> list[Proposal]:
    """Those that don't touch words of short quotations, which may be wrong on purpose."""
    quoted = _quoted(draft) if proposals else frozenset()
    return [each for each in proposals if each.place not in quoted or each.kind is EditKind.DOUBLE]


def merged(one: Edit, other: Edit) -> Edit:
    """Both edits of one token: they concern its word, gap or casing, so only one of them has a say on each."""
    return Edit(
        word=one.word if one.word is not WordTag.KEEP else other.word,
        gap=one.gap if one.gap != GapTag.KEEP else other.gap,
        case=one.case if one.case is not CaseTag.KEEP else other.case,
        text=one.text or other.text,
    )


def _quoted(draft: Draft) -> frozenset[int]:
    """Places of the tokens within short quotations."""
    spans = quoted_spans(draft.prose.text)
    places: set[int] = set()
    at = span = 0
    for place, token in enumerate(draft.words.tokens if spans else ()):
        start = at + len(token.before)
        at = start + len(token.text)
        while span < len(spans) and spans[span][1] <= start:
            span += 1
        if span < len(spans) and spans[span][0] <= start:
            places.add(place)
    return frozenset(places)
