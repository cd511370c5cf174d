"""The ways to generate that `benchmarks.reviser` compares the packed engine with, all inside transformers."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList
from transformers.generation.configuration_utils import ContinuousBatchingConfig

PAD, BOS, EOS = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Row:
    """A coach prompt and the revision that an expert wrote, as tokens."""

    prompt: list[int]
    output: list[int]
    distance: float


class Forced(LogitsProcessor):
    """Makes each row's reference the most likely output."""

    def __init__(self, rows: list[Row], width: int, device: torch.device) -> None:
        self._width = width
        longest = max(len(row.output) for row in rows)
        padded = [row.output + [EOS] * (longest + 1 - len(row.output)) for row in rows]
        self._tokens = torch.tensor(padded, device=device)  # (B, T)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> Any:
        place = input_ids.shape[1] - self._width
        return scores.scatter_(1, self._tokens[:, place : place + 1], 1e9)


def plain(model: Any, rows: list[Row], static: bool) -> None:
    """`generate` in batches of 32 in order of arrival, left-padded."""
    for start in range(0, len(rows), 32):
        batch = rows[start : start + 32]
        width = max(len(row.prompt) for row in batch)
        ids = torch.tensor([[PAD] * (width - len(row.prompt)) + row.prompt for row in batch], device=model.device)
        out = model.generate(
            input_ids=ids,
            attention_mask=(ids != PAD).long(),
            do_sample=False,
            max_new_tokens=min(1024, max(len(row.output) for row in batch)),
            logits_processor=LogitsProcessorList([Forced(batch, width, model.device)]),
            **({"cache_implementation": "static", "disable_compile": True} if static else {}),
        )
        for row, tokens in zip(batch, out[:, width:].tolist(), strict=True):
            if tokens[: len(row.output)] != row.output[:1024]:
                sys.exit("generate did not follow the reference")


def transformers_cb(
    model: Any, rows: list[Row], batching: ContinuousBatchingConfig | None = None
) -> Callable[[], None] | None:
    """transformers' continuous batching with each request's own length; None where it doesn't run."""
    generation = GenerationConfig(max_new_tokens=1024, eos_token_id=-1, pad_token_id=PAD, do_sample=False)
    batching = batching or ContinuousBatchingConfig(
        block_size=32, num_blocks=1024, max_batch_tokens=512, max_requests_per_batch=32, use_cuda_graph=False
    )

    def run(some: list[Row] = rows) -> None:
        with model.continuous_batching_context_manager(
            generation_config=generation, continuous_batching_config=batching
        ) as manager:
            for key, row in enumerate(some):
                manager.add_request(row.prompt, request_id=str(key), max_new_tokens=min(1024, len(row.output)))
            done, began = 0, time.monotonic()
            while done < len(some):
                result = manager.get_result(timeout=1)
                done += result is not None and result.is_finished()
                if result is None and time.monotonic() - began > 600:
                    raise TimeoutError

    try:
        with _own_attention(model):
            run(rows[:2])
    except Exception as error:  # noqa: BLE001  # whatever a peer lacks here, the others are measured
        print(f"transformers continuous batching does not run here: {type(error).__name__}: {error}")
        return None
    return run


@contextmanager
def _own_attention(model: Any) -> Iterator[None]:
    own = model.config._attn_implementation
    try:
        yield
    finally:
        model.set_attn_implementation(own)
