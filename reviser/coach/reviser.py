"""The engine `coach`: the bundled tagger mends prose, and nothing but words, stops, gaps and casing of it.

It keeps its hands off what `reviser.rules.reviser` does: code, links, tables, inputs, other languages, tasks about the
form of a text. What is safe in any language (encoding, white space, loops) is mended as there. A pair that the coach
touches gets the rules' repairs too; one that it is not sure about stays as it is, where the rules would have touched
it.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from coachlm.errors import EngineError
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome, Revision
from reviser.coach.base import Bundle
from reviser.coach.choosing import Draft, allowed
from reviser.coach.tagger import Proposal, Tagger
from reviser.coach.tags import apply_edits
from reviser.coach.vetoes import without_meant
from reviser.coach.words import Kind, split_words
from reviser.pairs.finish import Finisher, Usage, WithFinisher
from reviser.rules.repairs import Prose, drop_doubles, is_english, looks_like_code, mend_casing
from reviser.rules.reviser import differ_in_blanks_alone, is_about_form, mend_safely, repair_words

MAX_CHARS = 40_000  # of a field; longer ones are left as they are


class CoachReviser(WithFinisher):
    """Revises with the bundled coach; see `protocols.revising.Reviser`. What a pair becomes depends on nothing else."""

    def __init__(self, bundle: Bundle, leaked: frozenset[str] = frozenset()) -> None:
        """`leaked`: content hashes of the instructions that its adapter was trained on."""
        self._bundle: Bundle | None = bundle
        self._tagger = Tagger(bundle.network, bundle.lexicon)
        self._finisher = Finisher(engine="coach", adapter=bundle.digest, leaked=leaked)

    def revise(self, pairs: Sequence[InstructionPair]) -> list[Revision]:
        if self._bundle is None:
            raise EngineError("the engine is closed")
        began = time.perf_counter()
        found: list[InstructionPair | Revision] = [self._safely(raw) for raw in pairs]
        drafts = [draft for index, mended in enumerate(found) for draft in self._drafts(index, mended)]
        meant = self.meant(drafts, pairs)
        proposed = [allowed(d, each) for d, each in zip(drafts, self._propose(drafts, meant), strict=True)]
        plain = [
            without_meant(d.words.tokens, each, is_damaged=False) for d, each in zip(drafts, proposed, strict=True)
        ]
        touched = {d.pair for d, each in zip(drafts, plain, strict=True) if self._is_reason(self._bundle, d, each)}
        damaged = {d.pair for d, each in zip(drafts, plain, strict=True) if self._bundle.limits.is_sure_of(each)}
        for draft, every, safe in zip(drafts, proposed, plain, strict=True):
            mended, proposals = found[draft.pair], safe
            if draft.pair in damaged:
                proposals = without_meant(draft.words.tokens, every, is_damaged=True)
            if draft.pair in touched and isinstance(mended, InstructionPair):
                try:
                    text = self._mended(self._bundle, draft, proposals, meant[draft.pair])
                    found[draft.pair] = replace(mended, **{draft.field: text})
                except ValueError:
                    found[draft.pair] = self._failed(pairs[draft.pair])
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
        return self._propose(drafts, self.meant(drafts, pairs))

    def _propose(self, drafts: Sequence[Draft], meant: Mapping[int, frozenset[str]]) -> list[list[Proposal]]:
        return self._tagger.propose([draft.words.tokens for draft in drafts], [meant[draft.pair] for draft in drafts])

    def meant(self, drafts: Sequence[Draft], pairs: Sequence[InstructionPair]) -> dict[int, frozenset[str]]:
        """For each pair the words that come twice: they are meant as they are."""
        counts: dict[int, Counter[str]] = {}
        for draft in drafts:
            words = (token.text.lower() for token in draft.words.tokens if token.kind is Kind.WORD)
            counts.setdefault(draft.pair, Counter(pairs[draft.pair].input.lower().split())).update(words)
        return {pair: frozenset(word for word, times in count.items() if times > 1) for pair, count in counts.items()}

    @staticmethod
    def _is_reason(bundle: Bundle, draft: Draft, proposals: Sequence[Proposal]) -> bool:
        """Whether a field is reason enough to touch its pair: the coach is sure, or a rule that hardly ever errs is."""
        text, speller = draft.prose.text, bundle.lexicon.speller
        if bundle.limits.is_sure_of(proposals) or drop_doubles(text, speller) != text:
            return True
        return draft.field == "response" and mend_casing(text, speller) != text

    @staticmethod
    def _mended(bundle: Bundle, draft: Draft, proposals: Sequence[Proposal], meant: frozenset[str]) -> str:
        """What the coach would make of a field, and then the rules. Raises: ValueError, when a part was dropped."""
        text = apply_edits(draft.words, bundle.limits.edits(draft, proposals))
        return draft.prose.restore(repair_words(text, bundle.lexicon.speller, meant))

    def _safely(self, raw: InstructionPair) -> InstructionPair | Revision:
        if self._finisher.leaks(raw):
            return self._finisher.fallback(raw, Outcome.LEAK_GUARD, "in_training_data")
        try:
            return mend_safely(raw)
        except (ValueError, RecursionError, OverflowError):
            return self._failed(raw)

    def _failed(self, raw: InstructionPair) -> Revision:
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
            return replace(self._failed(raw), prompt_tokens=usage.prompt_tokens, seconds=usage.seconds)
