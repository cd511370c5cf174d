"""`evaluate`: test sets, and how far judges agree with people."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from coachlm.cli.output import answering_errors, emit_json, json_option, people, results
from coachlm.errors import InputError

if TYPE_CHECKING:
    from evaluation.test_sets import SetFinding

_FOLDER = "COACHLM_DATA_DIR"

folder_option = click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), help=f"Folder of public data; default: {_FOLDER}."
)


@click.group()
def evaluate() -> None:
    """Test sets and judges: does the coach help, and how do we know."""


@evaluate.command()
@folder_option
@json_option
@answering_errors
def sets(folder: Path | None, as_json: bool) -> None:
    """The registered test sets: instructions, licence, and whether each lies in the folder as registered."""
    from evaluation.test_sets import SetState, look_at_sets

    findings = look_at_sets(_folder(folder))
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
            people.print(f"{finding.test_set.name} is {finding.state}: {finding.detail}; docs/data.md", markup=False)


def _state(finding: "SetFinding") -> dict[str, str]:
    return {"state": finding.state.value, "detail": finding.detail}


@evaluate.command()
@folder_option
@json_option
@answering_errors
def judges(folder: Path | None, as_json: bool) -> None:
    """Agreement of judges with the majority of three people on PandaLM's public comparisons."""
    from evaluation.judge_report import judge_reports

    reports = judge_reports(_folder(folder))
    if as_json:
        emit_json({"judges": [asdict(report) for report in reports]})
        return
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


def _folder(given: Path | None) -> Path:
    name = os.environ.get(_FOLDER)
    folder = given or (Path(name) if name else None)
    if folder is None or not folder.is_dir():
        raise InputError(f"no folder of public data: give --folder or set {_FOLDER}; docs/data.md says what lies in it")
    return folder
