"""Two data sets, or one before and after an engine, side by side: Table VII, Table IV's shares, distributions."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from coachlm.desk.categories import PAPER_SHARES, RevisionCategory
from coachlm.pairs import InstructionPair
from coachlm.protocols.revising import Reviser
from coachlm.revision import Outcome
from evaluation.report.provenance import SetDigest, provenance
from evaluation.report.statistics import (
    BIN_EDGES,
    PAPER_INSTRUCTION,
    PAPER_RESPONSE,
    PairEdits,
    SetLengths,
    SetLengthsCounter,
    Statistics,
    StatisticsCounter,
    pair_edits,
)
from evaluation.scorer.scorer import PairScorer
from evaluation.sets.change_categories import CategoryEstimator
from evaluation.sets.matching import Dropped, MaybePair

_SCHEMA = "coachlm-comparison/1"
_EXAMPLES = 3
_ENGINE_PAIRS = 256  # handed to an engine at a time


@dataclass(frozen=True, slots=True)
class Change:
    """A pair before and after, to show."""

    before: InstructionPair
    after: InstructionPair
    edits: PairEdits
    category: RevisionCategory  # estimated


@dataclass(frozen=True, slots=True)
class SetComparison:
    """`before` and `after` hold all pairs of a set; `statistics` and `categories` those that belong together."""

    names: tuple[str, str]
    before: SetLengths
    after: SetLengths
    matched: int
    only_before: int
    only_after: int
    dropped: dict[str, dict[str, int]]  # records before and after that are no pair, by reason
    statistics: Statistics
    categories: dict[RevisionCategory, int]  # estimated, of changed instructions and of changed responses
    scores: (
        dict[str, float] | None
    )  # expert-revision likeness: means before and after, share of pairs that it prefers after
    made_of: dict[str, Any] = field(default_factory=dict)  # both sets by name and digest, version and date
    examples: list[Change] = field(default_factory=list)  # the first few of each category

    def category_shares(self) -> dict[RevisionCategory, float]:
        """Of changed instructions, and of changed responses; 0 where none is."""
        texts = Counter[str]()
        for category, count in self.categories.items():
            texts[_side(category)] += count
        return {each: self.categories.get(each, 0) / max(1, texts[_side(each)]) for each in RevisionCategory}

    def as_dict(self) -> dict[str, Any]:
        """For JSON, without examples; the bins' edges and the paper's figures stand beside the statistics."""
        found = {name: value for name, value in asdict(self).items() if name != "examples"}
        paper = {"instruction_with_input": asdict(PAPER_INSTRUCTION), "response": asdict(PAPER_RESPONSE)}
        shares = {"estimated": self.category_shares(), "paper_table_iv": PAPER_SHARES}
        return {"schema": _SCHEMA, **found, "category_shares": shares, "bin_edges": BIN_EDGES, "paper_table_vii": paper}


def _side(category: RevisionCategory) -> str:
    return category.value.split("_")[0]


def revised_by(
    engine: Reviser, pairs: Iterable[MaybePair], dropped: Dropped
) -> Iterator[tuple[InstructionPair, InstructionPair, Outcome]]:
    """What an engine makes of each pair, a bounded number at a time. Raises: EngineError."""
    waiting = iter(pairs)
    while chunk := list(islice(waiting, _ENGINE_PAIRS)):
        readable = [pair for pair in chunk if isinstance(pair, InstructionPair)]
        dropped.before.update(pair.value for pair in chunk if not isinstance(pair, InstructionPair))
        for pair, revision in zip(readable, engine.revise(readable), strict=True):
            yield pair, revision.revised, revision.outcome


class SetComparer:
    """Takes matched pairs one by one, in memory that does not grow with their number."""

    def __init__(self, estimator: CategoryEstimator, scorer: PairScorer | None = None) -> None:
        self._estimator, self._scorer = estimator, scorer
        self._before, self._after, self._statistics = SetLengthsCounter(), SetLengthsCounter(), StatisticsCounter()
        self._digests = SetDigest(), SetDigest()
        self._categories: Counter[RevisionCategory] = Counter()
        self._only = Counter[str]()
        self._scores = {"before": 0.0, "after": 0.0, "preferred": 0.0}
        self._examples: dict[RevisionCategory, list[Change]] = {}

    def add(
        self, before: InstructionPair | None, after: InstructionPair | None, outcome: Outcome | None = None
    ) -> None:
        """`outcome`: what an engine said; without one, whether any text differs."""
        if before is not None:
            self._before.add(before)
            self._digests[0].add(before)
        if after is not None:
            self._after.add(after)
            self._digests[1].add(after)
        if before is not None and after is not None:
            self._add_both(before, after, outcome)
        else:
            self._only["before" if after is None else "after"] += 1

    def _add_both(self, before: InstructionPair, after: InstructionPair, outcome: Outcome | None) -> None:
        edits = pair_edits(before, after)
        self._statistics.add(edits, outcome or (Outcome.REVISED if edits.changed else Outcome.UNCHANGED))
        found = self._estimator.categories(before, after)
        self._categories.update(found)
        for category in found:
            shown = self._examples.setdefault(category, [])
            if len(shown) < _EXAMPLES:
                shown.append(Change(before, after, edits, category))
        if self._scorer is not None:
            one, other = self._scorer.score([before, after])
            for name, value in (("before", one), ("after", other), ("preferred", float(other > one))):
                self._scores[name] += value

    def result(self, names: tuple[str, str], dropped: Dropped) -> SetComparison:
        statistics = self._statistics.result()
        matched = statistics.all.pairs
        scores = None
        if self._scorer is not None and matched:
            scores = {name: total / matched for name, total in self._scores.items()}
        return SetComparison(
            names=names,
            before=self._before.result(),
            after=self._after.result(),
            matched=matched,
            only_before=self._only["before"],
            only_after=self._only["after"],
            dropped={"before": dict(dropped.before), "after": dict(dropped.after)},
            statistics=statistics,
            categories=dict(self._categories),
            scores=scores,
            made_of=provenance([digest.facts(name) for digest, name in zip(self._digests, names, strict=True)]),
            examples=[change for category in RevisionCategory for change in self._examples.get(category, [])],
        )
