"""`evaluate compare` and `evaluate student`: what models tuned on data sets answer, and how judges see it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from assembly.data_sets import public_folder
from assembly.judges import check_judges, named_judges
from assembly.laboratory import StudentLaboratory
from coachlm.errors import InputError, SettingsError
from coachlm.pairs import InstructionPair
from coachlm.settings import Settings
from commands.coach.train import require_libraries
from commands.evaluate.judge_options import judge_settings, say_worth, server_options
from commands.evaluate.verdicts_shown import interval
from commands.shared.output import answering_errors, emit_json, json_option, people, results
from commands.shared.progress import progress_display

if TYPE_CHECKING:
    from evaluation.students.config import Comparison
    from evaluation.students.run import StudentComparison
    from trainer.plan.run_folder import StepMetrics

_FIGURES = ("pairs", "answer words", "wins", "ties", "losses", "failed", "WR1", "WR2", "QS", "WR1 gained")


@click.command()
@click.argument("config", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the results of all stages. [default: beside CONFIG]",
)
@click.option("--example", type=click.Choice(["paper", "toy"]), help="Print an example configuration and exit.")
@server_options
@json_option
@answering_errors
def compare(
    config: Path | None,
    output: Path | None,
    example: str | None,
    as_json: bool,
    *,
    yes: bool,
    only_estimate: bool,
    **options: Any,
) -> None:
    """Tune a student per data set and compare them.

    CONFIG names the data sets; the result is the paper's Tables IX and X and Fig. 5 (b).

    A killed run continues where it stopped. Writes comparison.html and comparison.json into the output folder.
    """
    from evaluation.students.config import read_comparison, shipped_configuration
    from evaluation.students.run import answer_all, judge_answered

    settings = judge_settings(options)
    if example is not None:
        click.echo(shipped_configuration(example), nl=False)
        return
    if config is None:
        raise SettingsError("give a CONFIG, or --example paper to see one")
    require_libraries()
    known = read_comparison(config)
    _check_judges(known.judges, settings, yes=yes and not only_estimate)
    say_worth(known.judges, as_json=as_json)
    folder = output or config.with_suffix("")
    sets = _test_sets(known)
    with _shown(not as_json) as (on_stage, on_step):
        # A judge is loaded when no student is in memory any more.
        answered = answer_all(known, StudentLaboratory(known, on_step), sets, folder, on_stage)
        with named_judges(known.judges, settings) as judges:
            found = judge_answered(known, answered, judges, sets, folder, on_stage)
    _write(found, folder / "comparison.html")
    if as_json:
        emit_json(found.as_dict() | {"page": str(folder / "comparison.html")})
    else:
        _show(found)
        people.print(f"page: {folder / 'comparison.html'}", markup=False)
    if not found.complete:
        people.print("not all could be judged; run the same command again to continue where it stopped")
        raise SystemExit(1)


@click.command()
@click.argument("model", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--set", "names", multiple=True, required=True, help="A registered test set or a file of your own; may be repeated."
)
@click.option(
    "--judge",
    "judge_names",
    multiple=True,
    help="server, model:FOLDER, likeness, likeness-length-free or longer; no default; may be repeated.",
)
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for answers and verdicts."
)
@click.option("--limit", type=click.IntRange(min=0), default=0, help="At most this many of each set.")
@click.option("--max-new-tokens", type=click.IntRange(min=1), default=512, show_default=True)
@server_options
@json_option
@answering_errors
def student(
    model: Path,
    names: tuple[str, ...],
    judge_names: tuple[str, ...],
    output: Path,
    limit: int,
    max_new_tokens: int,
    as_json: bool,
    *,
    yes: bool,
    only_estimate: bool,
    **options: Any,
) -> None:
    """Let a student answer test sets, and judge its answers.

    Any model's folder will do; the answers are compared with the references.
    """
    from evaluation.students.config import Arm, Comparison
    from evaluation.students.run import answer_model, judge_answered

    settings = judge_settings(options)
    require_libraries()
    _check_judges(judge_names, settings, yes=yes and not only_estimate)
    say_worth(judge_names, as_json=as_json)
    config = Comparison(
        base=str(model),
        arms=(Arm(model.name),),
        test_sets=names,
        judges=judge_names,
        test_limit=limit,
        max_new_tokens=max_new_tokens,
    )
    sets = _test_sets(config)
    with _shown(not as_json) as (on_stage, on_step):
        answered = answer_model(config, StudentLaboratory(config, on_step), sets, model, output, on_stage)
        with named_judges(judge_names, settings) as judges:
            found = judge_answered(config, answered, judges, sets, output, on_stage)
    if as_json:
        emit_json(found.as_dict())
    else:
        _show(found)
    if not found.complete:
        people.print("not all could be judged; run the same command again to continue where it stopped")
        raise SystemExit(1)


def _check_judges(names: Sequence[str], settings: Settings, *, yes: bool) -> None:
    """Before hours of training. Raises: SettingsError."""
    check_judges(names, settings)
    if "server" in names and not yes:
        raise SettingsError(
            "a judge's server would be asked, twice for each instruction, student and seed; what it costs is not known "
            "before the students have answered: give --yes without --estimate, or other judges"
        )


def _test_sets(config: "Comparison") -> Mapping[str, Sequence[InstructionPair]]:
    """Name → instructions with a reference; what has none can't be compared and is said."""
    from evaluation.sets.registry import TEST_SETS
    from evaluation.sets.test_sets import load_test_set

    found: dict[str, list[InstructionPair]] = {}
    for name in config.test_sets:
        pairs = load_test_set(name, public_folder() if name in TEST_SETS else None)
        usable = [pair for pair in pairs if pair.response.strip()]
        if len(usable) < len(pairs):
            people.print(f"{name}: {len(pairs) - len(usable)} of {len(pairs)} have no reference and are left out")
        if not usable:
            raise InputError(f"test set {name} has no references to compare with")
        found[Path(name).name.split(".")[0]] = usable[: config.test_limit or None]
    if len(found) < len(config.test_sets):
        raise SettingsError("two test sets have files of the same name; rename one")
    return found


@contextmanager
def _shown(show: bool) -> "Iterator[tuple[Callable[[str], None], Callable[[StepMetrics], None]]]":
    """What a run calls when a stage begins, and after each step of training."""
    with progress_display(show) as display:
        task = display.add_task("compare", total=None, items=0, unit="steps", line="")
        steps = 0

        def on_stage(name: str) -> None:
            display.update(task, line=name, total=None, completed=0)

        def on_step(step: "StepMetrics") -> None:
            nonlocal steps
            steps += 1
            display.update(task, total=step.steps, completed=step.step, items=steps)

        yield on_stage, on_step


def _show(found: "StudentComparison") -> None:
    out = results()
    for (judge, test_set), rows in _tables(found).items():
        table = Table(title=f"{test_set}, judged by {judge}", title_justify="left", show_edge=False, pad_edge=False)
        for column in ("student", *_FIGURES):
            table.add_column(column, justify="left" if column == "student" else "right")
        for row in rows:
            table.add_row(*row)
        out.print(table)
    for line in _trend_lines(found):
        out.print(line, markup=False)


def _tables(found: "StudentComparison") -> dict[tuple[str, str], list[list[str]]]:
    tables: dict[tuple[str, str], list[list[str]]] = {}
    for each in found.results:
        rates, data = each.rates, found.data.get(each.arm)
        counts = (rates.wins, rates.ties, rates.losses, rates.failed)
        row = [each.arm, "" if data is None else f"{data.pairs:,}", f"{each.answer_words:.1f}"]
        row += [f"{count:,}" for count in counts]
        row += [interval(share) for share in (rates.wr1, rates.wr2, rates.qs)]
        row += ["" if rates.gain is None else interval(rates.gain)]
        tables.setdefault((each.judge, each.test_set), []).append(row)
    return tables


def _trend_lines(found: "StudentComparison") -> list[str]:
    lines = []
    for name, trend in found.trends.items():
        reached = ", ".join(
            f"{arm}: {'never' if count is None else f'{count:.1f}k'}" for arm, count in trend.equals.items()
        )
        lines.append(
            f"{name}: {trend.rate_per_1k:+.2%} of mean win rate for 1k human samples (R² {trend.r_squared:.3f})"
            + (f"; samples to reach {reached}" if reached else "")
        )
    return lines


def _write(found: "StudentComparison", path: Path) -> None:
    from evaluation.report.figures_page import FigureTable, write_figures
    from evaluation.report.plots import plot_bars

    columns = ("student", *_FIGURES)
    note = (
        f"95 % intervals over instructions and {len(found.seeds)} seeds; with one seed they say nothing of other runs "
        "of training. Gained: against the first student on the same instructions. A failed judgement is in no rate."
    )
    tables = []
    for (judge, test_set), rows in _tables(found).items():
        bars = {
            each.arm: each.rates.wr1.value
            for each in found.results
            if (each.judge, each.test_set) == (judge, test_set) and each.rates.wr1 is not None
        }
        plots = [plot_bars(f"WR1 on {test_set}", "% (WR1)", bars)] if bars else []
        tables.append(FigureTable(f"{test_set}, judged by {judge}", columns, rows, note, plots))
    made = [
        [
            name,
            f"{data.pairs:,}",
            f"{data.words:.1f}",
            ", ".join(f"{v:,} {k.replace('_', ' ')}" for k, v in data.counts.items()),
        ]
        for name, data in found.data.items()
    ]
    tables.append(FigureTable("Data sets", ("student", "pairs", "words of a response", "how it was made"), made))
    if found.trends:
        lines = [[line] for line in _trend_lines(found)]
        tables.append(FigureTable("Human samples", ("trend",), lines))
    write_figures("Students compared", tables, found.as_dict(), path)
