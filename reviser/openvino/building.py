"""Building the engine of converted models from the settings, with one adapter or following the registry."""

from collections.abc import Callable
from pathlib import Path

from coachlm.coaching.adapters import AdapterRecord, InForce
from coachlm.errors import SettingsError
from coachlm.protocols.revising import Reviser
from coachlm.settings import Settings
from reviser.following.adapting import AdaptingReviser
from reviser.instructed.in_process import Told
from reviser.openvino.adapters import AdapterConversions
from reviser.openvino.checks import check_adapter, check_base_alone, check_base_of
from reviser.openvino.decoder import DecoderOptions
from reviser.openvino.folder import ConvertedModel, read_converted
from reviser.openvino.reviser import OpenvinoReviser
from reviser.openvino.runtime import import_genai
from reviser.pairs.prompts import asking_of


def build_openvino(settings: Settings, told: Told | None = None) -> Reviser:
    """`told`: what an instructed coach is told; without it the converted coach is a tuned one."""
    model = _converted(settings)
    check_adapter(model, Path(settings.reviser.adapter) if settings.reviser.adapter else None)
    return OpenvinoReviser(
        model,
        _decoder_options(settings),
        settings.reviser.max_new_tokens,
        least_kept=settings.reviser.least_kept,
        asking=asking_of(settings),
        told=told,
    )


def build_adapting_openvino(
    settings: Settings, in_force: Callable[[], InForce], fetch: Callable[[AdapterRecord], Path]
) -> Reviser:
    model = _converted(settings)
    check_base_alone(model)
    conversions = AdapterConversions(
        model,
        Path(settings.adapters.cache).expanduser() / "openvino",
        trust_remote_code=settings.reviser.trust_remote_code,
    )

    def fetch_own(record: AdapterRecord) -> Path:
        check_base_of(record, model)
        return fetch(record)

    engine = OpenvinoReviser(
        model,
        _decoder_options(settings),
        settings.reviser.max_new_tokens,
        conversions,
        least_kept=settings.reviser.least_kept,
        asking=asking_of(settings),
    )
    return AdaptingReviser(engine, in_force, fetch_own, settings.reviser.registry_poll_seconds)


def _converted(settings: Settings) -> ConvertedModel:
    if not settings.reviser.model:
        raise SettingsError("COACHLM_ENGINE=openvino needs COACHLM_MODEL: a folder that `coachlm convert` made")
    import_genai()
    model = read_converted(Path(settings.reviser.model))
    if settings.reviser.int8 and model.manifest.numbers != "int8":
        raise SettingsError(
            f"COACHLM_REVISER_INT8 is set and {settings.reviser.model} is in {model.manifest.numbers}: "
            "convert it with --int8"
        )
    return model


def _decoder_options(settings: Settings) -> DecoderOptions:
    return DecoderOptions(
        cache_bytes=settings.reviser.cache_mib << 20,
        slots=settings.reviser.batch_pairs,
        half_cache=settings.reviser.half_cache,
    )
