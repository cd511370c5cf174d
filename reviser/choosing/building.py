"""Putting a choice between candidates around an engine, as the settings say."""

import logging
from pathlib import Path

from coachlm.acceptance.candidates import Origin
from coachlm.acceptance.model import FILE
from coachlm.errors import ModelError
from coachlm.protocols.revising import Reviser
from coachlm.settings import REGISTRY, Settings
from coachlm.settings.acceptance import AUTO, OFF
from reviser.choosing.acceptance import AcceptanceFile
from reviser.choosing.candidates import CandidateMaker, Plan
from reviser.choosing.reviser import ChoosingReviser
from reviser.models.sampling import Sampling

log = logging.getLogger(__name__)


def acceptance_file(settings: Settings) -> Path | None:
    """None where nobody chooses."""
    if settings.acceptance.model == OFF:
        return None
    if settings.acceptance.model != AUTO:
        return Path(settings.acceptance.model)
    if not settings.reviser.adapter or settings.reviser.adapter == REGISTRY:
        return None
    folder = Path(settings.reviser.adapter)
    return next((path for path in (folder / FILE, folder.parent / FILE) if path.is_file()), None)


def candidate_sampling(settings: Settings) -> Sampling | None:
    """What candidates are drawn with; None where none are."""
    if acceptance_file(settings) is None or not settings.acceptance.samples:
        return None
    chosen = settings.sampling
    return Sampling(settings.acceptance.temperature, chosen.top_k, chosen.top_p, chosen.seed)


def with_choice(settings: Settings, engine: Reviser) -> Reviser:
    """The engine itself where nobody chooses. Raises: ModelError; the engine is closed then."""
    path = acceptance_file(settings)
    if path is None:
        return engine
    try:
        file, editors = AcceptanceFile(path), copy_editors(settings)
    except ModelError:
        engine.close()
        raise
    log.info("candidates are chosen between by %s", path)
    maker = CandidateMaker(engine, editors, Plan(settings.acceptance.samples))
    return ChoosingReviser(maker, file.newest, settings.acceptance.threshold)


def copy_editors(settings: Settings) -> dict[Origin, Reviser]:
    """Those that are not the engine itself."""
    from reviser.coach.bundle import is_bundled, read_bundle
    from reviser.coach.reviser import CoachReviser
    from reviser.rules.reviser import RulesReviser

    found: dict[Origin, Reviser] = {}
    if settings.reviser.engine != "coach" and is_bundled():
        found[Origin.COPY_EDITED] = CoachReviser(read_bundle())
    if settings.reviser.engine != "rules":
        found[Origin.RULES] = RulesReviser()
    return found
