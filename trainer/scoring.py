"""How likely a coach finds what people approved, a pair each: a figure of the gate."""

from collections.abc import Sequence
from pathlib import Path

import torch

from coachlm.pairs import InstructionPair
from trainer.plan.revisions import ExpertRevision
from trainer.tuning.trainee import E, Trainee


def pair_nll(
    base: Trainee[E], adapter: Path | None, pairs: Sequence[tuple[InstructionPair, InstructionPair]]
) -> list[float]:
    """Nats per target of each pair's final text, given its raw one, by the base with an adapter, or by it alone.

    A pair that can't be scored (too long for the context, nothing that tags could say) counts 0 for every adapter of
    this base alike.
    """
    base = base.prompted_like(adapter)
    model, found = base.with_adapter(adapter).eval(), []
    with torch.inference_mode():
        for raw, final in pairs:
            examples = base.examples_to_score([ExpertRevision(raw, final)])
            summed = sum(float(base.summed_loss(model, [example])[0]) for example in examples)
            found.append(summed / max(sum(example.targets for example in examples), 1))
    return found
