"""The trained network as the files that are shipped: safetensors in float16, the words, the configuration."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from recipes.coach.model import new_model
from reviser.coach.base import CONFIG, WEIGHTS, WORDS
from reviser.coach.lexicon import Lexicon

_SHARED = ("cls.predictions.decoder.weight", "cls.predictions.decoder.bias")  # other names of what is saved anyway


def export(checkpoint: Path, words: Path, folder: Path, lexicon: Lexicon) -> None:
    """Writes all but the manifest. Plain `BertForMaskedLM.from_pretrained(folder)` loads it."""
    folder.mkdir(parents=True, exist_ok=True)
    state: dict[str, torch.Tensor] = torch.load(checkpoint, weights_only=True)["model"]
    kept = {
        name: value.half().contiguous()
        for name, value in state.items()
        if name not in _SHARED and value.is_floating_point()
    }
    save_file(kept, folder / WEIGHTS, metadata={"format": "pt"})
    model: Any = new_model(len(lexicon))
    model.config.architectures, model.config.dtype = ["BertForMaskedLM"], torch.float16
    model.config.to_json_file(folder / CONFIG)
    (folder / WORDS).write_text(words.read_text(encoding="utf-8"), encoding="utf-8")
