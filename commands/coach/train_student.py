"""`train student`: a base tuned on a data set; `train` alone tunes a coach."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assembly.data_sets import pairs_only
from coachlm.desk.dataset import TextChoice
from commands.coach.train import require_libraries
from commands.coach.train import train as coach
from commands.shared.output import answering_errors, emit_json, json_option, people, results
from commands.shared.progress import progress_display

if TYPE_CHECKING:
    from trainer.plan.run_folder import StepMetrics


class _CoachByDefault(click.Group):
    """`coachlm train --base …` is `coachlm train coach --base …`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["coach", *args]
        return super().parse_args(ctx, args)


@click.group("train", cls=_CoachByDefault)
def train() -> None:
    """Tune a coach on expert revisions, or a student.

    The coach is the default; a student is tuned on a data set.
    """


train.add_command(coach, "coach")


@train.command()
@click.option("--base", required=True, help="The model to tune: a folder or hub id of any causal language model.")
@click.option("--data", required=True, help="Data set: a file of pairs or a database URL.")
@click.option(
    "--text",
    type=click.Choice([choice.value for choice in TextChoice]),
    default="final",
    show_default=True,
    help="Which text to read if --data is a database.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of the student; an interrupted run resumes in it.",
)
@click.option(
    "--method", type=click.Choice(["full", "lora"]), default="full", show_default=True, help="All weights, or LoRA."
)
@click.option("--epochs", type=int, help="[default: 3]")
@click.option("--learning-rate", type=float, help="[default: 2e-5, with LoRA 3e-4]")
@click.option("--batch", "batch_pairs", type=int, help="Pairs per optimizer step. [default: 128]")
@click.option("--max-tokens", type=int, help="Tokens of prompt and response; longer ones are cut. [default: 512]")
@click.option("--rank", type=int, help="Rank of the LoRA matrices. [default: 8]")
@click.option("--lora-alpha", type=int, help="[default: 16]")
@click.option("--micro-batch-tokens", type=int, help="Tokens per forward pass. [default: 4096]")
@click.option("--seed", type=int, help="[default: 0]")
@click.option("--checkpoint-steps", type=click.IntRange(min=1), default=100, show_default=True)
@json_option
@answering_errors
def student(base: str, data: str, text: str, output: Path, checkpoint_steps: int, as_json: bool, **chosen: Any) -> None:
    """Tune a student on a data set, as Stanford Alpaca was.

    Alpaca's recipe and prompt.

    Writes the model (or adapter) and the run's record into the output folder; `coachlm evaluate student` takes it.
    """
    require_libraries()
    from trainer.student import StudentRecipe, train_student

    recipe = StudentRecipe(**{name: value for name, value in chosen.items() if value is not None})
    pairs = pairs_only(data, TextChoice(text))
    with progress_display(not as_json) as display:
        task = display.add_task("train", total=None, items=0, unit="tokens", line="loading the base")
        tokens = 0

        def on_step(step: "StepMetrics") -> None:
            nonlocal tokens
            tokens += step.tokens
            line = f"epoch {step.epoch} · loss {step.loss:.3f}"
            display.update(task, total=step.steps, completed=step.step, items=tokens, line=line)

        record = train_student(
            base, pairs, output, name=Path(data).name, recipe=recipe, checkpoint_steps=checkpoint_steps, on_step=on_step
        )
    if as_json:
        emit_json({"folder": str(output), **asdict(record)})
        return
    out, metrics = results(), record.metrics
    out.print(f"{record.examples:,} pairs trained on, {record.cut:,} responses cut at the longest")
    for reason, count in record.left_out.items():
        out.print(f"  left out: {count:,} {reason}")
    if metrics["steps"]:
        first, last = metrics["loss_first_epoch"], metrics["loss_last_epoch"]
        out.print(f"loss {first:.3f} → {last:.3f} in {metrics['steps']:,} steps, {record.seconds:,.0f} s")
    out.print(f"student: {output}", markup=False)
    people.print(
        f"next: coachlm evaluate student {output} --set vicuna80 --judge server --output answers", markup=False
    )
