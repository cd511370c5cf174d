"""Greedy answers of any causal language model, in batches of like length; knows no prompt's meaning."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from transformers import GenerationConfig

from trainer.tuning.base_model import BaseModel, load_base
from trainer.tuning.examples import encode


class CausalGenerator:
    """See `coachlm.protocols.revising.TextGenerator`. Answers end at the end of sequence or after `max_new_tokens`."""

    def __init__(self, base: BaseModel, *, max_new_tokens: int = 512, batch_prompts: int = 16) -> None:
        self._base = base
        self._max_new_tokens = max_new_tokens
        self._batch_prompts = batch_prompts

    @classmethod
    def load(
        cls, model: str, *, adapter: Path | None = None, max_new_tokens: int = 512, batch_prompts: int = 16
    ) -> "CausalGenerator":
        """`model`: a folder or hub id; `adapter`: LoRA layers on it. Raises: TrainingError."""
        base = load_base(model)
        if adapter is not None:
            base = replace(base, model=base.with_adapter(adapter).merge_and_unload())
        return cls(base, max_new_tokens=max_new_tokens, batch_prompts=batch_prompts)

    @property
    def name(self) -> str:
        """With the beginning of the weights' digest: two models may lie in folders of one name."""
        return f"{Path(self._base.name).name}@{self._base.digest.partition(':')[2][:8]}"

    def generate(self, prompts: Sequence[str], on_prompts: Callable[[int], None] = lambda _: None) -> list[str | None]:
        encoded = [encode(self._base.tokenizer, self._base.eos_ids, prompt) for prompt in prompts]
        room = self._base.context_tokens - 1
        order = sorted((i for i, ids in enumerate(encoded) if 0 < len(ids) <= room), key=lambda i: -len(encoded[i]))
        found: list[str | None] = [None] * len(prompts)
        for start in range(0, len(order), self._batch_prompts):
            batch = order[start : start + self._batch_prompts]
            for index, text in zip(batch, self._answers([encoded[index] for index in batch]), strict=True):
                found[index] = text
            on_prompts(len(batch))
        return found

    def _answers(self, prompts: Sequence[list[int]]) -> list[str]:
        base, longest = self._base, max(map(len, prompts))
        ids = torch.full((len(prompts), longest), base.pad_id, dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, longest - len(prompt) :] = torch.tensor(prompt)
            mask[row, longest - len(prompt) :] = 1
        config = GenerationConfig(
            do_sample=False,
            max_new_tokens=min(self._max_new_tokens, base.context_tokens - longest),
            eos_token_id=list(base.eos_ids),
            pad_token_id=base.pad_id,
            use_cache=True,
        )
        with torch.inference_mode():
            written = base.model.generate(
                input_ids=ids.to(base.precision.device),
                attention_mask=mask.to(base.precision.device),
                generation_config=config,
            )
        return [self._text(row[longest:].tolist()) for row in written]

    def _text(self, ids: list[int]) -> str:
        end = next((place for place, token in enumerate(ids) if token in self._base.eos_ids), len(ids))
        return str(self._base.tokenizer.decode(ids[:end], skip_special_tokens=True)).strip()
