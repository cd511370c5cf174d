"""Building the engine that the settings name."""

import logging
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from coachlm.errors import ModelError, SettingsError
from coachlm.protocols import Reviser
from coachlm.settings import Settings
from reviser.models.sampling import Sampling

if TYPE_CHECKING:
    from collections.abc import Callable

    from coachlm.coaching.adapters import AdapterRecord, InForce
    from coachlm.coaching.prompting import Prompting
    from reviser.models.model_loading import LoadedModel
    from reviser.openvino.decoder import DecoderOptions
    from reviser.openvino.folder import ConvertedModel
    from reviser.packed.graphs import Graphs
    from reviser.pairs.finish import Finisher
    from reviser.pairs.prompts import Asking

log = logging.getLogger(__name__)


def build_reviser(settings: Settings) -> Reviser | None:
    """The engine, ready to revise; None for `none`.

    Raises: SettingsError or ModelError, naming the setting or file and the remedy.
    """
    _check_sampling(settings)
    match settings.engine:
        case "none":
            return None
        case "rules":
            from reviser.rules.reviser import RulesReviser

            return RulesReviser()
        case "coach":
            return _coach(settings)
        case "packed" | "transformers":
            return _with_model(settings)
        case "openvino":
            return _with_openvino(settings)
        case "openai":
            return _with_servers(settings)
        case other:
            assert_never(other)


def build_coach(settings: Settings) -> "Callable[[Path | None], Reviser]":
    """Builds coaches that tag, each with the adapter of a folder or with none, all reading with the same word lists.

    Raises: ModelError; the function too.
    """
    from reviser.coach.adapted import with_adapter
    from reviser.coach.bundle import BUNDLE, COACH, coach_folder, read_bundle
    from reviser.coach.reviser import CoachReviser
    from reviser.models.adapter import read_adapter

    bundle = read_bundle(coach_folder(settings.model or COACH) or BUNDLE)

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
    if settings.engine == "openvino":
        return _adapting_openvino(settings, in_force, fetch)
    if settings.reviser_int8:  # packed weights can't be switched: an engine an adapter
        return None
    engine = _with_model(settings.model_copy(update={"adapter": None}))
    from reviser.following.adapting import AdaptingReviser
    from reviser.packed.reviser import PackedReviser

    if isinstance(engine, PackedReviser):
        return AdaptingReviser(engine, in_force, fetch, settings.registry_poll_seconds)
    engine.close()
    return None


def _coach(settings: Settings) -> Reviser:
    return build_coach(settings)(Path(settings.adapter) if settings.adapter else None)


def _check_sampling(settings: Settings) -> None:
    if settings.sampling_temperature > 0 and settings.engine not in ("packed", "transformers", "none"):
        raise SettingsError(
            f"COACHLM_SAMPLING_TEMPERATURE: the {settings.engine} engine does not sample; "
            "set it to 0, or take COACHLM_ENGINE=packed or transformers"
        )


def _sampling(settings: Settings) -> Sampling | None:
    if settings.sampling_temperature == 0:
        return None
    return Sampling(
        settings.sampling_temperature, settings.sampling_top_k, settings.sampling_top_p, settings.sampling_seed
    )


def _with_model(settings: Settings) -> Reviser:
    if not settings.model:
        raise SettingsError(f"COACHLM_ENGINE={settings.engine} needs COACHLM_MODEL: a model folder or hub id")
    missing = [package for package in ("torch", "transformers", "peft") if find_spec(package) is None]
    if missing:
        raise ModelError(
            f"the {settings.engine} engine needs {', '.join(missing)}: run `make reviser` in the checkout, "
            "or take COACHLM_ENGINE=rules"
        )
    from reviser.generate.reviser import TransformersReviser
    from reviser.models.adapter import read_adapter
    from reviser.models.model_loading import load_model
    from reviser.pairs.finish import Finisher

    adapter = read_adapter(Path(settings.adapter)) if settings.adapter else None
    loaded = load_model(
        settings.model,
        revision=settings.model_revision,
        trust_remote_code=settings.trust_remote_code,
        adapter=adapter,
        int8=settings.reviser_int8,
        dtype=settings.reviser_dtype,
    )
    finisher = Finisher(
        engine=settings.engine,
        adapter=adapter.digest if adapter else None,
        leaked=adapter.training_instructions if adapter else frozenset(),
        least_kept=settings.reviser_least_kept,
    )
    asking = _asking(settings)
    prompting = asking.of(settings.model, loaded.frame, adapter)
    log.info("asked with the %s prompt", prompting.style)
    if settings.engine == "packed" and (packed := _packed(settings, loaded, finisher, prompting)):
        return packed
    return TransformersReviser(
        loaded,
        replace(finisher, engine="transformers"),
        batch_pairs=settings.reviser_batch_pairs,
        max_new_tokens=settings.max_new_tokens,
        sampling=_sampling(settings),
        prompting=prompting,
        prefill=asking.prefill,
    )


def _asking(settings: Settings) -> "Asking":
    from reviser.pairs.prompts import Asking

    return Asking(settings.prompt_style, settings.reviser_prefill)


def _with_openvino(settings: Settings) -> Reviser:
    from reviser.openvino.checks import check_adapter
    from reviser.openvino.reviser import OpenvinoReviser

    model = _converted(settings)
    check_adapter(model, Path(settings.adapter) if settings.adapter else None)
    return OpenvinoReviser(
        model,
        _decoder_options(settings),
        settings.max_new_tokens,
        least_kept=settings.reviser_least_kept,
        asking=_asking(settings),
    )


def _adapting_openvino(
    settings: Settings, in_force: "Callable[[], InForce]", fetch: "Callable[[AdapterRecord], Path]"
) -> Reviser:
    from reviser.following.adapting import AdaptingReviser
    from reviser.openvino.adapters import AdapterConversions
    from reviser.openvino.checks import check_base_alone, check_base_of
    from reviser.openvino.reviser import OpenvinoReviser

    model = _converted(settings)
    check_base_alone(model)
    conversions = AdapterConversions(
        model, Path(settings.adapters_cache).expanduser() / "openvino", trust_remote_code=settings.trust_remote_code
    )

    def fetch_own(record: "AdapterRecord") -> Path:
        check_base_of(record, model)
        return fetch(record)

    engine = OpenvinoReviser(
        model,
        _decoder_options(settings),
        settings.max_new_tokens,
        conversions,
        least_kept=settings.reviser_least_kept,
        asking=_asking(settings),
    )
    return AdaptingReviser(engine, in_force, fetch_own, settings.registry_poll_seconds)


def _converted(settings: Settings) -> "ConvertedModel":
    from reviser.openvino.folder import read_converted
    from reviser.openvino.runtime import import_genai

    if not settings.model:
        raise SettingsError("COACHLM_ENGINE=openvino needs COACHLM_MODEL: a folder that `coachlm convert` made")
    import_genai()
    model = read_converted(Path(settings.model))
    if settings.reviser_int8 and model.manifest.numbers != "int8":
        raise SettingsError(
            f"COACHLM_REVISER_INT8 is set and {settings.model} is in {model.manifest.numbers}: convert it with --int8"
        )
    return model


def _decoder_options(settings: Settings) -> "DecoderOptions":
    from reviser.openvino.decoder import DecoderOptions

    return DecoderOptions(
        cache_bytes=settings.reviser_cache_mib << 20,
        slots=settings.reviser_batch_pairs,
        half_cache=settings.reviser_half_cache,
    )


def _with_servers(settings: Settings) -> Reviser:
    if find_spec("httpx") is None:
        raise ModelError("the openai engine needs httpx: run `make reviser` in the checkout")
    from coachlm.coaching.prompting import PAPER
    from reviser.models.adapter import read_adapter
    from reviser.pairs.finish import Finisher
    from reviser.remote.reviser import RemoteOptions, RemoteReviser

    adapter = read_adapter(Path(settings.adapter)) if settings.adapter else None
    options = RemoteOptions(
        servers=settings.openai_servers,
        model=settings.model or "",
        api_key=settings.openai_api_key.get_secret_value(),
        endpoint=settings.openai_endpoint,
        in_flight=settings.openai_in_flight,
        max_new_tokens=settings.max_new_tokens,
        request_seconds=settings.openai_request_seconds,
        outage_seconds=settings.openai_outage_seconds,
        prompting=_asking(settings).of("", None, adapter) if adapter else PAPER,
    )
    finisher = Finisher(
        engine="openai",
        adapter=adapter.digest if adapter else None,
        leaked=adapter.training_instructions if adapter else frozenset(),
        least_kept=settings.reviser_least_kept,
    )
    return RemoteReviser(options, finisher, adapter.folder if adapter else None)


def graphs_for(settings: Settings, device: str) -> "Graphs | None":
    """Raises: SettingsError, for what there is no GPU for, or what contradicts itself."""
    if settings.reviser_graphs == "on" and device != "cuda":
        raise SettingsError("COACHLM_REVISER_GRAPHS=on needs an NVIDIA GPU, and torch sees none; leave it at auto")
    if settings.reviser_graphs == "off" or device != "cuda":
        if settings.reviser_attention == "triton":
            raise SettingsError("COACHLM_REVISER_ATTENTION=triton needs COACHLM_REVISER_GRAPHS and a GPU; take auto")
        return None
    from reviser.packed.graphs import CudaGraphs

    return CudaGraphs()


def _packed(settings: Settings, loaded: "LoadedModel", finisher: "Finisher", prompting: "Prompting") -> Reviser | None:
    """None for a model that it can't do; the log says why."""
    from reviser.packed.reviser import PackedOptions, PackedReviser
    from reviser.packed.slots.support import UnsupportedModel

    options = PackedOptions(
        cache_bytes=settings.reviser_cache_mib << 20,
        max_slots=settings.reviser_batch_pairs,
        max_new_tokens=settings.max_new_tokens,
        half_cache=settings.reviser_half_cache,
        int8_cache=settings.reviser_int8,
        graphs=graphs_for(settings, loaded.model.device.type),
        attention=settings.reviser_attention,
        sampling=_sampling(settings),
        asking=_asking(settings),
    )
    try:
        return PackedReviser(loaded, finisher, options, prompting)
    except UnsupportedModel as reason:
        log.warning("the packed engine can't take this model, plain generate does: %s", reason)
        return None
