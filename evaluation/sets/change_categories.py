"""Which of Table IV's kinds of change a revision mainly is, told from the words alone.

An estimate: the paper's experts assigned categories by reading. Of the 19 labelled responses that their technical
report prints, 5 come out right; only shares over many revisions can be compared (docs/explanations/evaluation.md). A
pair's own category is a hint, not a finding.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from coachlm.desk.categories import RevisionCategory as Category
from coachlm.pairs import InstructionPair
from coachlm.text.filters.base import word_set

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_NUMBER = re.compile(r"\d[\d.,]*")
_LIST_ITEM = re.compile(r"^[ \t]*(?:[-*•]|\d{1,3}[.)])\s", re.MULTILINE)
_FUNCTION_WORDS = word_set(
    "a an the this that these those of in on at to for from by with as and or but nor so is are was were be been being "
    "am do does did have has had will would can could should may might must it its he she they them his her their you "
    "your we our us i me my there here which who whom whose what when where how if then than not no"
)
_WARM = word_set(
    "please thank thanks sure hope happy glad welcome sorry hello hi dear feel let you your i we great certainly"
)
_STEM = 5  # characters of a word that tell it apart: "rewrite" and "rewriting" are the same content

KEPT_MOST = 0.7
"""Share of the old content words that stand in the new text, from which on it counts as kept."""


@dataclass(frozen=True, slots=True)
class _Change:
    """Content words of both sides, by stems."""

    before: frozenset[str]
    after: frozenset[str]

    @property
    def kept(self) -> float:
        return len(self.before & self.after) / max(1, len(self.before))

    @property
    def added(self) -> frozenset[str]:
        return self.after - self.before

    @property
    def removed(self) -> frozenset[str]:
        return self.before - self.after


class CategoryEstimator:
    """`was_unfit`: whether the raw pair belongs to what the preliminary filter excludes (paper §II-E2)."""

    def __init__(self, was_unfit: Callable[[InstructionPair], bool] = lambda _: False) -> None:
        self._was_unfit = was_unfit

    def categories(self, before: InstructionPair, after: InstructionPair) -> tuple[Category, ...]:
        """At most one of the instruction (its input included) and one of the response; none for an unchanged text."""
        found: list[Category] = []
        if (before.instruction, before.input) != (after.instruction, after.input):
            found.append(_instruction(before, after))
        if before.response != after.response:
            found.append(Category.RESPONSE_OTHER if self._was_unfit(before) else _response(before, after))
        return tuple(found)


def _instruction(before: InstructionPair, after: InstructionPair) -> Category:
    old, new = f"{before.instruction} {before.input}", f"{after.instruction} {after.input}"
    change = _change(old, new)
    if max(len(change.added), len(change.removed)) <= 1:
        return Category.INSTRUCTION_LANGUAGE
    if change.kept >= KEPT_MOST and len(change.added) > len(change.removed) + 1:
        return Category.INSTRUCTION_CONTEXT
    return Category.INSTRUCTION_FEASIBILITY


def _response(before: InstructionPair, after: InstructionPair) -> Category:
    old, new = before.response, after.response
    change = _change(old, new)
    if _only_facts(old, new, change):
        return Category.RESPONSE_FACTS
    if max(len(change.added - _WARM_STEMS), len(change.removed)) <= 3:
        return Category.RESPONSE_LAYOUT_TONE
    grown = len(new.split()) >= 1.3 * len(old.split())
    if grown and (change.kept >= 0.5 or len(change.after) >= 3 * len(change.before)):
        return Category.RESPONSE_EXPANSION
    if _laid_out_anew(old, new) and change.kept >= KEPT_MOST:
        return Category.RESPONSE_LAYOUT_TONE
    return Category.RESPONSE_REWRITE


def _only_facts(old: str, new: str, change: _Change) -> bool:
    """Other numbers in nearly the same words, or a bare answer replaced by another."""
    if not old.strip():
        return False
    numbers = set(_NUMBER.findall(old)), set(_NUMBER.findall(new))
    if numbers[0] and numbers[0] - numbers[1] and len(change.added) <= 6 and len(change.removed) <= 6:
        return bool(numbers[1] - numbers[0])
    bare = len(old.split()) <= 4 and len(new.split()) <= 8
    return bare and not change.before & change.after and bool(change.before)


def _laid_out_anew(old: str, new: str) -> bool:
    return old.count("\n") != new.count("\n") or len(_LIST_ITEM.findall(old)) != len(_LIST_ITEM.findall(new))


def _change(old: str, new: str) -> _Change:
    return _Change(_stems(_WORD.findall(old.lower())), _stems(_WORD.findall(new.lower())))


def _stems(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word[:_STEM] for word in words if word not in _FUNCTION_WORDS)


_WARM_STEMS = _stems(_WARM)
