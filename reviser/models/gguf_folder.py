"""From a GGUF file to a folder that every engine and `coachlm train` takes: float32, with tokeniser and template.

transformers reads the file, and leaves three traps behind: it refuses to save what it calls quantised, gives the
tokeniser another end token than the file says, and has it clean up spaces when decoding.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coachlm.errors import ModelError
from coachlm.machine import extras

_SPECIAL = {"eos": "eos_token", "bos": "bos_token", "padding": "pad_token", "unknown": "unk_token"}


@dataclass(frozen=True, slots=True)
class GgufFolder:
    """What was made."""

    folder: Path
    weights_bytes: int
    end_token: str
    has_chat_template: bool


def convert_gguf(source: Path, target: Path) -> GgufFolder:
    """Write `target`, whole or not at all. Nothing is pickled, and none of the file's own code is run.

    Raises: ModelError, naming what was wrong and the remedy.
    """
    if problem := extras.GGUF.lack("reading a GGUF file needs"):
        raise ModelError(problem)
    if target.exists():
        raise ModelError(f"{target} is there already; give another folder, or remove it")
    ends = _token_ids(source)
    tokenizer, model = _loaded(source)
    _name_special_tokens(tokenizer, model, ends)
    _forget_quantisation(model)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        model.save_pretrained(partial, safe_serialization=True)
        tokenizer.save_pretrained(partial)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.rename(target)
    except OSError as error:
        raise ModelError(f"{source} can't be written as {target}: {error}; make room") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    weights = sum(path.stat().st_size for path in target.glob("*.safetensors"))
    return GgufFolder(target, weights, str(tokenizer.eos_token), bool(getattr(tokenizer, "chat_template", None)))


def _token_ids(source: Path) -> dict[str, int]:
    """What the file itself says of special tokens: `eos`, `bos`, `eot`, …"""
    from gguf import GGUFReader

    try:
        fields = GGUFReader(str(source)).fields
    except Exception as error:  # the reader raises whatever broken bytes lead to
        raise ModelError(f"{source} can't be read as GGUF: {error}; download it again") from error
    found: dict[str, int] = {}
    for name in (*_SPECIAL, "eot", "eom"):
        if (held := fields.get(f"tokenizer.ggml.{name}_token_id")) is not None:
            found[name] = int(held.contents())
    return found


def _loaded(source: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
        model: Any = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
    except Exception as error:  # transformers raises nearly anything
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(
            f"{source} can't be converted: {reason}; take the model's safetensors from whoever published it"
        ) from error
    return tokenizer, model


def _name_special_tokens(tokenizer: Any, model: Any, ids: dict[str, int]) -> None:
    for name, ours in _SPECIAL.items():
        if name in ids:
            setattr(tokenizer, ours, tokenizer.convert_ids_to_tokens(ids[name]))
    tokenizer.clean_up_tokenization_spaces = False
    ends = list(dict.fromkeys(ids[name] for name in ("eos", "eot", "eom") if name in ids))
    if ends:
        model.generation_config.eos_token_id = ends[0] if len(ends) == 1 else ends
        model.config.eos_token_id = ends[0]


def _forget_quantisation(model: Any) -> None:
    """The weights are plain float32 by now."""
    model.hf_quantizer = None
    for name in ("quantization_method", "is_quantized"):
        model.__dict__.pop(name, None)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
