"""Building the engine that the settings name."""

from importlib.util import find_spec
from pathlib import Path
from typing import assert_never

from coachlm.errors import ModelError, SettingsError
from coachlm.protocols import Reviser
from coachlm.settings import Settings


def build_reviser(settings: Settings) -> Reviser | None:
    """The engine, ready to revise; None for `none`.

    Raises: SettingsError or ModelError, naming the setting or file and the remedy.
    """
    match settings.engine:
        case "none":
            return None
        case "rules":
            from reviser.rules import RulesReviser

            return RulesReviser()
        case "transformers":
            return _transformers(settings)
        case other:
            assert_never(other)


def _transformers(settings: Settings) -> Reviser:
    if not settings.model:
        raise SettingsError("COACHLM_ENGINE=transformers needs COACHLM_MODEL: a model folder or hub id")
    missing = [package for package in ("torch", "transformers", "peft") if find_spec(package) is None]
    if missing:
        raise ModelError(
            f"the transformers engine needs {', '.join(missing)}: run `make reviser` in the checkout, "
            "or take COACHLM_ENGINE=rules"
        )
    from reviser.adapter import read_adapter
    from reviser.finish import Finisher
    from reviser.model_loading import load_model
    from reviser.transformers_engine import TransformersReviser

    adapter = read_adapter(Path(settings.adapter)) if settings.adapter else None
    loaded = load_model(
        settings.model,
        revision=settings.model_revision,
        trust_remote_code=settings.trust_remote_code,
        adapter=adapter,
    )
    finisher = Finisher(
        engine="transformers",
        adapter=adapter.digest if adapter else None,
        leaked=adapter.training_instructions if adapter else frozenset(),
    )
    return TransformersReviser(
        loaded, finisher, batch_pairs=settings.reviser_batch_pairs, max_new_tokens=settings.max_new_tokens
    )
