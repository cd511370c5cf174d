"""What an expert did to a text, as tags: the edits that the coach can make become targets, all others are masked.

The two texts are aligned word by word; where they differ, the cheapest way from one to the other is looked for among
the coach's own edits. What none of them can do, and what stands close to it, is a rewrite: nothing is learned there.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, zip_longest

from rapidfuzz.distance import Levenshtein

from coachlm.coaching.lessons import UNKNOWN
from reviser.coach.lexicon import Lexicon
from reviser.coach.tags import INSERTED, GapTag, WordTag
from reviser.coach.teaching.remedies import Tagged, halves, masked, replacement
from reviser.coach.words import MARK, Kind, Token, split_words
from reviser.rules.repairs import Prose

_NEAR = 3  # words that an edit must stand away from a rewrite, or it is a part of it
_MOST_DELETED = 4  # words in a row; more are a passage taken out
_MOST_CELLS = 400  # of a difference (its tokens here times there); a larger one is a rewrite
_MOST_CHANGED = 0.5  # of a text's tokens, or `_FEW` of a short one; beyond, all of it was written anew
_FEW = 6
_WRITTEN_ANEW, _TAKEN, _ADDED, _BLANKS = 3.0, 2.5, 2.5, 0.3  # what masking costs, where an edit costs 1


class Masked(StrEnum):
    """Why a change can't be learned."""

    REWRITTEN = "rewritten"  # other words, or so near to other words that it is a part of their rewriting
    ADDED = "added"  # words that no tag puts in
    REMOVED = "removed"  # a passage, or signs that no tag takes out
    BLANKS = "blanks"  # white space that no tag makes


@dataclass(frozen=True, slots=True)
class Derived:
    """An expert's edits of one text."""

    tagged: tuple[Tagged, ...]  # a token of the raw text each
    learned: int  # changed words and signs that tags can express
    masked: Counter[str]  # those that they can't, by reason; and blanks


def derive_edits(
    raw: Prose, tokens: Sequence[Token], revised: Prose, lexicon: Lexicon, meant: frozenset[str]
) -> Derived:
    """`tokens` are the raw prose's; `meant`: its words (small letters) that are meant as they stand.

    Where nothing was masked, the edits make the revised prose of the raw one, white space at its end excepted.
    """
    there = split_words(revised.text).tokens
    keys, other_keys = _keys(tokens, raw.aside), _keys(there, revised.aside)
    changes = Levenshtein.distance(keys, other_keys)
    if changes > max(_MOST_CHANGED * len(tokens), _FEW):
        return Derived(tuple(map(masked, tokens)), 0, Counter({Masked.REWRITTEN.value: changes}))
    aligner = _Aligner(tokens, there, keys, other_keys, lexicon, meant)
    steps = _isolated(_without_passages(list(aligner.steps())))
    counts: Counter[str] = Counter()
    for step in steps:
        if step.reason is not None:
            counts[step.reason.value] += step.changes
        elif any(each.gap == UNKNOWN for each in step.tagged):
            counts[Masked.BLANKS.value] += 1
    learned = sum(step.changes for step in steps if step.reason is None)
    return Derived(tuple(_tagged(steps)), learned, counts)


@dataclass(frozen=True, slots=True)
class _Step:
    """Some raw tokens (perhaps none) and what becomes of them."""

    tagged: tuple[Tagged, ...]
    changes: int = 0  # words and signs that it changes
    reason: Masked | None = None  # why nothing is learned from it
    masks_gap: bool = False  # of the token after it
    is_rewrite: bool = False  # of words, so that what stands near is a part of it

    def rewritten(self, reason: "Masked") -> "_Step":
        """The same step with nothing to learn from it."""
        return _Step(tuple(masked(each.token) for each in self.tagged), self.changes, reason)


def _keys(tokens: Sequence[Token], aside: Sequence[str]) -> list[str]:
    """What tokens are compared by: marks by what they stand for."""
    spans = iter(aside)
    return [MARK + next(spans, "") if token.text == MARK else token.text for token in tokens]


def _tagged(steps: Sequence[_Step]) -> Iterator[Tagged]:
    masks_gap = False
    for step in steps:
        for each in step.tagged:
            yield Tagged(each.token, each.word, UNKNOWN, each.case, each.meant) if masks_gap else each
            masks_gap = False
        masks_gap = masks_gap or step.masks_gap


def _without_passages(steps: list[_Step]) -> list[_Step]:
    """Long runs of words taken out are no edits of words."""
    found: list[_Step] = []
    for is_deleted, run in groupby(steps, key=lambda step: [each.word for each in step.tagged] == [WordTag.DELETE]):
        group = list(run)
        too_long = is_deleted and len(group) > _MOST_DELETED
        found += [step.rewritten(Masked.REMOVED) for step in group] if too_long else group
    return found


def _isolated(steps: Sequence[_Step]) -> list[_Step]:
    """Edits within reach of a rewrite become a part of it, with what stands between."""
    near = _near(steps) | {len(steps) - 1 - place for place in _near(steps[::-1])}
    return [
        step.rewritten(Masked.REWRITTEN) if place in near and step.reason is None else step
        for place, step in enumerate(steps)
    ]


def _near(steps: Sequence[_Step]) -> set[int]:
    """Places of the changes that follow a rewrite too closely, and of the kept words between."""
    found: set[int] = set()
    passed: list[int] | None = None  # since the last rewrite
    for place, step in enumerate(steps):
        if passed is not None and step.changes:
            found.update(passed, [place])
        if step.is_rewrite:
            passed = []
        elif passed is not None:
            passed.append(place)
            if len(passed) >= _NEAR:
                passed = None
    return found


class _Aligner:
    """Walks through both texts; places are indices of their tokens."""

    def __init__(
        self,
        raw: Sequence[Token],
        revised: Sequence[Token],
        raw_keys: list[str],
        revised_keys: list[str],
        lexicon: Lexicon,
        meant: frozenset[str],
    ) -> None:
        self._raw, self._revised = raw, revised
        self._raw_keys, self._revised_keys = raw_keys, revised_keys
        self._lexicon, self._meant = lexicon, meant

    def steps(self) -> Iterator[_Step]:
        here = there = 0
        for start, end, other, other_end in self._differences():
            yield from self._kept(here, start, there)
            yield from self._difference(start, end, other, other_end)
            here, there = end, other_end
        yield from self._kept(here, len(self._raw), there)

    def _differences(self) -> list[tuple[int, int, int, int]]:
        """Stretches that differ, each with the word behind it, which a stop or word may have been put before."""
        found: list[tuple[int, int, int, int]] = []
        keys = self._raw_keys
        changes = [op for op in Levenshtein.opcodes(keys, self._revised_keys) if op.tag != "equal"]
        for op, following in zip_longest(changes, changes[1:]):
            start, end, other, other_end = op.src_start, op.src_end, op.dest_start, op.dest_end
            limit = following.src_start if following else len(keys)  # of words said twice the second goes
            while op.tag == "delete" and end < limit and keys[start] == keys[end]:
                start, end, other, other_end = start + 1, end + 1, other + 1, other_end + 1
            if end < len(keys) and other_end < len(self._revised):
                end, other_end = end + 1, other_end + 1
            if found and start <= found[-1][1]:
                start, _, other, _ = found.pop()
            found.append((start, end, other, other_end))
        return found

    def _kept(self, start: int, end: int, other: int) -> Iterator[_Step]:
        for here, there in zip(range(start, end), range(other, other + end - start), strict=True):
            yield min(self._moves(here, there), key=lambda move: move[0])[3]

    def _difference(self, start: int, end: int, other: int, other_end: int) -> Iterator[_Step]:
        if (end - start + 1) * (other_end - other + 1) > _MOST_CELLS:
            changes = max(end - start, other_end - other)
            yield _Step(tuple(masked(token) for token in self._raw[start:end]), changes, Masked.REWRITTEN, True, True)
            return
        costs: dict[tuple[int, int], tuple[float, int, int, _Step | None]] = {(end, other_end): (0.0, 0, 0, None)}
        for here in range(end, start - 1, -1):
            for there in range(other_end, other - 1, -1):
                for cost, used, used_there, step in self._moves(here, there):
                    rest = costs.get((here + used, there + used_there))
                    if here + used > end or there + used_there > other_end or rest is None:
                        continue
                    if (here, there) not in costs or cost + rest[0] < costs[here, there][0]:
                        costs[here, there] = (cost + rest[0], used, used_there, step)
        here, there = start, other
        while (here, there) != (end, other_end):
            _, used, used_there, step = costs[here, there]
            assert step is not None
            yield step
            here, there = here + used, there + used_there

    def _moves(self, here: int, there: int) -> Iterator[tuple[float, int, int, _Step]]:
        """(cost, raw tokens and revised tokens that it uses up, the step); cheaper kinds first."""
        token = self._raw[here] if here < len(self._raw) else None
        if token is not None:
            for gap, before, gap_cost in self._gaps(here, there):
                for tagged, used, cost in self._words(here, there + before, gap):
                    yield gap_cost + cost, 1, before + used, _said(tagged, before + (cost > 0))
            if token.kind is Kind.WORD and not token.frozen:
                yield 1.1, 1, 0, _said(Tagged(token, WordTag.DELETE), 1)
                yield from self._joined(here, there)
        yield from self._rewrites(token, self._revised[there] if there < len(self._revised) else None)

    @staticmethod
    def _rewrites(token: Token | None, other: Token | None) -> Iterator[tuple[float, int, int, _Step]]:
        """What no tag can do, which is always possible."""
        is_word, is_other_word = (each is not None and each.kind is Kind.WORD for each in (token, other))
        if token is not None and other is not None:
            step = _Step((masked(token),), 1, Masked.REWRITTEN, is_rewrite=is_word or is_other_word)
            yield _WRITTEN_ANEW, 1, 1, step
        if token is not None:
            yield _TAKEN, 1, 0, _Step((masked(token),), 1, Masked.REMOVED, is_rewrite=is_word)
        if other is not None:
            yield _ADDED, 0, 1, _Step((), 1, Masked.ADDED, masks_gap=True, is_rewrite=is_other_word)

    def _gaps(self, here: int, there: int) -> Iterator[tuple[int, int, float]]:
        """(tag, revised tokens that it puts in, cost) of the gap before a raw token."""
        token, others = self._raw[here], self._revised[there : there + 2]
        if not others:
            return
        is_open = here > 0 and not token.frozen and token.kind is not Kind.LINE
        if token.before == others[0].before:
            yield GapTag.KEEP, 0, 0.0
        elif is_open and not (token.before and others[0].before):
            yield (GapTag.BLANK if others[0].before == " " else GapTag.CLOSE if token.before else UNKNOWN), 0, 1.0
        else:
            yield UNKNOWN, 0, _BLANKS
        if not is_open or len(others) < 2:
            return
        space = token.before or " "
        stop = {",": GapTag.COMMA, ".": GapTag.STOP}.get(others[0].text)
        if stop and not others[0].before and others[1].before == space and self._raw[here - 1].kind is Kind.WORD:
            yield stop, 1, 1.0
        if others[0].text in INSERTED and others[0].before == space and others[1].before == " ":
            yield GapTag.INSERT + INSERTED.index(others[0].text), 1, 1.0

    def _words(self, here: int, there: int, gap: int) -> Iterator[tuple[Tagged, int, float]]:
        """(the token tagged, revised tokens that it becomes, cost)."""
        if there >= len(self._revised):
            return
        token, other = self._raw[here], self._revised[there]
        if self._raw_keys[here] == self._revised_keys[there]:
            yield Tagged(token, gap=gap), 1, 0.0
        elif token.kind is Kind.WORD and not token.frozen:
            found = replacement(self._lexicon, token, other.text, self._meant) if other.kind is Kind.WORD else None
            if found is not None:
                yield Tagged(token, found.word, gap, found.case, found.meant), 1, 1.0
            elif split := self._split(token, there):
                yield Tagged(token, split[0], gap), split[1], 1.0

    def _split(self, token: Token, there: int) -> tuple[WordTag, int] | None:
        """The tag and how many revised tokens it makes, where the word is two that ran together."""
        if (parts := halves(self._lexicon, token)) is None:
            return None
        ahead = self._revised[there : there + 3]
        texts, blanks = [each.text for each in ahead], [each.before for each in ahead[1:]]
        if texts[:2] == list(parts) and blanks[:1] == [" "]:
            return WordTag.SPLIT, 2
        stop = {",": WordTag.SPLIT_COMMA, ".": WordTag.SPLIT_STOP}.get(texts[1]) if len(texts) == 3 else None
        return (stop, 3) if stop and (texts[0], texts[2]) == parts and blanks == ["", " "] else None

    def _joined(self, here: int, there: int) -> Iterator[tuple[float, int, int, _Step]]:
        """Two halves of one word."""
        pair, ahead = self._raw[here : here + 2], self._revised[there : there + 1]
        if len(pair) < 2 or not ahead or pair[1].kind is not Kind.WORD or pair[1].frozen or not pair[1].before:
            return
        if pair[0].text + pair[1].text == ahead[0].text and pair[0].before == ahead[0].before:
            yield 1.0, 2, 1, _Step((Tagged(pair[0]), Tagged(pair[1], gap=GapTag.CLOSE)), 1)


def _said(tagged: Tagged, changes: int) -> _Step:
    """A step that tags express, its white space perhaps excepted."""
    return _Step((tagged,), changes + (tagged.gap in (GapTag.CLOSE, GapTag.BLANK)))
