"""`train`: a coach from expert revisions."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assembly.stores import database_option, open_database
from coachlm.errors import SettingsError, TrainingError
from coachlm.machine import extras
from coachlm.settings import load_settings
from commands.shared.output import answering_errors, emit_json, json_option, people, results
from commands.shared.progress import progress_display

if TYPE_CHECKING:
    from storage.reading import StoreReader
    from trainer.plan.revisions import Source
    from trainer.plan.run_folder import RunRecord, StepMetrics
    from trainer.plan.teachers import Teacher
    from trainer.plan.training_plan import TrainingPlan

_file = click.Path(path_type=Path)


@click.command()
@click.option("--base", required=True, help="The model to tune: a folder or hub id of any causal LM, or `coach`.")
@click.option("--revision", help="Commit of the hub model to tune.")
@click.option("--data", type=_file, help="Expert revisions: JSON lines or an array. Without it: --db's approved pairs.")
@click.option("--raw", type=_file, help="The raw pairs, row by row, if --data has only the revised ones (Alpaca).")
@click.option("--held-out", type=_file, help="Expert revisions to score before and after.")
@database_option
@click.option("--teacher-revisions", metavar="FILE|db", help="Also learn an instructed coach's accepted revisions.")
@click.option("--teacher-weight", type=float, default=0.5, show_default=True, help="Of each beside people's own.")
@click.option("--output", type=_file, required=True, help="Folder of the run; an interrupted run resumes in it.")
@click.option("--alpha", type=float, help="Share of revisions, the most changed. [default: 0.3; coach: 1]")
@click.option("--epochs", type=int, help="[default: 7; coach: 5]")
@click.option("--learning-rate", type=float, help="[default: 2e-4; coach: 1e-3]")
@click.option("--rank", type=int, help="Rank of the LoRA matrices. [default: 64; coach: 16]")
@click.option("--lora-alpha", type=int, help="[default: 32]")
@click.option("--lora-dropout", type=float, help="Share of inputs dropped before LoRA. [default: 0.1; coach: 0]")
@click.option("--batch", "batch_pairs", type=int, help="Pairs (coach: passages) per optimizer step. [default: 32]")
@click.option("--micro-batch-tokens", type=int, help="Tokens per forward pass; fewer need less memory. [default: 4096]")
@click.option("--modules", help="Linear layers to tune, separated by commas. [default: all but the output's]")
@click.option("--prompt-style", type=click.Choice(["auto", "paper", "chat"]), help="auto: in the base's chat template.")
@click.option("--seed", type=int, help="[default: 0]")
@click.option("--checkpoint-steps", type=click.IntRange(min=1), default=25, show_default=True)
@json_option
@answering_errors
def train(
    base: str,
    revision: str | None,
    data: Path | None,
    raw: Path | None,
    held_out: Path | None,
    db: str | None,
    teacher_revisions: str | None,
    teacher_weight: float,
    output: Path,
    alpha: float | None,
    checkpoint_steps: int,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Tune a coach on the expert revisions that changed most.

    Writes an adapter folder for `coachlm revise --engine packed --adapter …`, named by its content, and beside
    it the frozen data, metrics, plots and the run's record. Settings default to the paper's. With `--base coach` the
    bundled coach learns those edits that its tags can express; it needs no GPU. With `--teacher-revisions` it also
    learns what an instructed coach wrote and people left nearly as it was: from a file, or `db`, --db's.
    """
    if (data is None) == (db is None):
        raise SettingsError("give the expert revisions either as --data FILE or as --db URL (its approved pairs)")
    if raw is not None and data is None:
        raise SettingsError("--raw needs --data: the file of revised pairs")
    require_libraries()
    from trainer.plan.revisions import approved_source, file_source

    tested = None if held_out is None else file_source(held_out)
    options = {"alpha": alpha, "revision": revision, "held_out": tested, "checkpoint_steps": checkpoint_steps}
    if data is not None and teacher_revisions != "db":
        options["teacher"] = _teacher(teacher_revisions, teacher_weight, None)
        record = _run(base, file_source(data, raw), output, chosen, options, show=not as_json)
    else:
        from storage.reading import StoreReader
        from trainer.plan.teachers import is_taught

        with open_database(load_settings(database_url=db)) as database:
            reader = StoreReader(database)
            options["teacher"] = _teacher(teacher_revisions, teacher_weight, reader)
            own = approved_source(reader, leave_out=is_taught) if teacher_revisions == "db" else approved_source(reader)
            source = own if data is None else file_source(data, raw)
            record = _run(base, source, output, chosen, options, show=not as_json)
    _answer(record, output, as_json)


def _teacher(given: str | None, weight: float, reader: "StoreReader | None") -> "Teacher | None":
    """Raises: TrainingError."""
    from trainer.plan.teachers import database_teacher, file_teacher

    if given is None:
        return None
    return database_teacher(reader, weight) if given == "db" and reader else file_teacher(Path(given), weight)


def require_libraries() -> None:
    if problem := extras.MODELS.lack("training needs"):
        raise TrainingError(problem)


def _run(
    base: str, source: "Source", output: Path, chosen: dict[str, Any], options: dict[str, Any], *, show: bool
) -> "RunRecord":
    from dataclasses import replace

    from assembly.coach_kinds import kind_of
    from trainer.run import train_coach

    kind = kind_of(base)
    given = {name: value for name, value in chosen.items() if value is not None}
    if "modules" in given:
        given["modules"] = tuple(name.strip() for name in given["modules"].split(",") if name.strip())
    if not kind.base_is_coach:  # what the engines will ask for
        given = {"prompt_style": load_settings().reviser.prompt_style, **given}
    recipe = replace(kind.recipe, **given)
    with progress_display(show) as display:
        task = display.add_task("train", total=None, items=0, unit="tokens", line="loading the base")
        tokens = 0

        def on_step(step: "StepMetrics") -> None:
            nonlocal tokens
            tokens += step.tokens
            line = f"epoch {step.epoch} · loss {step.loss:.3f}"
            display.update(task, total=step.steps, completed=step.step, items=tokens, line=line)

        def on_plan(plan: "TrainingPlan") -> None:
            for line in plan.lines() if show else ():
                people.print(line, markup=False)

        return train_coach(base, source, output, kind=kind, recipe=recipe, on_step=on_step, on_plan=on_plan, **options)


def _answer(record: "RunRecord", output: Path, as_json: bool) -> None:
    from dataclasses import asdict

    adapter = output / "adapters" / record.adapter
    if as_json:
        emit_json({"adapter_folder": str(adapter), **asdict(record)})
        return
    metrics, out = record.metrics, results()
    trained_on = record.figures.get("pairs", record.examples)
    out.print(
        f"{record.selection['chosen']:,} of {record.selection['read']:,} revisions chosen, from "
        f"{record.selection['cut_distance']:,} characters changed on; {trained_on:,} trained on"
    )
    for reason, count in (record.selection["rejects"] | record.left_out).items():
        out.print(f"  left out: {count:,} {reason}")
    if teacher := record.figures.get("teacher"):
        out.print(f"{teacher['taken']:,} revisions of the instructed coach, each with weight {teacher['weight']:g}")
        for reason, count in teacher["rejects"].items():
            out.print(f"  not taught: {count:,} {reason}")
    if words := record.figures.get("changed_words"):
        _answer_words(words)
    if metrics["steps"]:
        out.print(
            f"loss {metrics['loss_first_epoch']:.3f} → {metrics['loss_last_epoch']:.3f} in {metrics['steps']:,} steps, "
            f"{record.seconds:,.0f} s, {metrics['tokens_per_second']:,.0f} tokens/s"
        )
    if metrics["held_out"]:
        before, after = metrics["nll_before"], metrics["nll_after"]
        out.print(f"{metrics['held_out']:,} held-out pairs: {before:.3f} → {after:.3f} nats a token")
    out.print(f"adapter: {adapter}")
    engine = "coach" if "changed_words" in record.figures else "transformers"
    people.print(f"next: coachlm revise --engine {engine} --model {record.base} --adapter {adapter}")


def _answer_words(words: dict[str, int]) -> None:
    """What of the experts' changes tags can express."""
    out, total = results(), sum(words.values())
    learnt = words.get("learned", 0)
    out.print(f"{learnt / max(total, 1):.0%} of {total:,} changed words could be learnt")
    for reason, count in sorted(words.items(), key=lambda each: -each[1]):
        if reason != "learned":
            out.print(f"  can't be said in tags: {count:,} {reason}")
