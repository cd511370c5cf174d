"""One training run for each α, or for each base, and what each makes of the same held-out pairs.

Source: paper §III-D, Fig. 5 (α on one base) and Table XI (backbones). Runs that are finished are not made again, so a
sweep that was killed goes on where it stopped.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from coachlm.errors import TrainingError
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome, Revision
from coachlm.text.distance import pair_distances
from trainer.plan.arms import Arm, Sweep
from trainer.plan.recipe import Recipe
from trainer.plan.revisions import Source
from trainer.plan.run_folder import StepMetrics, write_json
from trainer.plots import plot_sweep
from trainer.run import train_coach

HeldOut = Sequence[tuple[InstructionPair, InstructionPair]]  # raw, and the experts' text
Reviser = Callable[[str, Path | None, Sequence[InstructionPair]], Sequence[Revision]]
"""(base, adapter folder or None for the base alone, raw pairs) → their revisions, in order."""


def run_sweep(
    plan: Sequence[tuple[str, float]],
    source: Callable[[], Source],
    held_out: Source,
    pairs: HeldOut,
    folder: Path,
    *,
    recipe: Recipe,
    revise: Reviser | None = None,
    on_step: Callable[[Arm, StepMetrics], None] = lambda _arm, _step: None,
) -> Sweep:
    """`plan`: (base, α) of each arm; α = 0 takes its figures from the run of the same base that comes next.

    `pairs` are those of `held_out`. Without `revise` only likelihoods are measured. Raises: TrainingError.
    """
    if not pairs:
        raise TrainingError(
            "a sweep needs held-out pairs: give --held-out with expert revisions, or approve more pairs"
        )
    arms = tuple(_arms(plan, source, held_out, folder, recipe, on_step))
    if revise is not None:
        arms = tuple(_revised(arm, pairs, folder, revise) for arm in arms)
    left = pair_distances([raw for raw, _ in pairs], [final for _, final in pairs])
    sweep = Sweep(arms, len(pairs), sum(left) / len(left))
    write_json(folder / "sweep.json", asdict(sweep))
    plot_sweep(sweep.arms, sweep.edit_distance_raw, folder / "sweep.svg")
    return sweep


def arm_folder(folder: Path, number: int, alpha: float) -> Path:
    return folder / f"base-{number}-alpha-{alpha:g}"


def _arms(
    plan: Sequence[tuple[str, float]],
    source: Callable[[], Source],
    held_out: Source,
    folder: Path,
    recipe: Recipe,
    on_step: Callable[[Arm, StepMetrics], None],
) -> Iterator[Arm]:
    bases = list(dict.fromkeys(base for base, _ in plan))
    untuned: dict[str, float | None] = {}
    waiting: list[Arm] = []
    for base, alpha in sorted(plan, key=lambda arm: (bases.index(arm[0]), arm[1])):
        arm = Arm(base, alpha)
        if alpha == 0:
            waiting.append(arm)
            continue
        record = train_coach(
            base,
            source(),
            arm_folder(folder, bases.index(base), alpha),
            alpha=alpha,
            recipe=recipe,
            held_out=held_out,
            on_step=lambda step, arm=arm: on_step(arm, step),
        )
        untuned.setdefault(base, _number(record.metrics["nll_before"]))
        while waiting:
            first = waiting.pop()
            yield replace(first, nll=untuned.get(first.base))
        nll = _number(record.metrics["nll_after"])
        yield replace(arm, trained_on=record.examples, adapter=record.adapter, nll=nll)
    yield from waiting


def _number(value: float | int | None) -> float | None:
    return None if value is None else float(value)


def _revised(arm: Arm, pairs: HeldOut, folder: Path, revise: Reviser) -> Arm:
    found = list(folder.glob(f"base-*/adapters/{arm.adapter}")) if arm.adapter else []
    revisions = revise(arm.base, found[0] if found else None, [raw for raw, _ in pairs])
    left = pair_distances([each.revised for each in revisions], [final for _, final in pairs])
    outcomes = [each.outcome for each in revisions]
    return replace(
        arm,
        edit_distance_left=sum(left) / len(left),
        invalid_share=sum(each in (Outcome.FALLBACK_INVALID, Outcome.FALLBACK_ERROR) for each in outcomes) / len(left),
        unchanged_share=outcomes.count(Outcome.UNCHANGED) / len(left),
    )
