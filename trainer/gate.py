"""The gate: whether a candidate adapter may take the place of what is in force, judged on held-out approved pairs.

Candidate and reference (the adapter in force, or nobody: the raw pairs) revise the same pairs; each figure is compared
pair by pair, with a bootstrap interval. There are two main figures, and a coach that elaborates well can win both: how
likely it finds the people's own text (where there is a model), and how many words are left for people to touch, moved
stretches counted once. One must be better and the other no worse. What people wrote themselves is held against nobody:
a fact counts as added, an answer as too long, and a guard as alarmed only where the people's final text has or does
nothing of the kind.
"""

# See docs/decisions/0122-gate-on-what-is-left-to-edit.md

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from coachlm.errors import TrainingError
from coachlm.intervals import percentile_interval
from coachlm.pairs import InstructionPair
from coachlm.revision import ADDED_FACTS, FlagKind, Outcome, Revision
from coachlm.settings import Settings
from coachlm.text.distance import pair_distances
from coachlm.text.guards import is_said_in, refusal
from coachlm.text.moves import pair_words_left

_INVALID = frozenset({Outcome.FALLBACK_INVALID, Outcome.FALLBACK_ERROR})
_RESAMPLES = 2000
RAW = "raw"  # judged against the raw pairs: no adapter is in force
BASE = "base"  # against what the base makes of them without an adapter, and against the raw pairs too


@dataclass(frozen=True, slots=True)
class HeldOutPair:
    """An approved pair that no adapter was trained on."""

    raw: InstructionPair
    final: InstructionPair  # the people's text


@dataclass(frozen=True, slots=True)
class Coached:
    """What one side made of the held-out pairs, in their order."""

    revisions: Sequence[Revision]
    nll: Sequence[float] | None = None  # nats per token of the people's text, a pair each; None: not measured
    base_nll: Sequence[float] | None = None  # the same by the base without an adapter


@dataclass(frozen=True, slots=True)
class Margins:
    """How much worse each figure may be at most: the interval's worse end must stay within."""

    nll: float = 0.02  # nats per token
    words: float = 0.05  # of the words that the reference leaves to touch
    invalid: float = 0.02  # share of pairs
    guarded: float = 0.03
    flagged: float = 0.05
    over_expanded: float = 0.02
    smallest_set: int = 50  # fewer held-out pairs decide nothing

    @classmethod
    def from_settings(cls, settings: Settings) -> "Margins":
        return cls(
            nll=settings.gate.nll_margin,
            words=settings.gate.words_margin,
            invalid=settings.gate.invalid_margin,
            guarded=settings.gate.guarded_margin,
            flagged=settings.gate.flagged_margin,
            over_expanded=settings.gate.over_expanded_margin,
            smallest_set=settings.gate.smallest_set,
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """One comparison; all figures are better when smaller."""

    name: str
    candidate: float
    reference: float
    low: float  # 95 % interval of candidate − reference
    high: float
    margin: float | None  # `high` must not exceed it; None: shown alone, it decides nothing
    holds: bool

    @property
    def is_better(self) -> bool:
        return self.high < 0


@dataclass(frozen=True, slots=True)
class GateReport:
    """The decision and what it rests on."""

    passed: bool
    reason: str
    pairs: int
    against: str  # digest of the adapter in force, BASE or RAW
    figures: tuple[Figure, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def judge_candidate(
    pairs: Sequence[HeldOutPair],
    candidate: Coached,
    reference: Coached | None,
    *,
    against: str = RAW,
    margins: Margins | None = None,
    seed: int = 0,
) -> GateReport:
    """Without a `reference` the raw pairs stand in its place; `against` says what it is. The same input gives the same
    report.

    Raises: TrainingError, when a side did not revise exactly the given pairs.
    """
    margins = margins or Margins()
    if len(pairs) < margins.smallest_set:
        reason = f"{len(pairs)} held-out pairs are too few: {margins.smallest_set} are needed to decide anything"
        return GateReport(False, reason, len(pairs), against)
    for side in (candidate, reference):
        _check_side(pairs, side)
    compare = _Comparison(len(pairs), seed)
    words = _words(pairs, reference)
    main = [compare.figure("words_left", _words(pairs, candidate), words, margins.words * float(words.mean()))]
    known = reference.nll if reference is not None else candidate.base_nll
    if candidate.nll is not None and known is not None:
        main.append(compare.figure("nll", np.asarray(candidate.nll), np.asarray(known), margins.nll))
    others = [
        compare.figure(name, _rates(pairs, candidate, test), _rates(pairs, reference, test), margin)
        for name, test, margin in _rate_tests(margins)
    ]
    if against == BASE:
        others.append(compare.figure("words_left_raw", _words(pairs, candidate), _words(pairs, None), 0.0))
    others.append(compare.figure("edit_distance_left", _left(pairs, candidate), _left(pairs, reference), None))
    return _decision(len(pairs), against, main, others)


def _decision(count: int, against: str, main: list[Figure], others: list[Figure]) -> GateReport:
    figures = (*main, *others)
    better = [figure for figure in main if figure.is_better]
    words = main[0]
    if not better or words.low == words.high == 0:  # nobody gains from a coach that writes what is there already
        return GateReport(False, f"not better: {_said(main)}", count, against, figures)
    broken = [figure for figure in figures if not figure.holds]
    if broken:
        worst = ", ".join(f"{one.name} {one.reference:.3g} → {one.candidate:.3g}" for one in broken)
        return GateReport(False, f"better on {_said(better)}, but worse on {worst}", count, against, figures)
    return GateReport(True, f"better on {_said(better)}, nothing else worse", count, against, figures)


def _said(main: list[Figure]) -> str:
    return ", ".join(
        f"{_MAIN[one.name]} {one.reference:.3g} → {one.candidate:.3g} "
        f"(95 % interval of the difference {one.low:+.2g} to {one.high:+.2g})"
        for one in main
    )


_MAIN = {"words_left": "words left to touch a pair", "nll": "nats a token of the people's text"}


class _Comparison:
    """Paired bootstrap: the same resamples for every figure."""

    def __init__(self, count: int, seed: int) -> None:
        self._draws = np.random.default_rng(seed).integers(0, count, size=(_RESAMPLES, count), dtype=np.int32)

    def figure(self, name: str, candidate: np.ndarray, reference: np.ndarray, margin: float | None) -> Figure:
        """`candidate` and `reference`: `(pairs,)`, one value a pair."""
        differences = (candidate - reference).astype(np.float64)
        if not np.isfinite(differences).all():
            unknown = float("nan")
            return Figure(name, float(candidate.mean()), float(reference.mean()), unknown, unknown, margin, False)
        means = np.concatenate([differences[part].mean(axis=1) for part in np.array_split(self._draws, 20)])
        found = percentile_interval(differences.mean(), means)
        holds = margin is None or found.high <= margin
        values = (float(candidate.mean()), float(reference.mean()), found.low, found.high)
        return Figure(name, *values, margin, holds)


def _check_side(pairs: Sequence[HeldOutPair], side: Coached | None) -> None:
    if side is None:
        return
    if [revision.pair_id for revision in side.revisions] != [pair.raw.id for pair in pairs]:
        raise TrainingError("the gate needs a revision of each held-out pair, in their order")
    for figures in (side.nll, side.base_nll):
        if figures is not None and len(figures) != len(pairs):
            raise TrainingError(f"the gate needs one likelihood a held-out pair: {len(figures)} for {len(pairs)}")


def _texts(pairs: Sequence[HeldOutPair], side: Coached | None) -> list[InstructionPair]:
    return [pair.raw for pair in pairs] if side is None else [revision.revised for revision in side.revisions]


def _words(pairs: Sequence[HeldOutPair], side: Coached | None) -> np.ndarray:
    """Words that people still have to touch, `(pairs,)`."""
    texts = zip(_texts(pairs, side), pairs, strict=True)
    return np.asarray([pair_words_left(text, pair.final) for text, pair in texts], dtype=np.float64)


def _left(pairs: Sequence[HeldOutPair], side: Coached | None) -> np.ndarray:
    """Characters that people still have to change, `(pairs,)`."""
    return np.asarray(pair_distances(_texts(pairs, side), [pair.final for pair in pairs]), dtype=np.float64)


def _rate_tests(margins: Margins) -> list[tuple[str, Callable[[Revision, HeldOutPair], bool], float]]:
    return [
        ("invalid_share", lambda revision, _: revision.outcome in _INVALID, margins.invalid),
        ("guarded_share", _is_guarded, margins.guarded),
        ("flagged_share", _has_facts_of_its_own, margins.flagged),
        ("over_expanded_share", _is_over_expanded, margins.over_expanded),
    ]


def _rates(
    pairs: Sequence[HeldOutPair], side: Coached | None, test: Callable[[Revision, HeldOutPair], bool]
) -> np.ndarray:
    """1 where a pair's revision is one of those, `(pairs,)`; raw pairs are none."""
    if side is None:
        return np.zeros(len(pairs))
    found = [test(revision, pair) for revision, pair in zip(side.revisions, pairs, strict=True)]
    return np.asarray(found, dtype=np.float64)


def _is_guarded(revision: Revision, pair: HeldOutPair) -> bool:
    """Whether a guard refused it that lets the people's text pass: where people threw the response away, a coach may
    try the same."""
    return revision.outcome is Outcome.FALLBACK_GUARD and refusal(pair.raw, pair.final) is None


def _has_facts_of_its_own(revision: Revision, pair: HeldOutPair) -> bool:
    """Whether it adds a fact that the people's text does not have."""
    final = pair.final
    said = f"{final.instruction}\n{final.input}\n{final.response}"
    facts = (flag for flag in revision.flags if flag.kind in ADDED_FACTS)
    return any(not is_said_in(flag, said) for flag in facts)


def _is_over_expanded(revision: Revision, pair: HeldOutPair) -> bool:
    """Whether a trivial request got a long answer, and people did not write at least half as much themselves."""
    expanded = any(flag.kind is FlagKind.OVER_EXPANSION for flag in revision.flags)
    return expanded and len(pair.final.response) * 2 < len(revision.revised.response)
