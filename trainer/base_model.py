"""The model that is tuned: loading it, what it is by content, its precision, and the LoRA layers put into it."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.pytorch_utils import Conv1D

from coachlm.errors import TrainingError
from coachlm.model_facts import base_digest, context_tokens, eos_ids

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Precision:
    """Where and in which numbers the base computes; LoRA weights and the optimizer are float32 everywhere."""

    device: str
    dtype: torch.dtype
    reason: str


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A model ready to take LoRA layers."""

    name: str  # as given: a folder or hub id
    digest: str  # `sha256:…` of a folder's files, or `commit:…` of the hub
    model: Any  # a transformers PreTrainedModel
    tokenizer: Any
    precision: Precision
    eos_ids: tuple[int, ...]
    pad_id: int
    context_tokens: int


def load_base(name: str, revision: str | None = None) -> BaseModel:
    """A causal language model from a folder or the hub; safetensors only, its own code is never run.

    Raises: TrainingError, naming what was wrong and the remedy.
    """
    folder = Path(name)
    is_path = folder.is_absolute() or name.startswith((".", "~"))
    if is_path and not (folder / "config.json").is_file():
        raise TrainingError(
            f"base {name}: no config.json there; give a hub id or the folder that save_pretrained wrote"
        )
    precision = choose_precision()
    log.info("base %s: %s", name, precision.reason)
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(name, revision=revision)
        model: Any = AutoModelForCausalLM.from_pretrained(
            name, revision=revision, use_safetensors=True, dtype=precision.dtype
        )
    except Exception as error:  # transformers raises nearly anything on a broken folder
        raise TrainingError(f"base {name} can't be loaded: {_first_line(error)}; check its files") from error
    if (digest := base_digest(name, model)) is None:
        raise TrainingError(f"base {name}: the hub named no commit for it, so a run could not say what it tuned")
    ends = eos_ids(model, tokenizer)
    if not ends:
        raise TrainingError(f"base {name} has no end-of-sequence token: a coach tuned on it could never stop")
    pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else ends[0]
    model.config.use_cache = False
    return BaseModel(
        name, digest, model.to(precision.device), tokenizer, precision, ends, pad_id, context_tokens(model)
    )


def choose_precision() -> Precision:
    """bfloat16 on a GPU that proves able, else float32. Never bfloat16 on a CPU: where the machine advertises an
    instruction that it does not grant, trying it would kill the process."""
    if not torch.cuda.is_available():
        return Precision("cpu", torch.float32, "float32 on the CPU: bfloat16 is slower there, or not granted at all")
    try:
        ones = torch.ones(64, 64, device="cuda", dtype=torch.bfloat16)
        able = torch.cuda.is_bf16_supported(including_emulation=False) and bool((ones @ ones == 64).all())
    except RuntimeError as error:
        return Precision("cuda", torch.float32, f"float32: a bfloat16 product failed on the GPU ({_first_line(error)})")
    if not able:
        return Precision("cuda", torch.float32, "float32: the GPU has no bfloat16, and float16 would overflow")
    return Precision("cuda", torch.bfloat16, "bfloat16: the GPU computed a product in it correctly")


def add_lora(base: BaseModel, *, rank: int, alpha: int, modules: tuple[str, ...]) -> Any:
    """The model with LoRA layers in the named modules, or in every linear layer but the output's when none is named.

    Raises: TrainingError, when the model has no such module.
    """
    found = _linear_names(base.model)
    missing = sorted(set(modules) - set(found))
    if missing or not found:
        has = ", ".join(found) or "none"
        raise TrainingError(
            f"base {base.name} has no linear layer named {', '.join(missing) or 'anything'}; it has {has}"
        )
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=rank,
        lora_alpha=alpha,
        lora_dropout=0.0,
        target_modules=list(modules or found),
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in base.model.modules()),  # GPT-2's layers
    )
    return get_peft_model(base.model, config)


def _linear_names(model: Any) -> list[str]:
    """Last parts of the names of linear layers, sorted; PEFT's `all-linear` by the same rule, but in stable order."""
    output = model.get_output_embeddings()
    return sorted(
        {
            name.rsplit(".", 1)[-1]
            for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear | Conv1D) and module is not output
        }
    )


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).strip() or 'no message').splitlines()[0]}"
