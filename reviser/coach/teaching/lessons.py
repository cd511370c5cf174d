"""What an expert's revision teaches the coach: see `coachlm.coaching.lessons`."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from coachlm.coaching.lessons import UNKNOWN, Companion, TagLesson
from coachlm.pairs import InstructionPair, content_hash
from reviser.coach.base import Bundle
from reviser.coach.choosing import Draft
from reviser.coach.lexicon import MORE, ROWS, START
from reviser.coach.reviser import CoachReviser
from reviser.coach.tagger import windows_of
from reviser.coach.teaching.alignment import derive_edits
from reviser.coach.teaching.calibration import companion
from reviser.coach.teaching.remedies import Tagged
from reviser.rules.repairs import Prose

LEARNED = "learned"  # the count of changed words that tags can express
NOT_PROSE = "not_prose"  # changed words of fields that the coach doesn't touch: code, other languages, tasks about form


class Teacher:
    """Implements `coachlm.coaching.lessons.TagTeacher` for one coach; its weights play no part."""

    rows = ROWS

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._engine = CoachReviser(bundle)

    def edits(self, raw: InstructionPair, revised: InstructionPair, counts: Counter[str]) -> list[TagLesson]:
        return list(self._edits(raw, revised, counts))

    def kept(self, raw: InstructionPair, revised: InstructionPair) -> list[TagLesson]:
        return list(self._kept(raw, revised))

    def companion(
        self, weights: Mapping[str, np.ndarray], pairs: Sequence[tuple[InstructionPair, InstructionPair]]
    ) -> Companion:
        return companion(self._bundle, weights, pairs)

    def _edits(self, raw: InstructionPair, revised: InstructionPair, counts: Counter[str]) -> Iterator[TagLesson]:
        drafts = self._engine.drafts([raw])
        meant = self._engine.meant(drafts, [raw])
        for draft in drafts:
            there = Prose.of(getattr(revised, draft.field))
            found = derive_edits(draft.prose, draft.words.tokens, there, self._bundle.lexicon, meant[draft.pair])
            counts[LEARNED] += found.learned
            counts.update(found.masked)
            yield from self._cut(raw, draft, found.tagged, meant[draft.pair])
        for field in {"instruction", "response"} - {draft.field for draft in drafts}:
            counts[NOT_PROSE] += _changes(getattr(raw, field), getattr(revised, field))

    def _kept(self, raw: InstructionPair, revised: InstructionPair) -> Iterator[TagLesson]:
        drafts = self._engine.drafts([revised])
        meant = self._engine.meant(drafts, [revised])
        for draft in drafts:
            yield from self._cut(raw, draft, [Tagged(token) for token in draft.words.tokens], meant[draft.pair])

    def _cut(
        self, raw: InstructionPair, draft: Draft, tagged: Sequence[Tagged], meant: frozenset[str]
    ) -> Iterator[TagLesson]:
        """Windows as the tagger reads them."""
        lexicon = self._bundle.lexicon
        seen = lexicon.columns(draft.words.tokens, meant)
        for window in windows_of(0, len(tagged)):
            columns = np.full((6, window.end - window.start + 1), UNKNOWN, dtype=np.int32)
            columns[:2, 0] = (MORE if window.start else START), 0
            for place in range(window.start, window.end):
                columns[:2, 1 + place - window.start] = seen[place]
            for place in range(window.first, window.last):
                each = tagged[place]
                row = lexicon.rows.get(each.meant, UNKNOWN) if each.meant else UNKNOWN
                columns[2:, 1 + place - window.start] = each.word, each.gap, each.case, row
            if (columns[2:5] != UNKNOWN).any():
                yield TagLesson(columns, raw.id, content_hash(raw.instruction))


def _changes(left: str, right: str) -> int:
    """Words that differ; roughly, since they are only counted."""
    one, other = Counter(left.split()), Counter(right.split())
    return max((one - other).total(), (other - one).total())
