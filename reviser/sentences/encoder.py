"""A small sentence model on the CPU: texts in, unit vectors out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

from coachlm.errors import ModelError
from reviser.sentences.folder import find_model

_MAX_TOKENS = 128
_TOKENS_A_BATCH = 4096


class SentenceEncoder:
    """Mean of the last layer's vectors, of length one: how MiniLM, mpnet and their like are meant to be read."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer

    @classmethod
    def load(cls, name: str) -> "SentenceEncoder":
        """`name`: a folder, a package or a hub id. Raises: ModelError."""
        place = find_model(name)
        logging.disable_progress_bar()
        try:
            tokenizer = AutoTokenizer.from_pretrained(place)
            model = AutoModel.from_pretrained(place, use_safetensors=True, dtype=torch.float32)
        except (OSError, ValueError) as error:
            raise ModelError(f"can't load the sentence model {name}: {error}") from error
        return cls(model.eval(), tokenizer)

    def encode(self, texts: Sequence[str], max_tokens: int = _MAX_TOKENS) -> np.ndarray:
        """`(texts, dimensions) float32`; of a longer text the first `max_tokens` count."""
        vectors = np.zeros((len(texts), self._model.config.hidden_size), np.float32)
        ids: list[list[int]] = self._tokenizer(list(texts), truncation=True, max_length=max_tokens)["input_ids"]
        order = sorted(range(len(texts)), key=lambda index: len(ids[index]))
        start = 0
        while start < len(order):
            end = _batch_end(order, ids, start)
            chosen = order[start:end]
            vectors[chosen] = self._batch([ids[index] for index in chosen])
            start = end
        return vectors

    @torch.inference_mode()
    def _batch(self, ids: list[list[int]]) -> np.ndarray:
        width = max([1, *map(len, ids)])
        padded = torch.full((len(ids), width), self._tokenizer.pad_token_id or 0)
        mask = torch.zeros((len(ids), width), dtype=torch.long)
        for row, tokens in enumerate(ids):
            padded[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = 1
        states = self._model(input_ids=padded, attention_mask=mask).last_hidden_state
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
        return torch.nn.functional.normalize(mean, dim=1).numpy()


def _batch_end(order: list[int], ids: list[list[int]], start: int) -> int:
    """As many texts, of growing length, as fit into a batch."""
    end = start + 1
    while end < len(order) and (end + 1 - start) * len(ids[order[end]]) <= _TOKENS_A_BATCH:
        end += 1
    return end
