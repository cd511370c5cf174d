"""Runs steps in buckets of fixed shapes, each captured as a graph when it has come for the first time.

A graph holds the addresses of the weights it was captured with, and switching adapters points the model at other
weights. So there is a graph for each bucket *and* adapter; they go with the adapter. The other way, copying an
adapter's weights to one place at each switch, would move gigabytes between the two halves of every canary's step.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch

from reviser.models.next_tokens import choose
from reviser.models.sampling import Sampling
from reviser.packed.graphs import Graphs, Rerun
from reviser.packed.slots.attention import Span, StepPlan
from reviser.packed.slots.cache import SlotCache
from reviser.packed.static_step import Bucket, StepInputs
from reviser.packed.tile_attention import TileAttention

log = logging.getLogger(__name__)

GRAPH_TOKENS = 512  # longer steps keep the device busy for longer than it takes to start their kernels
_FEWEST_TOKENS = 8
_FINE_FROM = 256  # from here on a padded token costs time


class StaticRunner:
    """Steps of one model over one cache; what they answer is what a step of free shapes would."""

    def __init__(
        self, model: Any, cache: SlotCache, attention: TileAttention, graphs: Graphs, sampling: Sampling | None
    ) -> None:
        self._model = model
        self._cache = cache
        self._attention = attention
        self._graphs = graphs
        self._sampling = sampling
        self._inputs: dict[Bucket, StepInputs] = {}
        self._replays: dict[tuple[str | None, Bucket], Callable[[], None]] = {}

    @property
    def captured(self) -> int:
        """How many graphs there are."""
        return len(self._replays)

    @torch.inference_mode()
    def answers(self, adapter: str | None, spans: Sequence[Span], draws: Sequence[int]) -> list[list[int | None]]:
        """Of each span, the accepted draft and the token after it; the model has the adapter's weights already."""
        inputs = self._load(spans, draws)
        replay = self._replays.get((adapter, inputs.bucket))
        if replay is not None:
            replay()
            return inputs.answers(spans)
        self._run(inputs)  # also does what must not happen in a capture: kernels are compiled, libraries set up
        answers = inputs.answers(spans)
        if inputs.bucket.tokens <= GRAPH_TOKENS:
            self._replays[adapter, inputs.bucket] = self._capture(inputs)
        return answers

    @torch.inference_mode()
    def logits(self, spans: Sequence[Span]) -> torch.Tensor:
        """(S, V): the wanted positions' logits, in the order of the spans; not by a graph."""
        return self._logits(self._load(spans, []))[: sum(span.wanted for span in spans)]

    def forget(self, adapter: str | None) -> None:
        """Let an adapter's graphs go: its weights are about to."""
        self._replays = {key: replay for key, replay in self._replays.items() if key[0] != adapter}

    def forget_all(self) -> None:
        """Let all memory go that can be had again."""
        self._replays.clear()
        self._inputs.clear()

    def _load(self, spans: Sequence[Span], draws: Sequence[int]) -> StepInputs:
        tokens, answers = sum(len(span.tokens) for span in spans), sum(span.wanted for span in spans)
        bucket = self._attention.shapes(spans, padded(tokens), padded(answers))
        inputs = self._inputs.get(bucket)
        if inputs is None:
            inputs = self._inputs[bucket] = StepInputs(bucket, self._cache)
        inputs.load(spans, draws)
        return inputs

    def _run(self, inputs: StepInputs) -> None:
        """All on the device."""
        inputs.verify(choose(self._logits(inputs), inputs.draws, self._sampling))

    def _logits(self, inputs: StepInputs) -> torch.Tensor:
        rows = self._cache.rows_of(inputs.slots, inputs.places)
        return self._model(
            input_ids=inputs.ids[None],
            position_ids=inputs.places[None],
            use_cache=False,
            logits_to_keep=inputs.wanted,
            packed_step=StepPlan(self._cache, rows, self._attention.attend(inputs)),
        ).logits[0]

    def _capture(self, inputs: StepInputs) -> Callable[[], None]:
        def run() -> None:
            self._run(inputs)

        try:
            return self._graphs.capture(run)
        except RuntimeError as error:
            log.warning("steps go on without graphs, which can't be captured here: %s", error)
            self._graphs = Rerun()
            return run


def padded(count: int) -> int:
    """The length that `count` is filled up to: powers of two and their halfway marks, then steps of 64."""
    if count > _FINE_FROM:
        return -(-count // 64) * 64
    if count <= _FEWEST_TOKENS:
        return _FEWEST_TOKENS
    power = 1 << (count - 1).bit_length()
    return power * 3 // 4 if count <= power * 3 // 4 else power
