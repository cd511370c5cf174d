"""What a refresh works with: registry, trainer, gate and engine."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assembly.coach_kinds import kind_of
from assembly.stores import adapter_artifacts, open_database
from coachlm.errors import SettingsError
from coachlm.settings import Settings
from coachlm.settings.acceptance import OFF

if TYPE_CHECKING:
    from trainer.gate import Coached, HeldOutPair
    from trainer.refresh import Workshop
    from trainer.run import CoachKind


@contextmanager
def workshop(settings: Settings, output: Path, alpha: float | None, epochs: int | None) -> Iterator["Workshop"]:
    """Everything a refresh works with. Raises: SettingsError, without a base."""
    if not settings.reviser.model:
        raise SettingsError("a refresh needs the base model: --base MODEL, or COACHLM_MODEL")
    from storage.adapters.adapters import DatabaseAdapterRegistry
    from storage.adapters.refresh_runs import RefreshRuns
    from storage.reading import StoreReader
    from trainer.refresh import Workshop
    from trainer.run import train_coach

    base, kind = settings.reviser.model, kind_of(settings.reviser.model)
    recipe = kind.recipe if epochs is None else replace(kind.recipe, epochs=epochs)
    if not kind.base_is_coach:  # what the engines will ask for
        recipe = replace(recipe, prompt_style=settings.reviser.prompt_style)
    with open_database(settings) as database:
        yield Workshop(
            store=StoreReader(database),
            runs=RefreshRuns(database),
            registry=DatabaseAdapterRegistry(database),
            artifacts=adapter_artifacts(settings),
            train=lambda source, folder: train_coach(
                base, source, folder, kind=kind, alpha=alpha, recipe=recipe, revision=settings.reviser.model_revision
            ),
            coach=lambda folder, pairs: _coach(settings, kind, folder, pairs),
            folder=output,
            base_is_coach=kind.base_is_coach,
        )


def _coach(settings: Settings, kind: "CoachKind", folder: Path | None, pairs: Sequence["HeldOutPair"]) -> "Coached":
    """What the adapter in this folder (None: the base alone) makes of the pairs, and how likely it finds the people's
    texts."""
    from reviser.engines import build_reviser
    from trainer.gate import Coached
    from trainer.scoring import pair_nll

    engine = settings.reviser.engine if settings.reviser.engine in kind.engines else kind.engines[0]
    own = {"coach": "tuned", "accept_model": OFF}
    chosen: dict[str, Any] = {"engine": engine, "adapter": None if folder is None else str(folder), **own}
    reviser = build_reviser(settings.replaced(**chosen))
    try:
        revisions = reviser.revise([pair.raw for pair in pairs])
    finally:
        reviser.close()
    assert settings.reviser.model is not None
    texts = [(pair.raw, pair.final) for pair in pairs]
    base = kind.load(settings.reviser.model, settings.reviser.model_revision)
    alone = pair_nll(base, None, texts)  # before the adapter's layers are put in
    return Coached(revisions, alone if folder is None else pair_nll(base, folder, texts), alone)
