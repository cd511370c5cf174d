"""`evaluate`: test sets, and how far judges agree with people."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from assembly.data_sets import PUBLIC_FOLDER, public_folder
from assembly.judges import named_judges
from coachlm.errors import InputError
from commands.catalogue import EVALUATE
from commands.evaluate.judge_options import (
    agree_to,
    check_usable,
    estimate_comparisons,
    estimate_line,
    judge_settings,
    server_options,
    show_messages,
)
from commands.shared.lazy_group import LazyGroup
from commands.shared.output import answering_errors, emit_json, json_option, people, results

if TYPE_CHECKING:
    from evaluation.judges.report import JudgeReport
    from evaluation.sets.test_sets import SetFinding

folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"Folder of public data; default: {PUBLIC_FOLDER}.",
)


@click.group(cls=LazyGroup, entries=EVALUATE)
def evaluate() -> None:
    """Test sets, judges and ratings: does the coach help?"""


@evaluate.command()
@folder_option
@json_option
@answering_errors
def sets(folder: Path | None, as_json: bool) -> None:
    """List the registered test sets.

    Instructions, licence, and whether each lies in the folder as registered.
    """
    from evaluation.sets.test_sets import SetState, look_at_sets

    findings = look_at_sets(public_folder(folder))
    if as_json:
        emit_json({"sets": [asdict(finding.test_set) | _state(finding) for finding in findings]})
        return
    table = Table(title="test sets", title_justify="left", show_edge=False, pad_edge=False)
    for column in ("name", "instructions", "state", "references by", "licence", "origin"):
        table.add_column(column, justify="right" if column == "instructions" else "left")
    for finding in findings:
        each = finding.test_set
        table.add_row(each.name, f"{each.count}", finding.state, each.reference, each.licence, each.origin)
    results().print(table)
    for finding in findings:
        if finding.state is not SetState.READY:
            people.print(
                f"{finding.test_set.name} is {finding.state}: {finding.detail}; see docs/reference/public-data.md",
                markup=False,
            )


def _state(finding: "SetFinding") -> dict[str, str]:
    return {"state": finding.state.value, "detail": finding.detail}


@evaluate.command()
@folder_option
@click.option(
    "--judge",
    "names",
    multiple=True,
    help="Another judge: server, model:FOLDER, likeness-length-free; may be repeated.",
)
@click.option(
    "--comparisons", type=click.Path(path_type=Path), help="Your own labelled comparisons, in PandaLM's format."
)
@server_options
@json_option
@answering_errors
def judges(
    folder: Path | None,
    names: tuple[str, ...],
    comparisons: Path | None,
    as_json: bool,
    *,
    yes: bool,
    only_estimate: bool,
    **options: Any,
) -> None:
    """Measure how far judges agree with people.

    That is with the majority of people who labelled the same comparisons, by default PandaLM's.

    Judges that are asked see each comparison both ways round, merged by the paper's rules.
    """
    from evaluation.judges.pandalm import labelled_comparisons, read_labelled
    from evaluation.judges.report import judge_reports, shared_judgements
    from evaluation.judges.run import is_complete, judge_all

    settings = judge_settings(options)
    labelled = labelled_comparisons(public_folder(folder)) if comparisons is None else read_labelled(comparisons)
    if not labelled:
        raise InputError(f"{comparisons} holds no comparisons")
    judged = shared_judgements(public_folder(folder)) if comparisons is None else {}
    asked = [each.comparison for each in labelled]
    with named_judges(names, settings) as chosen:
        expected = estimate_comparisons(chosen, asked)
        if expected is not None and only_estimate:
            emit_json(asdict(expected)) if as_json else results().print(estimate_line(expected))
            return
        if expected is not None:
            agree_to(expected, yes=yes, as_json=as_json)
        answered = {each.name: judge_all(each, asked) for each in chosen}
    incomplete = [name for name, found in answered.items() if not is_complete(found.failures)]
    judged |= {name: [each.merged for each in found.judgements] for name, found in answered.items()}
    reports = judge_reports(labelled, judged)
    if as_json:
        emit_json({"judges": [asdict(report) for report in reports]})
    else:
        _show_judges(reports)
    show_messages(chosen)
    check_usable({name: sum(each is not None for each in judged[name]) for name in answered})
    if incomplete:
        people.print(f"{', '.join(incomplete)}: not all could be asked; run the same command again to go on")
        raise SystemExit(1)


def _show_judges(reports: "list[JudgeReport]") -> None:
    columns = ("failed", "accuracy", "precision", "recall", "F1", "longer won")
    table = Table(title="judges against people", title_justify="left", show_edge=False, pad_edge=False)
    table.add_column("judge")
    for column in columns:
        table.add_column(column, justify="right")
    for report in reports:
        found = report.agreement
        figures = [f"{each:.4f}" for each in (found.accuracy, found.precision, found.recall, found.f1)]
        longer = report.length_bias.longer_share
        table.add_row(report.judge, f"{found.failed}", *figures, f"{longer.value:.3f}" if longer else "")
    results().print(table)
    people.print("precision, recall and F1 are means over win, tie and lose; a failed answer counts as wrong")
