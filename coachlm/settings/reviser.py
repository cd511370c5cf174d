"""Settings of engines and adapters."""

from typing import Annotated, Literal

from pydantic import AfterValidator, SecretStr

from coachlm.coaching.engines import ENGINES, engine_names, in_words
from coachlm.settings.fields import Group, Listed, setting

REGISTRY = "registry"
"""The value of `adapter` that follows the adapter registry."""


def _known_engine(name: str) -> str:
    if name not in ENGINES:
        raise ValueError(f"must be one of {in_words(engine_names())}")
    return name


class ReviserSettings(Group):
    """What revises, and how it computes."""

    engine: Annotated[str, AfterValidator(_known_engine)] = setting(
        "engine",
        shown_by="tests/reviser/test_engines.py::test_rules_need_no_model",
        default="rules",
        description=f"What revises: {in_words(engine_names(), notes=True)}.",
    )
    model: str | None = setting(
        "model",
        shown_by="tests/reviser/test_engines.py::test_the_whole_engine_from_settings",
        default=None,
        description="Model folder or hub id for `packed` and `transformers`; what `coachlm convert` wrote for "
        "`openvino`; its name on `openai` servers.",
    )
    model_revision: str | None = setting(
        "model_revision",
        shown_by="tests/reviser/test_model_loading.py::test_remote_code_needs_a_full_commit",
        default=None,
        description="Commit of a hub model; pins what is loaded.",
    )
    trust_remote_code: bool = setting(
        "trust_remote_code",
        shown_by="tests/reviser/test_model_loading.py::test_remote_code_needs_a_full_commit",
        default=False,
        description="Run code that comes with a hub model; `model_revision` must be a full commit.",
    )
    adapter: str | None = setting(
        "adapter",
        shown_by="tests/reviser/test_engines.py::test_the_whole_engine_from_settings",
        default=None,
        description="LoRA adapter folder (safetensors), or `registry`: follow what `coachlm adapters` has in force.",
    )
    registry_poll_seconds: float = setting(
        "registry_poll_seconds",
        shown_by="tests/reviser/test_coach_adapter.py::test_it_follows_the_registry",
        default=10.0,
        ge=0,
        description="Shortest time between two checks of the registry by an engine that follows it.",
    )
    prompt_style: Literal["auto", "paper", "chat"] = setting(
        "prompt_style",
        shown_by="tests/reviser/test_chat_prompts.py::test_a_base_is_asked_in_its_template_unless_told_otherwise",
        default="auto",
        description="How a model is asked: the `paper`'s prompt as it is, or in its own `chat` template; `auto`: as "
        "the adapter was trained, without one in the template if the model has one.",
    )
    prefill: bool = setting(
        "reviser_prefill",
        shown_by="tests/reviser/test_chat_prompts.py::test_a_prefilled_pair_keeps_instruction_and_input",
        default=False,
        description="Give a model instruction and input as they are, so that it writes the response alone.",
    )
    least_kept: float = setting(
        "reviser_least_kept",
        shown_by="tests/coachlm/test_guards_content.py::test_how_much_has_to_be_kept_is_a_setting",
        default=0.0,
        ge=0,
        le=1,
        description="Share of a response's long words that a model's revision must keep, else it is refused. 0: as "
        "good models need; 0.9 suits models below 1B, which lose what was right.",
    )
    max_new_tokens: int = setting(
        "max_new_tokens",
        shown_by="tests/reviser/test_sampling.py::test_the_settings_ask_for_it",
        default=1024,
        ge=1,
        description="Longest revision, in tokens.",
    )
    batch_pairs: int = setting(
        "reviser_batch_pairs",
        shown_by="tests/reviser/test_openvino.py::test_what_the_model_writes_becomes_the_revision",
        default=32,
        ge=1,
        le=4096,
        description="Pairs per forward batch. Paper: 32.",
    )
    cache_mib: int = setting(
        "reviser_cache_mib",
        shown_by="tests/reviser/test_openvino.py::test_a_small_cache_delays_and_a_tiny_one_falls_back",
        default=2048,
        ge=1,
        description="Memory for keys and values, at most: of `packed`, where it sets how many pairs run at once, and "
        "of `openvino`, for each adapter in force.",
    )
    half_cache: bool = setting(
        "reviser_half_cache",
        shown_by="tests/reviser/test_int8.py::test_the_settings_choose_them",
        default=False,
        description="Keep keys and values in 16 bits on the CPU too: twice the slots, slower steps.",
    )
    int8: bool = setting(
        "reviser_int8",
        shown_by="tests/reviser/test_int8.py::test_the_settings_choose_them",
        default=False,
        description="Linear layers, keys and values in int8 on the CPU: faster, less memory, a little less precise. "
        "`openvino` computes in what its model was converted to.",
    )
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = setting(
        "reviser_dtype",
        shown_by="tests/reviser/test_engines.py::test_what_a_gpu_computes_in_is_handed_on",
        default="auto",
        description="What a model on a GPU computes in; `auto`: bfloat16 where it can. On a CPU always float32.",
    )
    graphs: Literal["auto", "on", "off"] = setting(
        "reviser_graphs",
        shown_by="tests/reviser/test_engines.py::test_what_needs_a_gpu_is_refused_without_one",
        default="auto",
        description="Whether `packed` captures its steps as CUDA graphs; `auto`: on a GPU. Untested on a real GPU.",
    )
    attention: Literal["auto", "sdpa", "triton"] = setting(
        "reviser_attention",
        shown_by="tests/reviser/test_engines.py::test_what_needs_a_gpu_is_refused_without_one",
        default="auto",
        description="Attention in captured steps: `triton` (our kernel) or `sdpa` (torch's); `auto`: the kernel, "
        "if it agrees with torch.",
    )


class OpenaiSettings(Group):
    """Servers that the engine `openai` works on."""

    servers: Listed[str] = setting(
        "openai_servers",
        default=(),
        description="Base URLs of OpenAI-compatible servers for `openai`, e.g. `http://gpu1:8000/v1`.",
    )
    api_key: SecretStr = setting("openai_api_key", default=SecretStr(""), description="Key for those servers.")
    endpoint: Literal["completions", "chat"] = setting(
        "openai_endpoint",
        default="completions",
        description="`completions` for a coach; `chat` for servers that only chat.",
    )
    in_flight: int = setting(
        "openai_in_flight", default=64, ge=1, le=10_000, description="Concurrent requests to each server."
    )
    request_seconds: float = setting(
        "openai_request_seconds", default=120.0, gt=0, description="Time limit of one request."
    )
    outage_seconds: float = setting(
        "openai_outage_seconds",
        default=300.0,
        ge=0,
        description="How long a batch is retried while servers fail; then its pairs stay unrevised.",
    )


class SamplingSettings(Group):
    """Drawing tokens instead of taking the likeliest."""

    temperature: float = setting(
        "sampling_temperature",
        shown_by="tests/reviser/test_sampling.py::test_the_settings_ask_for_it",
        default=0.0,
        ge=0,
        le=10,
        allow_inf_nan=False,
        description="0: always the likeliest token, as in the paper. Above: `packed` and `transformers` draw tokens.",
    )
    top_k: int = setting(
        "sampling_top_k",
        shown_by="tests/reviser/test_sampling.py::test_the_settings_ask_for_it",
        default=0,
        ge=0,
        description="Draw from this many likeliest tokens; 0: from all.",
    )
    top_p: float = setting(
        "sampling_top_p",
        shown_by="tests/reviser/test_sampling.py::test_the_settings_ask_for_it",
        default=1.0,
        gt=0,
        le=1,
        description="Draw from the likeliest tokens whose probabilities sum to this.",
    )
    seed: int = setting(
        "sampling_seed",
        shown_by="tests/reviser/test_sampling.py::test_the_settings_ask_for_it",
        default=0,
        ge=0,
        lt=1 << 64,
        description="The same seed and pair give the same revision.",
    )


class AdapterSettings(Group):
    """Where adapters are published and kept."""

    url: str = setting(
        "adapters_url",
        shown_by="tests/reviser/test_coach_adapter.py::test_it_follows_the_registry",
        default="adapters",
        description="Where adapters are published: a folder, or a URL that fsspec knows (s3://…).",
    )
    cache: str = setting(
        "adapters_cache",
        shown_by="tests/reviser/test_coach_adapter.py::test_it_follows_the_registry",
        default="~/.cache/coachlm/adapters",
        description="Local folder for adapters fetched from there.",
    )
