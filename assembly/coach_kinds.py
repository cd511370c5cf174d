"""Which kind of coach a base makes: one that writes the revised pair, or one that tags what to mend."""

from pathlib import Path
from typing import TYPE_CHECKING

from coachlm.coaching.engines import Model, engine_names
from coachlm.errors import ModelError, TrainingError

if TYPE_CHECKING:
    from trainer.run import CoachKind
    from trainer.tuning.tagger import Tagger


_TAGGING = engine_names(lambda engine: engine.model is Model.COACH)


def kind_of(base: str) -> "CoachKind":
    """`coach`, or a folder of that kind, makes one that tags; anything else one that writes."""
    from reviser.coach.bundle import coach_folder
    from trainer.run import WRITER, CoachKind

    folder = coach_folder(base)
    if folder is None:
        return WRITER
    from trainer.tuning.tagger import TAGGER_ALPHA, TAGGER_RECIPE

    return CoachKind(lambda name, _: load_tagger(name, folder), TAGGER_ALPHA, TAGGER_RECIPE, _TAGGING, True)


def load_tagger(name: str, folder: Path) -> "Tagger":
    """Raises: TrainingError."""
    from reviser.coach.bundle import read_bundle
    from reviser.coach.teaching.lessons import Teacher
    from trainer.tuning.tagger import Tagger

    try:
        bundle = read_bundle(folder)
    except ModelError as error:
        raise TrainingError(f"base {name}: {error}") from error
    return Tagger(name, bundle.digest, bundle.network.weights, bundle.config, Teacher(bundle))
