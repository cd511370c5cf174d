"""Writing an adapter: weights, configuration and what it was trained on, in a folder named by its content."""

# See docs/decisions/0072-write-adapter-folders-ourselves.md

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from peft import get_peft_model_state_dict

from coachlm.coaching.model_facts import adapter_digest
from coachlm.errors import TrainingError
from coachlm.machine.files import scratch_folder
from trainer.tuning.checkpoints import write_tensors


def publish_adapter(
    model: Any, instruction_hashes: Iterable[str], folder: Path, files: Mapping[str, bytes] = MappingProxyType({})
) -> str:
    """Write the adapter to `folder`/DIGEST, appearing whole or not at all; its digest. Twice is fine.

    `files`: further ones, by name. All are written here and not by PEFT, whose order of modules and generated README
    would give the same adapter another digest each time. Raises: TrainingError.
    """
    # LoRA layers alone: left to itself PEFT asks the hub whether the vocabulary was changed.
    weights: dict[str, torch.Tensor] = get_peft_model_state_dict(model, save_embedding_layers=False)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    config = json.dumps(_config(model), indent=2, sort_keys=True)
    hashes = "".join(f"{value}\n" for value in sorted(set(instruction_hashes)))
    try:
        with scratch_folder(folder / ".partial") as partial:
            write_tensors(partial / "adapter_model.safetensors", plain, {"format": "pt"})
            (partial / "adapter_config.json").write_text(config + "\n", encoding="utf-8")
            (partial / "training_instructions.txt").write_text(hashes, encoding="ascii")
            for name, content in files.items():
                (partial / name).write_bytes(content)
            digest = adapter_digest(partial)
            if not (folder / digest).is_dir():
                partial.replace(folder / digest)
    except OSError as error:
        raise TrainingError(f"{folder}: the adapter can't be written: {error}; make room and run again") from error
    return digest


def _config(model: Any) -> dict[str, Any]:
    config = model.peft_config["default"].to_dict() | {"inference_mode": True}
    return {key: _plain(value) for key, value in config.items()}


def _plain(value: Any) -> Any:
    """Enums as text, sets in order."""
    if isinstance(value, set | frozenset):
        return sorted(value)
    return getattr(value, "value", value)
