"""Packed continuous batching, the whole idea in `Engine.step`.

All that a step computes, of whichever sequence (a chunk of a new prompt, the next token of a running one, the drafts
after it), goes through the model as one stream of tokens without padding; `attention.py` lets each token see its own
sequence. A sequence that ends makes room for the next at once. Policy (`scheduler.py`), state (`sequence.py`) and
device (`model_runner.py`, `cache.py`, `attention.py`) know one another by `Step` alone.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from reviser.models.sampling import Sampling
from reviser.packed.drafts import DraftGate
from reviser.packed.graphs import Graphs
from reviser.packed.model_runner import ModelRunner, RunnerOptions, cache_shape
from reviser.packed.scheduler import Counts, Limits, Scheduler
from reviser.packed.step_cost import FixedCost, MeasuredCost
from reviser.packed.tile_attention import AttentionKind
from reviser.pairs.requests import Completion, Request

log = logging.getLogger(__name__)

FIRST_OVERHEAD_TOKENS = 21.0
"""A step's cost that doesn't grow with its tokens, in tokens, before anything is measured.

Source: the prototype's ms per step at 8 to 64 rows, float32 on one CPU thread.
"""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How much the engine may hold at once."""

    cache_bytes: int  # for keys and values; slots are as many as fit, `max_slots` at most
    max_slots: int = 64
    slot_tokens: int = 2048  # prompt and output of one sequence
    prefill_tokens: int = 512  # prompt tokens a step
    drafts: bool = True
    step_overhead_tokens: float | None = None  # None: measured while it runs
    cache_dtype: torch.dtype | None = None  # None: the model's own
    adapters: int = 0  # as many as will be held beside the model's own weights; each keeps a prefix
    graphs: Graphs | None = None  # capture steps of fixed shapes; None: shapes as they come
    attention: AttentionKind = "sdpa"  # of steps of fixed shapes
    sampling: Sampling | None = None  # None: greedy

    @property
    def runner(self) -> RunnerOptions:
        return RunnerOptions(self.cache_dtype, self.graphs, self.attention, self.sampling)


class Engine:
    """Decoding of many requests at once; what comes out greedily equals the model's own `generate`."""

    def __init__(
        self,
        model: Any,
        eos_ids: Collection[int],
        options: EngineOptions,
        prefix: Iterable[int] = (),
        switch: Callable[[str | None], None] | None = None,
    ) -> None:
        """`prefix`: tokens that most prompts start with, computed once an adapter.

        `switch` gives the model an adapter's weights, see `AdapterWeights`; without it no adapter can be held.

        Raises: UnsupportedModel, with the reason.
        """
        kept = list(prefix)[: options.slot_tokens]
        reserved = len(kept) * (1 + options.adapters)
        fitting = cache_shape(model, options.cache_dtype).slots_within(
            options.cache_bytes, options.slot_tokens, reserved
        )
        limits = Limits(min(fitting, options.max_slots), options.slot_tokens, options.prefill_tokens)
        gate = DraftGate(_cost(options.step_overhead_tokens)) if options.drafts else None
        self.runner = ModelRunner(model, limits, kept, switch, options.runner)
        self.scheduler = Scheduler(limits, eos_ids, kept, gate)

    @property
    def counts(self) -> Counts:
        return self.scheduler.counts

    @property
    def idle(self) -> bool:
        return self.scheduler.idle

    def add(self, request: Request) -> Completion | None:
        """Queue a request; a completion at once for one that can't be taken."""
        if failure := self.scheduler.refusal(request, self.runner.vocabulary):
            return Completion(request.key, [], failure)
        self.scheduler.add(request)
        return None

    def step(self) -> list[Completion]:
        """One forward of the model; returns what has ended with it. Does nothing while idle."""
        if self.idle:
            return []
        step = self.scheduler.schedule()
        graphs, began = self.runner.captured, time.perf_counter()
        try:
            answers = self.runner.forward(step)
        except (MemoryError, RuntimeError) as error:
            if not _is_memory(error):
                raise
            return self._shrink(error)
        if self.runner.captured == graphs:  # a capture says nothing about what such a step costs from now on
            self.scheduler.took(step.rows, time.perf_counter() - began)
        return self.scheduler.record(step.rows, answers)

    def run(self, requests: Iterable[Request]) -> list[Completion]:
        """All of them, in the order in which they end."""
        ended = [refused for request in requests if (refused := self.add(request))]
        while not self.idle:
            ended += self.step()
        return ended

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Completions as they end; requests are taken as slots come free, one engine's load ahead."""
        source, exhausted = iter(requests), False
        while True:
            while not exhausted and self.scheduler.waiting < self.scheduler.limits.slots:
                request = next(source, None)
                if request is None:
                    exhausted = True
                elif refused := self.add(request):
                    yield refused
            if self.idle and exhausted:
                return
            yield from self.step()

    def hold(self, adapter: str) -> None:
        """From now on requests may name this adapter; those under way go on."""
        self.runner.hold(adapter)

    def drop(self, adapter: str) -> None:
        """No request names this adapter any more."""
        self.runner.drop(adapter)

    def abandon(self) -> None:
        """Forget every request, after a step has failed."""
        self.scheduler.abandon()

    def close(self) -> None:
        """Give the model its own attention back and let the cache go."""
        self.runner.close()

    def _shrink(self, error: Exception) -> list[Completion]:
        self.runner.release()
        failed = self.scheduler.shrink()
        log.warning("out of memory (%s): going on with %d slots", error, self.scheduler.limits.slots)
        return failed


def _cost(overhead_tokens: float | None) -> FixedCost | MeasuredCost:
    return MeasuredCost(FixedCost(FIRST_OVERHEAD_TOKENS)) if overhead_tokens is None else FixedCost(overhead_tokens)


def _is_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "not enough memory" in str(error)
