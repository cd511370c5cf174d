"""`evaluate judge`: two sets of responses compared by judges, both ways round."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from assembly.data_sets import json_line, lines_writer, pairs_only, public_folder
from assembly.judges import check_judges, named_judges
from coachlm.desk.dataset import TextChoice
from coachlm.errors import InputError
from commands.evaluate.judge_options import (
    agree_to,
    estimate_comparisons,
    estimate_line,
    failure_line,
    judge_settings,
    say_worth,
    server_options,
    spending_line,
)
from commands.shared.output import answering_errors, emit_json, json_option, people, results
from commands.shared.progress import progress_display

if TYPE_CHECKING:
    from coachlm.intervals import Interval
    from evaluation.judges.judging import Comparison, Judge
    from evaluation.judges.run import Judged, JudgedSet

_text = click.Choice([choice.value for choice in TextChoice])


@click.command()
@click.argument("candidate")
@click.argument("reference")
@click.option(
    "--judge",
    "names",
    multiple=True,
    help="server, model:FOLDER, likeness, likeness-length-free or longer; no default; may be repeated.",
)
@click.option("--match", "matching", type=click.Choice(["request", "rows"]), default="request", show_default=True)
@click.option(
    "--text-candidate",
    type=_text,
    default="final",
    show_default=True,
    help="Which text to read if CANDIDATE is a database.",
)
@click.option(
    "--text-reference",
    type=_text,
    default="raw",
    show_default=True,
    help="Which text to read if REFERENCE is a database.",
)
@click.option("--limit", type=click.IntRange(min=1), help="At most this many comparisons.")
@click.option("--seed", default=0, show_default=True, help="Seed of the bootstrap.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write every verdict to this file (JSON lines)."
)
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Also write a page.")
@server_options
@json_option
@answering_errors
def judge(
    candidate: str,
    reference: str,
    names: tuple[str, ...],
    output: Path | None,
    html: Path | None,
    as_json: bool,
    *,
    seed: int,
    yes: bool,
    only_estimate: bool,
    **options: Any,
) -> None:
    """Compare the responses of two models to the same requests.

    Of CANDIDATE and REFERENCE: WR1, WR2, QS, and the judges' biases.

    REFERENCE is a data set or a registered test set (coachlm evaluate sets). Each comparison is judged both ways round
    and merged by the paper's rules; what failed either way is counted and in no rate.
    """
    settings = judge_settings(options)
    check_judges(names, settings)
    say_worth(names, as_json=as_json)
    comparisons, left_out = _comparisons(candidate, reference, options)
    with named_judges(names, settings) as judges:
        expected = estimate_comparisons(judges, comparisons)
        if expected is not None:
            if only_estimate:
                emit_json(asdict(expected)) if as_json else results().print(estimate_line(expected))
                return
            agree_to(expected, yes=yes, as_json=as_json)
        judged = {each.name: _judged(each, comparisons, show=not as_json) for each in judges}
        spending = {each.name: spent for each in judges if (spent := getattr(each, "spending", None)) is not None}
    found = _sets(comparisons, judged, seed)
    _keep(output, comparisons, judged)
    answer = _answer(found, judged, left_out) | {"spending": {name: asdict(s) for name, s in spending.items()}}
    if html is not None:
        _write_page(found, answer, html)
    if as_json:
        emit_json(answer)
    else:
        _show(found, answer)
        for name, spent in spending.items():
            people.print(f"{name}: {spending_line(spent)}", markup=False)
    if not all(each.complete for each in found):
        people.print("not all could be asked; run the same command again to continue where it stopped")
        raise SystemExit(1)


def _comparisons(candidate: str, reference: str, options: dict[str, Any]) -> "tuple[list[Comparison], dict[str, int]]":
    """Comparisons, and what stands in one set alone."""
    from evaluation.judges.judging import Comparison
    from evaluation.sets.matching import Dropped, Matching, match_pairs
    from evaluation.sets.registry import TEST_SETS
    from evaluation.sets.test_sets import load_test_set

    answers = pairs_only(candidate, TextChoice(options["text_candidate"]))
    if reference in TEST_SETS:
        expected = load_test_set(reference, public_folder())
    else:
        expected = pairs_only(reference, TextChoice(options["text_reference"]))
    found: list[Comparison] = []
    alone = {"candidate": 0, "reference": 0}
    for one, other in match_pairs(answers, expected, Matching(options["matching"]), Dropped()):
        if one is not None and other is not None:
            found.append(Comparison(one.instruction, one.input, one.response, other.response))
        else:
            alone["reference" if one is None else "candidate"] += 1
    if not found:
        raise InputError(f"{candidate} and {reference} have no request in common; --match rows goes by rows instead")
    return found[: options["limit"]], alone


def _judged(judge: "Judge", comparisons: "list[Comparison]", *, show: bool) -> "Judged":
    from evaluation.judges.run import judge_all

    with progress_display(show) as display:
        task = display.add_task("judge", total=len(comparisons), items=0, unit="comparisons", line=judge.name)
        return judge_all(judge, comparisons, lambda count: display.advance(task, count))


def _sets(comparisons: "list[Comparison]", judged: "dict[str, Judged]", seed: int) -> "list[JudgedSet]":
    from evaluation.judges.run import judged_set

    return [judged_set(name, comparisons, each, seed=seed) for name, each in judged.items()]


def _keep(output: Path | None, comparisons: "list[Comparison]", judged: "dict[str, Judged]") -> None:
    with lines_writer(output) as write:
        for number, comparison in enumerate(comparisons):
            both = {name: each.judgements[number] for name, each in judged.items()}
            verdicts = {name: asdict(each) | {"merged": each.merged} for name, each in both.items()}
            write(json_line({**asdict(comparison), "verdicts": verdicts}))


def _answer(found: "list[JudgedSet]", judged: "dict[str, Judged]", left_out: dict[str, int]) -> dict[str, Any]:
    from evaluation.judges.run import judges_agree

    return {
        "judges": [asdict(each) for each in found],
        "judges_agree": judges_agree(judged),
        "in_one_set_only": left_out,
    }


COLUMNS = (
    "judge",
    "wins",
    "ties",
    "losses",
    "failed",
    "WR1",
    "WR2",
    "QS",
    "consistent",
    "first favoured",
    "longer won",
)


def rates_row(each: "JudgedSet") -> list[str]:
    rates, position = each.rates, each.position
    counts = (rates.wins, rates.ties, rates.losses, rates.failed)
    shares = (rates.wr1, rates.wr2, rates.qs)
    consistent = f"{position.consistent / position.comparisons:.1%}" if position.comparisons else "–"
    return [
        each.judge,
        *(f"{count:,}" for count in counts),
        *map(interval, shares),
        consistent,
        interval(position.first_share),
        interval(each.length.longer_share),
    ]


def interval(found: "Interval | None") -> str:
    return "–" if found is None else f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"


def _show(found: "list[JudgedSet]", answer: dict[str, Any]) -> None:
    table = Table(show_edge=False, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "judge" else "right")
    for each in found:
        table.add_row(*rates_row(each))
    results().print(table)
    for each in found:
        if each.failures:
            results().print(f"{each.judge}: answers without a verdict: {failure_line(each.failures)}", markup=False)
    for pair, share in answer["judges_agree"].items():
        results().print(f"{pair} agree on {share:.1%}", markup=False)
    if any(answer["in_one_set_only"].values()):
        people.print(f"requests in one set only: {failure_line(answer['in_one_set_only'])}")


def _write_page(found: "list[JudgedSet]", answer: dict[str, Any], path: Path) -> None:
    from evaluation.report.figures_page import FigureTable, write_figures

    agree = [[pair, f"{share:.1%}"] for pair, share in answer["judges_agree"].items()]
    tables = [
        FigureTable(
            "Candidate against reference",
            COLUMNS,
            [rates_row(each) for each in found],
            "95 % bootstrap intervals over comparisons. Consistent: the same verdict both ways round; first favoured: "
            "of the inconsistent ones. Longer won: of decided comparisons; no fault by itself: longer can be better.",
        ),
        FigureTable("Judges that agree", ("judges", "same verdict"), agree),
    ]
    write_figures("Responses compared", [table for table in tables if table.rows], answer, path)
