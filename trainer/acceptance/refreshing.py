"""A new acceptance model from what people did, in place of the one that chooses now if it tells better and worse apart
at least as well."""

import logging
import math
import os
from collections.abc import Sequence
from pathlib import Path

from coachlm.acceptance.model import AcceptanceModel, read_acceptance, write_acceptance
from coachlm.errors import ModelError, TrainingError
from trainer.acceptance.fitting import Example, fit_acceptance
from trainer.acceptance.people import people_examples
from trainer.plan.revisions import ApprovedPairs

log = logging.getLogger(__name__)


def refresh_acceptance(store: ApprovedPairs, path: Path) -> AcceptanceModel | None:
    """Trains on all approved pairs and writes `path`; None where nothing was written, and the log says why.

    Workers that were given this path (COACHLM_ACCEPT_MODEL) choose by the new model from their next batch on.
    """
    examples = people_examples(store)
    try:
        model = fit_acceptance(examples)
    except TrainingError as error:
        log.info("no acceptance model yet: %s", error)
        return None
    unseen, mean = model.record["log_loss"], model.record["log_loss_of_the_mean"]
    present = _present(path)
    bar = mean if present is None else min(mean, loss_of(present, examples))
    if unseen >= bar:
        log.warning(
            "the new acceptance model is refused: a loss of %.3f on what it had not seen, not %.3f", unseen, bar
        )
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(f".{os.getpid()}.new")
    write_acceptance(model, scratch)
    scratch.replace(path)
    log.info("acceptance model %s: trained on %d revisions that people worked on", path, len(examples))
    return model


def loss_of(model: AcceptanceModel, examples: Sequence[Example]) -> float:
    """Mean nats of the labels."""
    total = 0.0
    for each in examples:
        likely = min(max(model.probability(each.figures), 1e-6), 1 - 1e-6)
        total -= each.value * math.log(likely) + (1 - each.value) * math.log(1 - likely)
    return total / max(len(examples), 1)


def _present(path: Path) -> AcceptanceModel | None:
    try:
        return read_acceptance(path) if path.exists() else None
    except ModelError as error:
        log.warning("%s; it is replaced", error)
        return None
