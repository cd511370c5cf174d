"""`evaluate rate`: a data set rated by a judge."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assembly.data_sets import json_line, lines_writer, pairs_only, read_questions
from assembly.judges import server_judge
from coachlm.desk.dataset import TextChoice
from commands.evaluate.judge_options import (
    agree_to,
    check_usable,
    estimate_line,
    failure_line,
    judge_settings,
    questions_option,
    server_messages,
    server_options,
    show_messages,
    spending_line,
)
from commands.shared.output import answering_errors, emit_json, json_option, people, results
from commands.shared.progress import progress_display

if TYPE_CHECKING:
    from evaluation.judges.servers.openai import OpenAIJudge
    from evaluation.ratings.run import RatedSet, RatingProtocol

_file = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("sources", metavar="DATA…", nargs=-1, required=True)
@click.option("--rubric", is_flag=True, help="Rate instruction and response by the rubric of Table II, 0 to 100.")
@click.option(
    "--text",
    type=click.Choice([choice.value for choice in TextChoice]),
    default="final",
    show_default=True,
    help="Which text to read if DATA is a database.",
)
@questions_option
@click.option("--limit", type=click.IntRange(min=1), help="At most this many of each data set.")
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), help="Write each pair's rating into this folder."
)
@click.option("--html", type=_file, help="Also write a page with histograms.")
@server_options
@json_option
@answering_errors
def rate(
    sources: tuple[str, ...],
    text: str,
    questions: Path | None,
    limit: int | None,
    output: Path | None,
    html: Path | None,
    as_json: bool,
    *,
    rubric: bool,
    yes: bool,
    only_estimate: bool,
    **options: Any,
) -> None:
    """Rate responses from 0 to 5, or pairs by the rubric.

    Responses of data sets as in the paper's Fig. 4; `--rubric` rates whole pairs.

    Give a set before and after to see both. Failed questions are counted, in no figure, and asked again by the next
    run; answers are kept, so that the same run again costs nothing.
    """
    from evaluation.judges.prompts import PROMPT_VERSION
    from evaluation.ratings.run import RatingProtocol, estimate
    from evaluation.report.provenance import provenance, set_facts

    protocol = RatingProtocol.RUBRIC if rubric else RatingProtocol.ACCURACY
    asked = read_questions(questions)
    sets = {source: pairs_only(source, TextChoice(text), asked)[:limit] for source in sources}
    with server_judge(judge_settings(options)) as judge:
        expected = estimate(judge, (pair for pairs in sets.values() for pair in pairs), protocol)
        if only_estimate:
            emit_json(asdict(expected)) if as_json else results().print(estimate_line(expected))
            return
        agree_to(expected, yes=yes, as_json=as_json)
        found = [_rated(judge, source, pairs, protocol, output, show=not as_json) for source, pairs in sets.items()]
    facts = [set_facts(each.name, pairs) for each, pairs in zip(found, sets.values(), strict=True)]
    made_of = provenance(facts, [(judge.name, judge.spending)], PROMPT_VERSION)
    if html is not None:
        _write_page(found, made_of, html)
    if as_json:
        answer = {"judge": judge.name, "estimate": asdict(expected), "sets": [asdict(each) for each in found]}
        emit_json(answer | {"made_of": made_of, "server_messages": server_messages([judge])})
    else:
        _show(found, html)
    show_messages([judge])
    check_usable({each.name: each.usable for each in found})
    if not all(each.complete for each in found):
        people.print("not all could be asked; run the same command again to continue where it stopped")
        raise SystemExit(1)


def _rated(
    judge: "OpenAIJudge", source: str, pairs: list, protocol: "RatingProtocol", output: Path | None, *, show: bool
) -> "RatedSet":
    from evaluation.ratings.run import rate_set

    name = Path(source).name
    kept = None if output is None else output / f"{name.split('.')[0]}-{protocol.value}.jsonl"
    with progress_display(show) as display, lines_writer(kept) as write:
        task = display.add_task("rate", total=len(pairs), items=0, unit="pairs", line=name)
        done = 0

        def on_pairs(count: int) -> None:
            nonlocal done
            done += count
            display.update(task, completed=done, items=done)

        return rate_set(judge, name, pairs, protocol, keep=lambda row: write(json_line(row)), on_pairs=on_pairs)


def _show(found: "list[RatedSet]", html: Path | None) -> None:
    out = results()
    for each in found:
        out.print(f"{each.name}: {each.usable:,} of {each.pairs:,} pairs rated", markup=False)
        if each.ratings is not None:
            out.print(f"  mean {each.ratings.mean:.2f}; {each.ratings.share_accurate:.1%} at 4.5 or above")
            most = max(each.ratings.histogram.values())
            for edge, count in each.ratings.histogram.items():
                out.print(f"  {edge:3.1f} {'█' * round(30 * count / most):30} {count:,}")
        if each.rubric is not None:
            out.print(
                f"  instruction {each.rubric.instruction:.1f}, response {each.rubric.response:.1f}; "
                f"{each.rubric.share_expert_level:.1%} at 95 or above on both; {each.rubric.capped:,} capped"
            )
            out.print(f"  flaws: {failure_line(each.rubric.flaws) or 'none'}")
        if each.failures:
            out.print(f"  no rating: {failure_line(each.failures)}")
        people.print(f"  {spending_line(each.spending)}")
    if html is not None:
        people.print(f"page: {html}", markup=False)


def _write_page(found: "list[RatedSet]", made_of: dict[str, Any], path: Path) -> None:
    from evaluation.report.figures_page import FigureTable, write_figures
    from evaluation.report.plots import plot_ratings
    from evaluation.report.provenance import provenance_rows

    rows = [
        [
            each.name,
            f"{each.pairs:,}",
            f"{each.usable:,}",
            failure_line(each.failures),
            "" if each.ratings is None else f"{each.ratings.mean:.2f}",
            "" if each.ratings is None else f"{each.ratings.share_accurate:.1%}",
            "" if each.rubric is None else f"{each.rubric.instruction:.1f}",
            "" if each.rubric is None else f"{each.rubric.response:.1f}",
        ]
        for each in found
    ]
    histograms = {each.name: each.ratings.histogram for each in found[:2] if each.ratings is not None}
    plots = [plot_ratings("Ratings", histograms)] if histograms else []
    columns = ("data set", "pairs", "rated", "no rating", "mean of 5", "4.5 or above", "instruction", "response")
    note = "Figures are over the rated pairs alone. Paper Fig. 4, Alpaca: mean 3.95 → 4.31, 4.5 or above 17.7 → 78.9 %."
    tables = [
        FigureTable("Ratings", columns, rows, note, plots),
        FigureTable("Made of", ("what", "which"), provenance_rows(made_of)),
    ]
    write_figures("Ratings", tables, {"sets": list(map(asdict, found)), "made_of": made_of}, path)
