"""How far a judge agrees with people, in the figures that PandaLM reports."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.judges.judging import Verdict

_Pairs = Counter[tuple[Verdict, Verdict | None]]


@dataclass(frozen=True, slots=True)
class ClassAgreement:
    """Of one verdict: how often people gave it, and the judge's precision, recall and F1 on it."""

    people: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Precision, recall and F1 are means over the three verdicts (macro), 0 for one that never occurs.

    An answer that gave no verdict (`failed`) is wrong: it lowers accuracy and recall and is in no precision.
    """

    comparisons: int
    failed: int
    accuracy: float
    precision: float
    recall: float
    f1: float
    by_verdict: dict[Verdict, ClassAgreement]


def majority(labels: Sequence[Verdict]) -> Verdict | None:
    """What most people said; None when there is no single such verdict."""
    ranked = Counter(labels).most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return None
    return ranked[0][0]


def agreement(judged: Sequence[Verdict | None], people: Sequence[Verdict | None]) -> Agreement:
    """Both in the same order; what people did not agree on is left out.

    Raises: ValueError, when one is longer.
    """
    pairs = Counter((true, found) for true, found in zip(people, judged, strict=True) if true is not None)
    by_verdict = {verdict: _class_agreement(verdict, pairs) for verdict in Verdict}
    count = pairs.total()
    return Agreement(
        comparisons=count,
        failed=sum(times for (_, found), times in pairs.items() if found is None),
        accuracy=sum(pairs[verdict, verdict] for verdict in Verdict) / max(1, count),
        precision=sum(each.precision for each in by_verdict.values()) / len(Verdict),
        recall=sum(each.recall for each in by_verdict.values()) / len(Verdict),
        f1=sum(each.f1 for each in by_verdict.values()) / len(Verdict),
        by_verdict=by_verdict,
    )


def _class_agreement(verdict: Verdict, pairs: _Pairs) -> ClassAgreement:
    right = pairs[verdict, verdict]
    said = sum(count for (_, judged), count in pairs.items() if judged is verdict)
    people = sum(count for (true, _), count in pairs.items() if true is verdict)
    return ClassAgreement(
        people=people,
        precision=right / max(1, said),
        recall=right / max(1, people),
        f1=2 * right / max(1, said + people),
    )
