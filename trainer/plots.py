"""A run's two pictures: how far the experts went and what α cuts, and how the loss fell, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from coachlm.errors import TrainingError
from trainer.plan.run_folder import StepMetrics, epoch_loss
from trainer.plan.selection import Selection

if TYPE_CHECKING:
    from trainer.plan.arms import Arm

_ALL, _CHOSEN = "#b8bec8", "#1f6f8b"


def plot_distances(selection: Selection, path: Path) -> None:
    """Raises (both): TrainingError, when the file can't be written."""
    shown = [part for part in selection.histogram if part[1]]
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.add_subplot()
    places = range(len(shown))
    axes.bar(places, [part[1] for part in shown], color=_ALL, label=f"all {selection.read:,}")
    label = f"chosen {selection.chosen:,} (α = {selection.alpha:g}, from {selection.cut_distance:,} on)"
    axes.bar(places, [part[2] for part in shown], color=_CHOSEN, label=label)
    axes.set_xticks(places, [f"{part[0]:,}" for part in shown])
    axes.set_xlabel("characters inserted, deleted or replaced (from each label up to the next)")
    axes.set_ylabel("expert revisions")
    axes.legend(frameon=False)
    _save(figure, path)


def plot_loss(metrics: Sequence[StepMetrics], path: Path) -> None:
    """Each step's loss, and each epoch's mean over its target tokens."""
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([m.step for m in metrics], [m.loss for m in metrics], color=_ALL, label="step")
    ends, means = [], []
    for epoch in sorted({m.epoch for m in metrics}):
        of_epoch = [m for m in metrics if m.epoch == epoch]
        ends.append(of_epoch[-1].step)
        means.append(epoch_loss(of_epoch))
    axes.plot(ends, means, color=_CHOSEN, marker="o", label="epoch")
    axes.set_xlabel("step")
    axes.set_ylabel("loss, nats per target token")
    axes.legend(frameon=False)
    _save(figure, path)


def plot_sweep(arms: Sequence[Arm], edit_distance_raw: float, path: Path) -> None:
    """Fig. 5's curve for the held-out figures: likelihood over α, and what is left to edit where it was measured."""
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.add_subplot()
    edits = None
    for base in dict.fromkeys(arm.base for arm in arms):
        of_base = [arm for arm in arms if arm.base == base]
        nats = {arm.alpha: arm.nll for arm in of_base if arm.nll is not None}
        axes.plot(list(nats), list(nats.values()), marker="o", label=f"{Path(base).name}: nats")
        left = {arm.alpha: arm.edit_distance_left for arm in of_base if arm.edit_distance_left is not None}
        if left:
            edits = edits or axes.twinx()
            edits.plot(list(left), list(left.values()), marker="s", linestyle="--", color=_CHOSEN)
    axes.set_xlabel("α, the human input ratio")
    axes.set_ylabel("nats per token of the experts' text")
    axes.legend(frameon=False)
    if edits is not None:
        edits.axhline(edit_distance_raw, color=_ALL, linewidth=1)
        edits.set_ylabel("characters left to edit (line: raw pairs)")
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    try:
        with mpl.rc_context(rc={"svg.fonttype": "none", "svg.hashsalt": path.name}):
            FigureCanvasSVG(figure).print_svg(path, metadata={"Date": None})
    except OSError as error:
        raise TrainingError(f"{path} can't be written: {error}; make room and run the same again") from error
