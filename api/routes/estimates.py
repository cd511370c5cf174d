"""What the coach saves, from the store's sums: as a whole, by group, and as the paper counts."""

from collections.abc import Callable, Sequence

from api.models.estimate import Estimate, GroupBy, PaperAccounting
from coachlm.desk.efficiency import Observation

_GROUPS: dict[GroupBy, Callable[[Observation], str]] = {
    GroupBy.UNIT: lambda one: one.unit or "every class",
    GroupBy.CLASS: lambda one: one.task_class or "none",
    GroupBy.ADAPTER: lambda one: (one.adapter or "none")[:12],
    GroupBy.MONTH: lambda one: f"{one.day:%Y-%m}",
}


def estimates(
    rows: Sequence[Observation], baseline: Sequence[Observation], group_by: GroupBy | None
) -> tuple[Estimate, PaperAccounting | None, dict[str, Estimate]]:
    """`baseline` is what was done before the period."""
    # A statistics library: a second and 60 MB, which a service that nobody asks needn't spend.
    from evaluation.effect.efficiency import estimate_efficiency, estimate_groups
    from evaluation.effect.paper_accounting import paper_accounting

    whole = Estimate.of(estimate_efficiency(rows))
    paper = None if whole.speed is None else paper_accounting(baseline, rows)
    groups = {} if group_by is None else estimate_groups(rows, _GROUPS[group_by])
    return (
        whole,
        None if paper is None else PaperAccounting.model_validate(paper),
        {name: Estimate.of(found) for name, found in groups.items()},
    )
