"""What the report's page shows, put into words and figures for its template; logged text stays text throughout."""

from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from coachlm import __version__
from coachlm.desk.dataset import DatasetRow, FlowCounts
from coachlm.pairs import InstructionPair
from coachlm.revision import Field, Outcome
from coachlm.status import Status
from coachlm.text.distance import DiffOp, word_diff
from evaluation.report.examples import Example, ExampleGroup
from evaluation.report.flow_chart import Stages, draw_flow
from evaluation.report.plots import plot_distances, plot_lengths
from evaluation.report.statistics import (
    PAPER_INSTRUCTION,
    PAPER_RESPONSE,
    GroupStatistics,
    PaperFigures,
    Statistics,
    TextStatistics,
    text_of,
)

_LONGEST_TEXT = 12_000  # characters of a text that are compared
_LONGEST_SHOWN = 4_000  # characters of a comparison that are shown
# Control characters as the pictures that Unicode has of them.
_CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {127: 0x2421}


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure at the head of the page."""

    figure: str
    label: str
    remark: str


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of Table VII as the page shows it: average words and word edits, share of pairs changed."""

    label: str
    before: float
    after: float
    distance: float
    share_changed: float | None
    is_paper: bool = False


@dataclass(frozen=True, slots=True)
class ShownText:
    """One text of a pair, as pieces; `omitted` characters at its end are left out."""

    label: str
    ops: tuple[DiffOp, ...]
    omitted: int


@dataclass(frozen=True, slots=True)
class ShownExample:
    """A pair as the page shows it."""

    row: DatasetRow
    notes: tuple[str, ...]
    texts: tuple[ShownText, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next: a command and what it is for."""

    command: str
    purpose: str


def render_page(
    title: str,
    created_at: str,
    counts: FlowCounts,
    stages: Stages,
    statistics: Statistics,
    examples: Mapping[ExampleGroup, list[Example]],
) -> str:
    return (
        page_environment()
        .get_template("report.html")
        .render(
            title=title,
            created_at=created_at,
            version=__version__,
            counts=counts,
            tiles=_tiles(counts, statistics),
            flow=draw_flow(counts, stages),
            reasons=_reason_tables(counts),
            statistics=statistics,
            table=table_vii(statistics.all),
            plots=change_plots(statistics.all),
            examples={group.value: [_show(example) for example in kept] for group, kept in examples.items()},
            steps=_next_steps(counts),
        )
    )


def page_environment() -> Environment:
    """Templates of this room; texts are escaped, control characters shown."""
    environment = Environment(
        loader=PackageLoader("evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value.translate(_CONTROLS) if isinstance(value, str) else value,
    )
    environment.filters |= {
        "number": lambda value: f"{value:,}",
        "mean": lambda value: f"{value:,.1f}",
        "percent": lambda share: f"{100 * share:.1f} %",
        "plain": lambda name: name.replace("_", " "),
        "by_count": lambda counts: sorted(counts.items(), key=lambda item: (-item[1], item[0])),
    }
    return environment


def _tiles(counts: FlowCounts, statistics: Statistics) -> list[Tile]:
    excluded, near = (counts.by_status.get(status.value, 0) for status in (Status.EXCLUDED, Status.DUPLICATE))
    rejected = sum(counts.rejects_by_reason.values())
    revised = statistics.by_outcome[Outcome.REVISED].pairs if Outcome.REVISED in statistics.by_outcome else 0
    share = f"{revised / statistics.all.pairs:.0%} of the pairs it saw" if statistics.all.pairs else "not run yet"
    return [
        Tile(f"{counts.occurrences:,}", "pairs parsed", f"{rejected:,} records rejected"),
        Tile(f"{counts.pairs - excluded - near:,}", "pairs kept", "for the data set"),
        Tile(f"{excluded:,}", "excluded", "stored with their reason"),
        Tile(f"{counts.exact_duplicates + near:,}", "copies", f"{counts.exact_duplicates:,} exact, {near:,} near"),
        Tile(f"{revised:,}", "revised", share),
        Tile(f"{sum(counts.redactions_by_kind.values()):,}", "personal data", "replaced by placeholders"),
    ]


def _reason_tables(counts: FlowCounts) -> dict[str, Mapping[str, int]]:
    """Heading → counts; the template leaves empty ones out."""
    return {
        "records rejected": counts.rejects_by_reason,
        "pairs excluded": counts.excluded_by_reason,
        "revisions by outcome": counts.revisions_by_outcome,
        "fell back to raw because": counts.fallbacks_by_reason,
        "flagged for checking": counts.flags_by_kind,
        "task classes": counts.by_class,
        "personal data replaced": counts.redactions_by_kind,
        "log formats, pairs": counts.occurrences_by_format,
    }


def table_vii(group: GroupStatistics) -> list[TableRow]:
    instruction, input, response = (group.texts[field] for field in (Field.INSTRUCTION, Field.INPUT, Field.RESPONSE))
    return [
        _row("instruction", instruction),
        _row("input", input),
        TableRow(
            "instruction with input",
            instruction.before.mean + input.before.mean,
            instruction.after.mean + input.after.mean,
            instruction.distance.mean + input.distance.mean,
            None,
        ),
        _paper_row("the paper's INSTRUCTION", PAPER_INSTRUCTION),
        _row("response", response),
        _paper_row("the paper's RESPONSE", PAPER_RESPONSE),
    ]


def _row(label: str, text: TextStatistics) -> TableRow:
    return TableRow(label, text.before.mean, text.after.mean, text.distance.mean, text.share_changed)


def _paper_row(label: str, paper: PaperFigures) -> TableRow:
    return TableRow(label, paper.words_before, paper.words_after, paper.distance, None, is_paper=True)


def change_plots(group: GroupStatistics) -> list[str]:
    if not group.pairs:
        return []
    instruction, response = group.texts[Field.INSTRUCTION], group.texts[Field.RESPONSE]
    return [
        plot_lengths("Length of instructions", instruction.before, instruction.after),
        plot_lengths("Length of responses", response.before, response.after),
        plot_distances("Word edits in instructions", instruction.distance),
        plot_distances("Word edits in responses", response.distance),
    ]


def _show(example: Example) -> ShownExample:
    row, revision = example.row, example.row.revision
    after = revision.revised if revision is not None else row.raw
    texts = (show_text(field, row.raw, after) for field in Field)
    return ShownExample(row, tuple(_notes(example)), tuple(text for text in texts if text.ops))


def _notes(example: Example) -> list[str]:
    row, revision = example.row, example.row.revision
    notes = [row.provenance.format, row.task_class or "", row.exclude_reason or ""]
    if row.duplicate_of:
        notes.append(f"near copy of {row.duplicate_of}")
    if revision is not None:
        notes += [revision.outcome, revision.reason or "", f"{example.distance:,} word edits"]
        notes += [f"check {flag.kind}: {flag.text[:60]}" for flag in revision.flags[:6]]
    return [note for note in notes if note]


def show_text(field: Field, before: InstructionPair, after: InstructionPair) -> ShownText:
    old, new = text_of(before, field), text_of(after, field)
    omitted = max(0, max(len(old), len(new)) - _LONGEST_TEXT)
    shown: list[DiffOp] = []
    room = _LONGEST_SHOWN
    for op in word_diff(old[:_LONGEST_TEXT], new[:_LONGEST_TEXT]):
        if room > 0:
            shown.append(DiffOp(op.kind, op.text[:room]))
        omitted += max(0, len(op.text) - max(0, room))
        room -= len(op.text)
    return ShownText(field.value, tuple(shown), omitted)


def _next_steps(counts: FlowCounts) -> list[Step]:
    steps = []
    if counts.by_status.get(Status.ACCEPTED.value):
        steps.append(Step("coachlm revise", "let the coach revise the pairs that wait for it"))
    if counts.by_status.get(Status.REVISED.value):
        steps.append(Step("coachlm queue next --person YOUR_NAME", "post-edit the next pair that the coach has seen"))
    if counts.by_status.get(Status.EXCLUDED.value):
        steps.append(Step("coachlm stats", "see every reason why records were rejected and pairs excluded"))
    steps.append(Step("coachlm export FOLDER", "write the data set with its manifest and data card"))
    return steps
