"""Device: runs the scheduler's steps through the model, over the slots it keeps."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from reviser.models.next_tokens import choose
from reviser.models.sampling import Sampling, draw
from reviser.packed.graphs import Graphs
from reviser.packed.scheduler import Limits, Row, Step
from reviser.packed.slots.attention import NAME, Span, plan_step, register
from reviser.packed.slots.cache import CacheShape, SlotCache, keep_by_torch
from reviser.packed.slots.kernel_attention import slot_kernels
from reviser.packed.slots.support import UnsupportedModel, check_config
from reviser.packed.static_runner import StaticRunner
from reviser.packed.tile_attention import AttentionKind, tile_attention

_PROBE_TOKENS = 24
_TOLERANCE = {torch.float32: 1e-3, torch.float16: 2e-2, torch.bfloat16: 1e-1, torch.int8: 1e-1}  # of the largest logit


def cache_shape(model: Any, dtype: torch.dtype | None = None) -> CacheShape:
    """What is kept of a token, in the model's own type unless another is given.

    The attention function refuses a model that turns out otherwise.
    """
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    return CacheShape(
        layers=config.num_hidden_layers,
        heads=getattr(config, "num_key_value_heads", None) or heads,
        head_dim=getattr(config, "head_dim", None) or config.hidden_size // heads,
        dtype=dtype or model.dtype,
    )


@dataclass(frozen=True, slots=True)
class RunnerOptions:
    """How steps are computed, and what of them is kept."""

    cache_dtype: torch.dtype | None = None  # of keys and values; None: the model's own
    graphs: Graphs | None = None  # steps have fixed shapes and are captured; None: they are as long as they are
    attention: AttentionKind = "sdpa"  # of steps of fixed shapes
    sampling: Sampling | None = None  # None: greedy


class ModelRunner:
    """The model attends over slots from here to `close`; until then its own `generate` does not work."""

    def __init__(
        self,
        model: Any,
        limits: Limits,
        prefix: list[int],
        switch: Callable[[str | None], None] | None = None,
        options: RunnerOptions | None = None,
    ) -> None:
        """`switch` gives the model the weights of an adapter, None: its own.

        Raises: UnsupportedModel, when the model is found to compute something else over slots than by itself.
        """
        check_config(model, limits.slot_tokens)
        options = options or RunnerOptions()
        self.model = model
        self._switch = switch or (lambda _adapter: None)
        self._prefix, self._chunk = prefix, limits.prefill_tokens
        self.vocabulary: int = model.get_input_embeddings().num_embeddings
        self._query_heads: int = model.config.get_text_config().num_attention_heads
        self._own_attention: str = model.config._attn_implementation
        shape = cache_shape(model, options.cache_dtype)
        self._kernels = None
        if options.graphs is None:
            self._kernels = slot_kernels(shape, self._query_heads, model.dtype, model.device)
        keep = self._kernels.keep if self._kernels else keep_by_torch
        self.cache = SlotCache(shape, limits.slots, limits.slot_tokens, model.device, keep)
        self._sampling = options.sampling
        self.static: StaticRunner | None = None
        if options.graphs is not None:
            tiles = tile_attention(options.attention, self.cache, self._query_heads, model.dtype)
            self.static = StaticRunner(model, self.cache, tiles, options.graphs, options.sampling)
        register()
        try:
            self._check_same_logits()
            self.hold(None)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the model back its own attention and weights."""
        self._switch(None)
        self.model.set_attn_implementation(self._own_attention)

    @property
    def captured(self) -> int:
        """How many steps stand ready as graphs."""
        return self.static.captured if self.static is not None else 0

    def release(self) -> None:
        """Give the device's memory back that no sequence needs."""
        if self.static is not None:
            self.static.forget_all()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def hold(self, adapter: str | None) -> None:
        """Compute the shared prefix under an adapter, in a slot whose sequence finds all as it was."""
        count = len(self._prefix)
        before = self.cache.copy(0, count)
        self._switch(adapter)
        try:
            with torch.inference_mode():
                for start in range(0, count, self._chunk):
                    self._logits([Span(0, start, self._prefix[start : start + self._chunk], wanted=0)])
            self.cache.keep_prefix(adapter, 0, count)
        finally:
            self.cache.restore(0, before)

    def drop(self, adapter: str) -> None:
        if self.static is not None:
            self.static.forget(adapter)
        self.cache.prefixes.pop(adapter, None)

    def forward(self, step: Step) -> list[list[int | None]]:
        """Each row's next tokens after its last `wanted` positions; None where a logit is not a number.

        Those after the first wrong token of a draft may be left out: they mean nothing.
        """
        for slot in step.clear:
            self.cache.clear(slot)
        for source, target, tokens in step.moves:
            self.cache.move(source, target, tokens)
        for sequence in step.admitted:
            self.cache.fill(sequence.slot, sequence.cached, sequence.request.adapter)
        answers: dict[int, list[int | None]] = {}  # by slot
        for adapter in dict.fromkeys(row.sequence.request.adapter for row in step.rows):
            self._switch(adapter)
            answers |= self._answers(adapter, [row for row in step.rows if row.sequence.request.adapter == adapter])
        return [answers[row.sequence.slot] for row in step.rows]

    def _answers(self, adapter: str | None, rows: list[Row]) -> dict[int, list[int | None]]:
        spans = [Span(row.sequence.slot, row.sequence.cached, row.tokens, row.wanted) for row in rows]
        draws = self._draws(rows)
        if self.static is not None:
            answers = self.static.answers(adapter, spans, draws)
            return {span.slot: answer for span, answer in zip(spans, answers, strict=True)}
        with torch.inference_mode():
            logits = self._logits(spans)
            tokens = choose(logits, torch.tensor(draws, device=logits.device), self._sampling).tolist()
        found = iter([None if token < 0 else token for token in tokens])
        return {span.slot: [next(found) for _ in range(span.wanted)] for span in spans}

    def _draws(self, rows: list[Row]) -> list[int]:
        """One for each wanted token."""
        if self._sampling is None:
            return []
        return [
            draw(row.sequence.request.noise, len(row.sequence.output) + ahead)
            for row in rows
            for ahead in range(row.wanted)
        ]

    def _logits(self, spans: list[Span]) -> torch.Tensor:
        """(S, V): the wanted positions' logits, in the order of the spans."""
        if self.static is not None:
            return self.static.logits(spans)
        ids = [token for span in spans for token in span.tokens]
        places = [place for span in spans for place in range(span.start, span.end)]
        wanted, offset = [], 0
        for span in spans:
            offset += len(span.tokens)
            wanted += range(offset - span.wanted, offset)
        device = self.model.device
        return self.model(
            input_ids=torch.tensor([ids], device=device),  # (1, N)
            position_ids=torch.tensor([places], device=device),  # (1, N)
            use_cache=False,
            logits_to_keep=torch.tensor(wanted, dtype=torch.long, device=device),  # (S,)
            packed_step=plan_step(self.cache, spans, self._query_heads, self.model.dtype, self._kernels),
        ).logits[0]

    def _check_same_logits(self) -> None:
        """A short prompt in two pieces beside another must give the logits that the model's own attention gives."""
        length = min(_PROBE_TOKENS, self.cache.slot_tokens)
        probe = torch.arange(length, device=self.model.device) * 7919 % self.vocabulary  # (T,)
        name = type(self.model).__name__
        try:
            with torch.inference_mode():
                own = self._own_logits(probe[None])
                self.model.set_attn_implementation(NAME)
                packed = self._probe_logits(probe.tolist())
        except UnsupportedModel:
            raise
        except (TypeError, ValueError, RuntimeError, AttributeError, KeyError, IndexError) as error:
            raise UnsupportedModel(f"{name} can't run over slots: {error}") from error
        called = self.cache.slots[:, 0, 0].flatten(1).any(dim=1)  # (layer,)
        for slot in {0, self.cache.padding_slot - 1}:
            self.cache.clear(slot)
        if not called.all():
            raise UnsupportedModel(f"{name} has layers whose attention can't be set")
        apart = float((own - packed).abs().max() / own.abs().max())
        # A model whose own logits are no numbers fails request by request.
        if bool(own.isfinite().all()) and not apart <= self._tolerance():
            raise UnsupportedModel(f"{name}'s logits over slots are {apart:.1%} off")

    def _tolerance(self) -> float:
        return max(_TOLERANCE.get(dtype, 0) for dtype in (self.model.dtype, self.cache.shape.dtype))

    def _own_logits(self, ids: torch.Tensor) -> torch.Tensor:
        """(1, T) → (V,), after the last token."""
        return self.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits[0, -1]

    def _probe_logits(self, tokens: list[int]) -> torch.Tensor:
        half, last = len(tokens) // 2, self.cache.padding_slot - 1
        self._logits([Span(0, 0, tokens[:half], 0)])
        other = [Span(last, 0, tokens[half:], 1)] if last else []
        return self._logits([Span(0, half, tokens[half:], 1), *other])[0]
