"""Loading a causal language model: safetensors only, remote code only when pinned, an adapter merged in."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from coachlm.coaching.model_facts import context_tokens, eos_ids, gguf_remedy, lost_end
from coachlm.coaching.prompting import ChatFrame, chat_frame
from coachlm.errors import ModelError
from reviser.models.adapter import Adapter, refuse_pickles
from reviser.models.int8_linear import quantise

_COMMIT = re.compile(r"[0-9a-f]{40}")
_LORA = re.compile(r"^base_model\.model\.(?P<module>.+)\.lora_(?P<side>[AB])(?:\.[^.]+)?\.weight$")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready to generate, its tokeniser and how much it can take."""

    model: Any  # a transformers PreTrainedModel
    tokenizer: Any
    context_tokens: int
    eos_ids: tuple[int, ...]
    name: str = ""  # folder or hub id
    frame: ChatFrame | None = None  # of its chat template

    def encode(self, text: str) -> list[int]:
        return self.tokenizer(text, verbose=False)["input_ids"]

    def encode_plain(self, text: str) -> list[int]:
        return self.tokenizer(text, verbose=False, add_special_tokens=False)["input_ids"]

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True)


def load_model(
    name: str,
    *,
    revision: str | None = None,
    trust_remote_code: bool = False,
    adapter: Adapter | None = None,
    int8: bool = False,
    on_cpu: bool = False,
    dtype: str = "auto",
) -> LoadedModel:
    """The model of a folder or hub id, on the GPU if there is one, with the adapter merged into its weights.

    `int8`: linear layers in int8, on the CPU alone. `on_cpu`: leave the GPU alone. `dtype`: torch's name of it, for a
    GPU.

    Raises: ModelError, naming what was wrong and the remedy.
    """
    _check_source(name, revision, trust_remote_code)
    device, computed = _device_and_dtype(on_cpu, dtype)
    options: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(name, padding_side="left", **options)
        model: Any = AutoModelForCausalLM.from_pretrained(name, use_safetensors=True, dtype=computed, **options)
    except Exception as error:  # transformers raises nearly anything on a broken folder
        raise ModelError(f"model {name} can't be loaded: {first_line(error)}; check its files") from error
    if adapter is not None:
        model = _with_adapter(model, name, adapter)
    ends = eos_ids(model, tokenizer)
    if not ends:
        raise ModelError("the model's tokeniser has no end-of-sequence token: its outputs could never end")
    if int8 and device == "cpu":
        log.info("%d linear layers in int8", _quantised(model, name))
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(ends[0])
    if doubt := lost_end(model, tokenizer):
        log.warning("model %s: %s; the latter is taken", name, doubt)
    return LoadedModel(model.to(device).eval(), tokenizer, context_tokens(model), ends, name, chat_frame(tokenizer))


def _quantised(model: Any, name: str) -> int:
    try:
        return quantise(model)
    except (RuntimeError, AttributeError) as error:
        raise ModelError(
            f"model {name} can't be computed in int8 here: {first_line(error)}; leave COACHLM_REVISER_INT8 out"
        ) from error


def _check_source(name: str, revision: str | None, trust_remote_code: bool) -> None:
    if trust_remote_code and not (revision and _COMMIT.fullmatch(revision)):
        raise ModelError(
            f"model {name}: COACHLM_TRUST_REMOTE_CODE needs COACHLM_MODEL_REVISION to be a full commit (40 hex "
            "digits): a branch or tag may change what is run"
        )
    if remedy := gguf_remedy(name):
        raise ModelError(remedy)
    folder = Path(name)
    if not folder.exists():
        if folder.is_absolute() or name.startswith((".", "~")):
            raise ModelError(f"model {name}: no such folder")
        return
    if not (folder / "config.json").is_file():
        raise ModelError(f"model {name}: config.json is missing; give the folder that save_pretrained wrote")
    if not any(folder.glob("*.safetensors")):
        refuse_pickles(folder, "convert it with save_pretrained(safe_serialization=True)")
        raise ModelError(f"model {name}: no *.safetensors in the folder; give the folder that save_pretrained wrote")
    if not any((folder / file).is_file() for file in ("tokenizer.json", "tokenizer.model", "tokenizer_config.json")):
        raise ModelError(f"model {name}: it has no tokeniser; save it into the folder with save_pretrained")


def _device_and_dtype(on_cpu: bool, asked: str) -> tuple[str, torch.dtype]:
    if on_cpu or not torch.cuda.is_available():
        if asked not in ("auto", "float32"):
            raise ModelError(f"COACHLM_REVISER_DTYPE={asked}: there is no GPU here, and a CPU computes in float32")
        log.info("float32 on the CPU, whatever the checkpoint declares: bf16 is slower there, or not granted at all")
        return "cpu", torch.float32
    if asked != "auto":
        return "cuda", getattr(torch, asked)
    if torch.cuda.is_bf16_supported():
        log.info("bfloat16 on the GPU")
        return "cuda", torch.bfloat16
    log.info("float16 on the GPU: it has no bfloat16")
    return "cuda", torch.float16


def _with_adapter(model: Any, name: str, adapter: Adapter) -> Any:
    check_base(model, name, adapter)
    try:
        # Merged weights: a separate LoRA costs a quarter to a half of every step.
        return PeftModel.from_pretrained(model, str(adapter.folder)).merge_and_unload(safe_merge=True)
    except Exception as error:  # PEFT too raises nearly anything
        raise ModelError(f"adapter {adapter.folder} can't be merged into {name}: {first_line(error)}") from error


def check_base(model: Any, name: str, adapter: Adapter) -> None:
    """Compare every LoRA matrix with the layer it is for, before PEFT fills in what does not fit.

    Raises: ModelError.
    """
    layers = dict(model.named_modules())
    for tensor, shape in adapter.shapes.items():
        match = _LORA.match(tensor)
        if match is None:
            continue
        layer = layers.get(match["module"])
        wanted = _lora_width(layer, match["side"])
        found = shape[1] if match["side"] == "A" else shape[0]
        if wanted != found:
            says = f"; it says it was trained on {adapter.base}" if adapter.base else ""
            problem = "has no such layer" if layer is None else f"is {wanted} wide there, the adapter {found}"
            raise ModelError(
                f"adapter {adapter.folder} is for another base than {name}: at {match['module']} the model {problem}"
                f"{says}; give COACHLM_MODEL that base"
            )
    if adapter.base and Path(adapter.base).name != Path(name).name:
        _check_names(name, adapter.folder, adapter.base)


def _check_names(name: str, folder: Path, base: str) -> None:
    """The shapes fit but the names differ: refuse between hub ids, warn where a folder may have been renamed."""
    if not Path(name).exists() and not Path(base).is_absolute():
        raise ModelError(f"adapter {folder} was trained on {base}, not on {name}; give COACHLM_MODEL that base")
    log.warning(
        "adapter %s says it was trained on %s; it fits %s, so the folder may have been renamed", folder, base, name
    )


def _lora_width(layer: Any, side: str) -> int | None:
    """Inputs (side A) or outputs (side B) of a linear layer; None for anything else."""
    if isinstance(layer, torch.nn.Linear):
        return layer.in_features if side == "A" else layer.out_features
    weight = getattr(layer, "weight", None)  # GPT-2's Conv1D keeps (in, out)
    return None if weight is None or weight.dim() != 2 else weight.shape[0 if side == "A" else 1]


def first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no message'}"
