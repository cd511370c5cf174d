"""The engine `coach`: the bundled tagger mends prose, and nothing but words, stops, gaps and casing of it.

It keeps its hands off what `reviser.rules` does: code, links, tables, inputs, other languages, tasks about the form of
a text. What is safe in any language (encoding, white space, loops) is mended as there.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from coachlm.errors import EngineError
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome, Revision
from reviser.coach.bundle import Bundle
from reviser.coach.tagger import EditKind, Proposal, Tagger
from reviser.coach.tags import NOTHING, CaseTag, Edit, GapTag, WordTag, apply_edits
from reviser.coach.words import Kind, Words, split_words
from reviser.finish import Finisher, Usage
from reviser.repairs import Prose, is_english, looks_like_code, quoted_spans
from reviser.rules import differ_in_blanks_alone, is_about_form, mend_safely

MAX_CHARS = 40_000  # of a field; longer ones are left as they are


@dataclass(frozen=True, slots=True)
class Draft:
    """A field on its way through the tagger."""

    pair: int
    field: str  # `instruction` or `response`
    prose: Prose
    words: Words


class CoachReviser:
    """Revises with the bundled coach; see `coachlm.protocols.Reviser`. What a pair becomes depends on nothing else."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle: Bundle | None = bundle
        self._tagger = Tagger(bundle.network, bundle.lexicon)
        self._finisher = Finisher(engine="coach", adapter=bundle.digest)

    @property
    def name(self) -> str:
        return self._finisher.engine

    @property
    def adapter(self) -> str | None:
        return self._finisher.adapter

    def revise(self, pairs: Sequence[InstructionPair]) -> list[Revision]:
        if self._bundle is None:
            raise EngineError("the engine is closed")
        began = time.perf_counter()
        found: list[InstructionPair | Revision] = [self._safely(raw) for raw in pairs]
        drafts = [draft for index, mended in enumerate(found) for draft in self._drafts(index, mended)]
        for draft, proposals in zip(drafts, self.propose(drafts, pairs), strict=True):
            mended = found[draft.pair]
            if isinstance(mended, InstructionPair):
                text = draft.prose.restore(apply_edits(draft.words, chosen(draft, proposals, self._bundle.limits)))
                found[draft.pair] = replace(mended, **{draft.field: text})
        tokens = Counter(dict.fromkeys(range(len(pairs)), 0))
        for draft in drafts:
            tokens[draft.pair] += len(draft.words.tokens)
        seconds = (time.perf_counter() - began) / max(len(pairs), 1)
        return [
            self._finish(raw, each, Usage(tokens[i], 0, seconds))
            for i, (raw, each) in enumerate(zip(pairs, found, strict=True))
        ]

    def close(self) -> None:
        """Give the memory back; closing twice is fine."""
        self._bundle = None

    def drafts(self, pairs: Sequence[InstructionPair]) -> list[Draft]:
        """The fields that the tagger would be asked about."""
        return [draft for index, raw in enumerate(pairs) for draft in self._drafts(index, self._safely(raw))]

    def propose(self, drafts: Sequence[Draft], pairs: Sequence[InstructionPair]) -> list[list[Proposal]]:
        """What the tagger proposes for each, sure or not."""
        counts: dict[int, Counter[str]] = {}
        for draft in drafts:
            words = (token.text.lower() for token in draft.words.tokens if token.kind is Kind.WORD)
            counts.setdefault(draft.pair, Counter(pairs[draft.pair].input.lower().split())).update(words)
        # A word that comes twice is meant as it is.
        meant = {pair: frozenset(word for word, times in count.items() if times > 1) for pair, count in counts.items()}
        return self._tagger.propose([draft.words.tokens for draft in drafts], [meant[draft.pair] for draft in drafts])

    def _safely(self, raw: InstructionPair) -> InstructionPair | Revision:
        try:
            return mend_safely(raw)
        except (ValueError, RecursionError, OverflowError):
            return self._finisher.fallback(raw, Outcome.FALLBACK_ERROR, "engine_error")

    def _drafts(self, index: int, pair: InstructionPair | Revision) -> Iterable[Draft]:
        if isinstance(pair, Revision) or self._bundle is None or is_about_form(pair.instruction):
            return
        for field, text in (("instruction", pair.instruction), ("response", pair.response)):
            prose = Prose.of(text)
            if (
                len(text) <= MAX_CHARS
                and not looks_like_code(text)
                and is_english(prose.text, self._bundle.lexicon.speller)
            ):
                yield Draft(index, field, prose, split_words(prose.text))

    def _finish(self, raw: InstructionPair, found: InstructionPair | Revision, usage: Usage) -> Revision:
        if isinstance(found, Revision):
            return found
        try:
            return self._finisher.from_pair(raw, raw if differ_in_blanks_alone(raw, found) else found, usage)
        except (ValueError, RecursionError, OverflowError):
            return self._finisher.fallback(raw, Outcome.FALLBACK_ERROR, "engine_error", usage)


def chosen(draft: Draft, proposals: Sequence[Proposal], limits: Mapping[EditKind, float]) -> list[Edit]:
    """An edit a token: of the proposals, those that are sure enough and don't touch short quotations' words."""
    edits = [NOTHING] * len(draft.words.tokens)
    quoted = _quoted(draft) if proposals else frozenset()
    for each in proposals:
        if each.sure < limits.get(each.kind, 2.0) or (each.place in quoted and each.kind is not EditKind.DOUBLE):
            continue
        edits[each.place] = merged(edits[each.place], each.edit)
    return edits


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
