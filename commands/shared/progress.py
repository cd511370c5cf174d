"""What a run shows while it works: rates, counts per outcome, time left; and the sums it ends with."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from coachlm.instructing import Spending
from coachlm.protocols.intake import IntakeCounts
from coachlm.revision import Revision
from commands.shared.output import people


@dataclass
class RunCounts:
    """What this run added; repeats of what earlier runs committed count nowhere."""

    records: int = 0
    accepted: int = 0
    excluded: int = 0
    exact_duplicates: int = 0
    near_duplicates: int = 0
    rejected: int = 0
    by_reason: Counter[str] = field(default_factory=Counter)
    revisions: Counter[str] = field(default_factory=Counter)
    fallback_reasons: Counter[str] = field(default_factory=Counter)
    estimate: Spending | None = None  # of engines whose requests cost something
    spending: Spending | None = None
    stopped: str = ""  # why a run ended before its work did

    def add_intake(self, counts: IntakeCounts, records: int) -> None:
        self.records += records
        self.accepted += counts.accepted
        self.excluded += counts.excluded
        self.exact_duplicates += counts.exact_duplicates
        self.near_duplicates += counts.near_duplicates
        self.rejected += counts.rejected
        self.by_reason.update(counts.by_reason)

    def add_revisions(self, revisions: Sequence[Revision]) -> None:
        self.revisions.update(str(revision.outcome) for revision in revisions)
        self.fallback_reasons.update(revision.failure for revision in revisions if revision.failure)

    def as_dict(self) -> dict[str, object]:
        return {
            "records": self.records,
            "accepted": self.accepted,
            "excluded": self.excluded,
            "exact_duplicates": self.exact_duplicates,
            "near_duplicates": self.near_duplicates,
            "rejected": self.rejected,
            "reasons": dict(self.by_reason),
            "revisions": dict(self.revisions),
            "fallback_reasons": dict(self.fallback_reasons),
        } | self._costs()

    def _costs(self) -> dict[str, object]:
        if self.spending is None:
            return {}
        estimate = None if self.estimate is None else asdict(self.estimate)
        return {"estimate": estimate, "spending": asdict(self.spending), "stopped": self.stopped or None}

    def intake_line(self) -> str:
        return (
            f"{self.accepted:,} accepted · {self.excluded:,} excluded · "
            f"{self.exact_duplicates + self.near_duplicates:,} duplicate · {self.rejected:,} rejected"
        )

    def spending_line(self) -> str:
        if self.spending is None:
            return ""
        cached = f", {self.spending.from_cache:,} answers were known" if self.spending.from_cache else ""
        return f"{spending_words(self.spending)}{cached}"

    def revision_line(self) -> str:
        revised = self.revisions["revised"]
        unchanged = self.revisions["unchanged"]
        return (
            f"{revised:,} revised · {unchanged:,} unchanged · {self.revisions.total() - revised - unchanged:,} kept raw"
        )


def spending_words(spending: Spending) -> str:
    return (
        f"{spending.requests:,} requests, {spending.prompt_tokens:,} tokens in prompts, "
        f"{spending.output_tokens:,} in answers"
    )


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        items, elapsed = task.fields["items"], task.finished_time or task.elapsed or 0
        return Text(f"{items / elapsed:,.0f} {task.fields['unit']}/s" if elapsed > 0 else "")


@contextmanager
def progress_display(show: bool) -> Iterator[Progress]:
    """A live display on the terminal's error stream; silent where it is not a terminal or not wanted."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        _Rate(),
        TextColumn("{task.fields[line]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=people.console, disable=not (show and people.console.is_terminal)) as progress:
        yield progress
