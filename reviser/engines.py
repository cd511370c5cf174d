"""Building the engine that the settings name."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from coachlm.coaching.engines import ENGINES, Engine, check_revises, engine_names, in_words
from coachlm.errors import ModelError, SettingsError
from coachlm.protocols.revising import Reviser
from coachlm.settings import Settings
from reviser.choosing.building import candidate_sampling, with_choice
from reviser.choosing.bundled_lm import with_bundled_lm
from reviser.models.sampling import Sampling
from reviser.pairs.prompts import asking_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from coachlm.coaching.adapters import AdapterRecord, InForce
    from coachlm.coaching.prompting import Prompting
    from reviser.instructed.examples import ExampleStore
    from reviser.instructed.in_process import Told
    from reviser.models.model_loading import LoadedModel
    from reviser.packed.graphs import Graphs
    from reviser.pairs.finish import Finisher

log = logging.getLogger(__name__)


def build_reviser(settings: Settings, examples: "ExampleStore | None" = None) -> Reviser:
    """The engine, ready to revise; `examples`: for an instructed coach, else those that the settings name.

    Raises: SettingsError or ModelError, naming the setting or file and the remedy.
    """
    check_revises(settings.reviser.engine)
    _check_sampling(settings)
    settings = with_bundled_lm(settings)
    if settings.instructing.coach == "instructed":
        return with_choice(settings, _build_instructed(settings, examples))
    return with_choice(settings, BUILDERS[settings.reviser.engine](settings))


def _build_instructed(settings: Settings, examples: "ExampleStore | None") -> Reviser:
    engine = ENGINES[settings.reviser.engine]
    if not engine.instructed:
        able = in_words(engine_names(lambda each: each.instructed))
        raise SettingsError(
            f"COACHLM_COACH=instructed: engine `{engine.name}` can't be told what to do; choose {able}, or "
            "COACHLM_COACH=tuned"
        )
    from reviser.instructed.building import example_store, instructions_of
    from reviser.instructed.in_process import Told

    if settings.reviser.adapter:
        log.warning("adapter %s is left out: the coach is instructed", settings.reviser.adapter)
        settings = settings.replaced(adapter=None)
    told = Told(
        instructions_of(settings, "json" if engine.servers else "fields"),
        example_store(settings) if examples is None else examples,
    )
    if settings.reviser.model:
        log.info("instructed coach %s, %d examples", told.coach_id(settings.reviser.model), len(told.examples))
    return BUILDERS_OF_INSTRUCTED[engine.name](settings, told)


def build_coach(settings: Settings) -> "Callable[[Path | None], Reviser]":
    """Builds coaches that tag, each with the adapter of a folder or with none, all reading with the same word lists.

    Raises: ModelError; the function too.
    """
    from reviser.coach.adapted import with_adapter
    from reviser.coach.bundle import BUNDLE, COACH, coach_folder, read_bundle
    from reviser.coach.reviser import CoachReviser
    from reviser.models.adapter import read_adapter

    bundle = read_bundle(coach_folder(settings.reviser.model or COACH) or BUNDLE)

    def build(folder: "Path | None") -> Reviser:
        if folder is None:
            return CoachReviser(bundle)
        adapter = read_adapter(folder)
        return CoachReviser(with_adapter(bundle, adapter), adapter.training_instructions)

    return build


def build_adapting(
    settings: Settings, in_force: "Callable[[], InForce]", fetch: "Callable[[AdapterRecord], Path]"
) -> Reviser | None:
    """An engine, `packed` or `openvino`, that changes adapters while pairs flow; None for a model that `packed` can't
    do, or in its int8.

    Raises: SettingsError, ModelError.
    """
    if settings.reviser.engine == "openvino":
        from reviser.openvino.building import build_adapting_openvino

        return build_adapting_openvino(settings, in_force, fetch)
    if settings.reviser.int8:  # packed weights can't be switched: an engine an adapter
        return None
    engine = _with_model(settings.replaced(adapter=None))
    from reviser.following.adapting import AdaptingReviser
    from reviser.packed.reviser import PackedReviser

    if isinstance(engine, PackedReviser):
        return AdaptingReviser(engine, in_force, fetch, settings.reviser.registry_poll_seconds)
    engine.close()
    return None


def _rules(_: Settings) -> Reviser:
    from reviser.rules.reviser import RulesReviser

    return RulesReviser()


def _coach(settings: Settings) -> Reviser:
    return build_coach(settings)(Path(settings.reviser.adapter) if settings.reviser.adapter else None)


def _check_sampling(settings: Settings) -> None:
    if settings.sampling.temperature > 0 and not ENGINES[settings.reviser.engine].samples:
        raise SettingsError(
            f"COACHLM_SAMPLING_TEMPERATURE: the {settings.reviser.engine} engine does not sample; "
            f"set it to 0, or choose {in_words(engine_names(lambda engine: engine.samples))}"
        )


def _check_packages(engine: Engine) -> None:
    if engine.extra and (problem := engine.extra.lack(f"the {engine.name} engine needs")):
        raise ModelError(f"{problem}; or take COACHLM_ENGINE=rules")


def _sampling(settings: Settings) -> Sampling | None:
    if settings.sampling.temperature == 0:
        return None
    return Sampling(
        settings.sampling.temperature, settings.sampling.top_k, settings.sampling.top_p, settings.sampling.seed
    )


def _with_servers(settings: Settings, told: "Told | None" = None) -> Reviser:
    _check_packages(ENGINES[settings.reviser.engine])
    from reviser.remote.building import instructed_on_servers, tuned_on_servers

    if told is not None:
        return instructed_on_servers(settings, told.instructions, told.examples)
    return tuned_on_servers(settings, asking_of(settings))


def _with_model(settings: Settings, told: "Told | None" = None) -> Reviser:
    if not settings.reviser.model:
        raise SettingsError(f"COACHLM_ENGINE={settings.reviser.engine} needs COACHLM_MODEL: a model folder or hub id")
    _check_packages(ENGINES[settings.reviser.engine])
    from reviser.generate.reviser import TransformersReviser
    from reviser.models.adapter import read_adapter
    from reviser.models.model_loading import load_model
    from reviser.pairs.finish import Finisher

    adapter = read_adapter(Path(settings.reviser.adapter)) if settings.reviser.adapter else None
    loaded = load_model(
        settings.reviser.model,
        revision=settings.reviser.model_revision,
        trust_remote_code=settings.reviser.trust_remote_code,
        adapter=adapter,
        int8=settings.reviser.int8,
        dtype=settings.reviser.dtype,
    )
    finisher = Finisher(
        engine=settings.reviser.engine,
        adapter=adapter.digest if adapter else None,
        leaked=adapter.training_instructions if adapter else frozenset(),
        least_kept=settings.reviser.least_kept,
    )
    asking = asking_of(settings)
    prompting = asking.of(settings.reviser.model, loaded.frame, adapter)
    if told is not None:
        finisher = told.finisher(settings.reviser.engine, settings.reviser.model, settings.reviser.least_kept)
        prompting = told.prompting(settings.reviser.model, prompting)
    log.info("asked with the %s prompt", prompting.style)
    if settings.reviser.engine == "packed" and (packed := _packed(settings, loaded, finisher, prompting)):
        return packed
    return TransformersReviser(
        loaded,
        replace(finisher, engine="transformers"),
        batch_pairs=settings.reviser.batch_pairs,
        max_new_tokens=settings.reviser.max_new_tokens,
        sampling=_sampling(settings),
        prompting=prompting,
        prefill=asking.prefill,
    )


def _with_openvino(settings: Settings, told: "Told | None" = None) -> Reviser:
    from reviser.openvino.building import build_openvino

    return build_openvino(settings, told)


def graphs_for(settings: Settings, device: str) -> "Graphs | None":
    """Raises: SettingsError, for what there is no GPU for, or what contradicts itself."""
    if settings.reviser.graphs == "on" and device != "cuda":
        raise SettingsError("COACHLM_REVISER_GRAPHS=on needs an NVIDIA GPU, and torch sees none; leave it at auto")
    if settings.reviser.graphs == "off" or device != "cuda":
        if settings.reviser.attention == "triton":
            raise SettingsError("COACHLM_REVISER_ATTENTION=triton needs COACHLM_REVISER_GRAPHS and a GPU; take auto")
        return None
    from reviser.packed.graphs import CudaGraphs

    return CudaGraphs()


def _packed(settings: Settings, loaded: "LoadedModel", finisher: "Finisher", prompting: "Prompting") -> Reviser | None:
    """None for a model that it can't do; the log says why."""
    from reviser.instructed.examples import EXAMPLE_TOKENS
    from reviser.packed.reviser import PackedOptions, PackedReviser
    from reviser.packed.slots.support import UnsupportedModel

    options = PackedOptions(
        cache_bytes=settings.reviser.cache_mib << 20,
        max_slots=settings.reviser.batch_pairs,
        max_new_tokens=settings.reviser.max_new_tokens,
        half_cache=settings.reviser.half_cache,
        int8_cache=settings.reviser.int8,
        graphs=graphs_for(settings, loaded.model.device.type),
        attention=settings.reviser.attention,
        sampling=_sampling(settings) or candidate_sampling(settings),
        asking=asking_of(settings),
        shown_tokens=EXAMPLE_TOKENS * settings.instructing.shown if settings.instructing.coach == "instructed" else 0,
    )
    try:
        return PackedReviser(loaded, finisher, options, prompting)
    except UnsupportedModel as reason:
        log.warning("the packed engine can't take this model, plain generate does: %s", reason)
        return None


BUILDERS: "Mapping[str, Callable[[Settings], Reviser]]" = {
    "rules": _rules,
    "coach": _coach,
    "packed": _with_model,
    "transformers": _with_model,
    "openvino": _with_openvino,
    "openai": _with_servers,
}
"""Of each engine in `coachlm.coaching.engines` that revises (a test checks)."""

BUILDERS_OF_INSTRUCTED: "Mapping[str, Callable[[Settings, Told], Reviser]]" = {
    "packed": _with_model,
    "transformers": _with_model,
    "openvino": _with_openvino,
    "openai": _with_servers,
}
