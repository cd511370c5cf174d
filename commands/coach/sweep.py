"""`evaluate sweep`: which α, and which base, leaves people least to edit."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from coachlm.errors import InputError
from coachlm.pairs import InstructionPair
from coachlm.revision import Revision
from coachlm.settings import load_settings
from commands.shared.output import answering_errors, emit_json, json_option, people, results
from commands.shared.progress import progress_display

if TYPE_CHECKING:
    from trainer.plan.arms import Arm, Sweep
    from trainer.plan.run_folder import StepMetrics

_file = click.Path(path_type=Path)
_ALPHAS = ",".join(f"{tenth / 10:g}" for tenth in range(11))


@click.command()
@click.option(
    "--base", "bases", multiple=True, required=True, help="Folder or hub id of the base model; repeat to compare bases."
)
@click.option("--data", type=_file, required=True, help="Expert revisions to train on.")
@click.option("--held-out", type=_file, required=True, help="Expert revisions to measure on.")
@click.option("--output", type=_file, required=True, help="Folder of all runs; an interrupted sweep resumes in it.")
@click.option(
    "--alphas", default=_ALPHAS, show_default=True, help="Shares, separated by commas; 0 is the untuned base."
)
@click.option("--epochs", type=int, help="[default: 7]")
@click.option("--generate/--no-generate", default=True, show_default=True, help="Also revise the held-out pairs.")
@json_option
@answering_errors
def sweep(
    bases: tuple[str, ...],
    data: Path,
    held_out: Path,
    output: Path,
    alphas: str,
    epochs: int | None,
    generate: bool,
    as_json: bool,
) -> None:
    """Tune a coach for each α and base, and draw the curve.

    Measured: the likelihood of held-out expert text, and what is left to edit.

    Writes sweep.json and sweep.svg beside the runs' folders.
    """
    from trainer.plan.recipe import Recipe
    from trainer.plan.revisions import file_source, read_revisions
    from trainer.sweep import run_sweep

    plan = [(base, alpha) for base in dict.fromkeys(bases) for alpha in _shares(alphas)]
    pairs = [(item.raw, item.revised) for item in read_revisions(held_out, None, Counter())]
    usual = Recipe(prompt_style=load_settings().reviser.prompt_style)
    recipe = usual if epochs is None else replace(usual, epochs=epochs)
    with progress_display(not as_json) as display:
        task = display.add_task("sweep", total=None, items=0, unit="runs", line="")

        def on_step(arm: "Arm", step: "StepMetrics") -> None:
            line = f"α {arm.alpha:g} · epoch {step.epoch} · loss {step.loss:.3f}"
            display.update(task, total=step.steps, completed=step.step, line=line)

        found = run_sweep(
            plan,
            lambda: file_source(data),
            file_source(held_out),
            pairs,
            output,
            recipe=recipe,
            revise=_revise if generate else None,
            on_step=on_step,
        )
    _answer(found, output, as_json)


def _shares(text: str) -> list[float]:
    try:
        shares = sorted({float(part) for part in text.split(",") if part.strip()})
    except ValueError:
        raise InputError(f"--alphas {text!r}: give numbers from 0 to 1 with commas") from None
    if not shares or shares[0] < 0 or shares[-1] > 1 or shares == [0]:
        raise InputError(f"--alphas {text!r}: give shares from 0 to 1, one at least above 0")
    return shares


def _revise(base: str, adapter: Path | None, pairs: Sequence[InstructionPair]) -> Sequence[Revision]:
    from reviser.engines import build_reviser
    from trainer.run import WRITER

    settings = load_settings(model=base, engine=WRITER.engines[0], coach="tuned")
    reviser = build_reviser(settings.replaced(adapter=None if adapter is None else str(adapter)))
    try:
        return reviser.revise(pairs)
    finally:
        reviser.close()


def _answer(found: "Sweep", output: Path, as_json: bool) -> None:
    if as_json:
        emit_json(asdict(found))
        return
    table = Table(show_edge=False, pad_edge=False)
    for column in ("base", "α", "trained on", "nats", "characters left", "invalid", "unchanged"):
        table.add_column(column, justify="left" if column == "base" else "right")
    for arm in found.arms:
        figures = (arm.nll, arm.edit_distance_left, arm.invalid_share, arm.unchanged_share)
        shown = ["–" if value is None else f"{value:.3f}" for value in figures]
        table.add_row(Path(arm.base).name, f"{arm.alpha:g}", f"{arm.trained_on:,}", *shown)
    results().print(table)
    results().print(f"raw pairs: {found.edit_distance_raw:.1f} characters left, {found.held_out:,} held-out pairs")
    people.print(f"plot: {output / 'sweep.svg'}", markup=False)
