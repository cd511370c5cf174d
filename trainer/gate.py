"""The gate: whether a candidate adapter may take the place of what is in force, judged on held-out approved pairs.

Candidate and reference (the adapter in force, or nobody: the raw pairs) revise the same pairs; each figure is compared
pair by pair, with a bootstrap interval. The main figure is what is left for people to do: the character edit distance
from the coach's output to their final text.
"""

# See docs/decisions/0122-gate-on-what-is-left-to-edit.md

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from coachlm.errors import TrainingError
from coachlm.pairs import InstructionPair
from coachlm.revision import FlagKind, Outcome, Revision
from coachlm.text.distance import pair_distances

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


@dataclass(frozen=True, slots=True)
class Margins:
    """How much worse each figure may be at most: the interval's worse end must stay within."""

    nll: float = 0.02  # nats per token
    invalid: float = 0.02  # share of pairs
    guarded: float = 0.03
    flagged: float = 0.05
    over_expanded: float = 0.02
    smallest_set: int = 50  # fewer held-out pairs decide nothing


@dataclass(frozen=True, slots=True)
class Figure:
    """One comparison; all figures are better when smaller."""

    name: str
    candidate: float
    reference: float
    low: float  # 95 % interval of candidate − reference
    high: float
    margin: float  # `high` must not exceed it
    holds: bool


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
    left = compare.figure("edit_distance_left", _left(pairs, candidate), _left(pairs, reference), 0.0)
    others = [
        compare.figure(name, _rates(pairs, candidate, test), _rates(pairs, reference, test), margin)
        for name, test, margin in _rate_tests(margins)
    ]
    if against == BASE:
        others.append(compare.figure("edit_distance_left_raw", _left(pairs, candidate), _left(pairs, None), 0.0))
    if candidate.nll is not None and reference is not None and reference.nll is not None:
        others.append(compare.figure("nll", np.asarray(candidate.nll), np.asarray(reference.nll), margins.nll))
    return _decision(len(pairs), against, left, others)


def _decision(count: int, against: str, left: Figure, others: list[Figure]) -> GateReport:
    figures = (left, *others)
    broken = [figure for figure in others if not figure.holds]
    gain = left.reference - left.candidate
    if left.high >= 0:
        reason = (
            f"not better: {left.candidate:.1f} characters left to edit a pair against {left.reference:.1f} "
            f"(95 % interval of the difference {left.low:+.1f} to {left.high:+.1f})"
        )
        return GateReport(False, reason, count, against, figures)
    if broken:
        worst = ", ".join(f"{one.name} {one.reference:.3g} → {one.candidate:.3g}" for one in broken)
        return GateReport(
            False, f"better by {gain:.1f} characters a pair, but worse on {worst}", count, against, figures
        )
    share = gain / left.reference if left.reference else 0.0
    reason = f"{gain:.1f} characters a pair less to edit ({share:.0%}), nothing else worse"
    return GateReport(True, reason, count, against, figures)


class _Comparison:
    """Paired bootstrap: the same resamples for every figure."""

    def __init__(self, count: int, seed: int) -> None:
        self._draws = np.random.default_rng(seed).integers(0, count, size=(_RESAMPLES, count), dtype=np.int32)

    def figure(self, name: str, candidate: np.ndarray, reference: np.ndarray, margin: float) -> Figure:
        """`candidate` and `reference`: `(pairs,)`, one value a pair."""
        differences = (candidate - reference).astype(np.float64)
        if not np.isfinite(differences).all():
            return Figure(
                name, float(candidate.mean()), float(reference.mean()), float("nan"), float("nan"), margin, False
            )
        means = np.concatenate([differences[part].mean(axis=1) for part in np.array_split(self._draws, 20)])
        low, high = (float(value) for value in np.quantile(means, (0.025, 0.975)))
        return Figure(name, float(candidate.mean()), float(reference.mean()), low, high, margin, high <= margin)


def _check_side(pairs: Sequence[HeldOutPair], side: Coached | None) -> None:
    if side is None:
        return
    if [revision.pair_id for revision in side.revisions] != [pair.raw.id for pair in pairs]:
        raise TrainingError("the gate needs a revision of each held-out pair, in their order")
    if side.nll is not None and len(side.nll) != len(pairs):
        raise TrainingError(f"the gate needs one likelihood a held-out pair: {len(side.nll)} for {len(pairs)}")


def _left(pairs: Sequence[HeldOutPair], side: Coached | None) -> np.ndarray:
    """Characters that people still have to change, `(pairs,)`."""
    revised = [pair.raw for pair in pairs] if side is None else [revision.revised for revision in side.revisions]
    return np.asarray(pair_distances(revised, [pair.final for pair in pairs]), dtype=np.float64)


def _rate_tests(margins: Margins) -> list[tuple[str, Callable[[Revision], bool], float]]:
    return [
        ("invalid_share", lambda revision: revision.outcome in _INVALID, margins.invalid),
        ("guarded_share", lambda revision: revision.outcome is Outcome.FALLBACK_GUARD, margins.guarded),
        ("flagged_share", _has_added_facts, margins.flagged),
        ("over_expanded_share", _is_over_expanded, margins.over_expanded),
    ]


def _rates(pairs: Sequence[HeldOutPair], side: Coached | None, test: Callable[[Revision], bool]) -> np.ndarray:
    """1 where a pair's revision is one of those, `(pairs,)`; raw pairs are none."""
    if side is None:
        return np.zeros(len(pairs))
    return np.asarray([test(revision) for revision in side.revisions], dtype=np.float64)


def _has_added_facts(revision: Revision) -> bool:
    return any(flag.kind is not FlagKind.OVER_EXPANSION for flag in revision.flags)


def _is_over_expanded(revision: Revision) -> bool:
    return any(flag.kind is FlagKind.OVER_EXPANSION for flag in revision.flags)
