"""What a coach made of pairs, as figures: valid, revised, longer or shorter, read as better or worse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coachlm.acceptance.labels import Label, verdict
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome, Revision

_INVALID = frozenset({Outcome.FALLBACK_INVALID, Outcome.FALLBACK_ERROR})


@dataclass(frozen=True, slots=True)
class Made:
    """What one way of revising made of the pairs, in their order."""

    pairs: Sequence[InstructionPair]
    revisions: Sequence[Revision]
    cpu_seconds: float | None = None  # None: not measured by itself

    @property
    def shown(self) -> list[tuple[InstructionPair, Revision]]:
        """Those that people would see revised."""
        both = zip(self.pairs, self.revisions, strict=True)
        return [(raw, revision) for raw, revision in both if revision.outcome is Outcome.REVISED]


def figures(made: Made, labels: Mapping[tuple[str, str], float]) -> dict[str, Any]:
    """`labels` by raw pair and candidate; `read` says of how many of the shown there is one."""
    count, shown = len(made.pairs), made.shown
    read = [labels[raw.id, each.revised.id] for raw, each in shown if (raw.id, each.revised.id) in labels]
    said = [verdict(value) for value in read]
    found: dict[str, Any] = {
        "pairs": count,
        "valid_share": _share(sum(each.outcome not in _INVALID for each in made.revisions), count),
        "revised_share": _share(len(shown), count),
        "instruction_changes": sum(raw.instruction != each.revised.instruction for raw, each in shown),
        "words_before": _mean([len(raw.response.split()) for raw, _ in shown]),
        "words_after": _mean([len(each.revised.response.split()) for _, each in shown]),
        "read": len(said),
        **{label.value: said.count(label) for label in Label},
    }
    if made.cpu_seconds:
        found["pairs_per_cpu_second"] = round(count / made.cpu_seconds, 4)
    return found


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def _mean(values: Sequence[int]) -> float:
    return round(sum(values) / len(values), 1) if values else 0.0
