"""GenAI's continuous batching as a `Decoder`: one pipeline an adapter held, stepped in turn."""

import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coachlm.errors import ModelError
from coachlm.protocols.revising import EngineLoad
from reviser.openvino.folder import ConvertedModel
from reviser.openvino.runtime import import_genai, import_openvino
from reviser.pairs.endings import Ending, Watch
from reviser.pairs.requests import Completion, Failure, Request

_BLOCK_TOKENS = 32  # of the CPU plugin's paged attention
_STEP_TOKENS = 512  # of prompts and running requests together
_BITS = {"f32": 32, "f16": 16, "u8": 8}
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DecoderOptions:
    """How much is held at once."""

    cache_bytes: int  # for keys and values, each adapter's
    slots: int  # requests under way
    half_cache: bool = False  # keys and values of a float32 model in 16 bits


def open_pipeline(folder: Path, *, cache_type: str, blocks: int, slots: int, threads: int = 0) -> Any:
    """`threads`: 0 takes all cores. Raises: ModelError."""
    genai = import_genai()
    scheduler = genai.SchedulerConfig()
    scheduler.cache_size, scheduler.num_kv_blocks = 0, blocks
    scheduler.max_num_seqs, scheduler.max_num_batched_tokens = slots, _STEP_TOKENS
    scheduler.enable_prefix_caching = False  # what coach prompts share is shorter than a block
    # float32 said so: some processors would be given bfloat16, and the outputs would no longer be the model's.
    properties = {
        "INFERENCE_PRECISION_HINT": "f32",
        "KV_CACHE_PRECISION": cache_type,
        "INFERENCE_NUM_THREADS": threads,
    }
    try:
        return genai.ContinuousBatchingPipeline(str(folder), scheduler, "CPU", properties)
    except RuntimeError as error:
        reason = next(iter(str(error).strip().splitlines()), "no reason given")
        raise ModelError(f"model {folder} can't be opened by OpenVINO: {reason}; convert it again") from error


def request_config(eos_ids: Collection[int], max_new_tokens: int) -> Any:
    """Greedy, without drafts."""
    config = import_genai().GenerationConfig()
    config.do_sample, config.max_new_tokens, config.stop_token_ids = False, max_new_tokens, set(eos_ids)
    config.apply_chat_template = False
    return config


class _Running:
    """A request under way, and what came of it so far."""

    def __init__(self, handle: Any, watch: Watch | None) -> None:
        self.handle = handle
        self.tokens: list[int] = []
        self._watch = watch

    def look(self) -> Ending | None:
        """Take what was written since; whether the output ends with it."""
        while self.handle.can_read():
            for written in self.handle.read().values():
                for token in written.generated_ids:
                    self.tokens.append(token)
                    if self._watch is not None and (ending := self._watch.see(token)):
                        return ending
        return None


class _Pipeline:
    """A model under way."""

    def __init__(self, model: ConvertedModel, options: DecoderOptions) -> None:
        manifest = model.manifest
        cache_type = "u8" if manifest.numbers == "int8" else "f16" if options.half_cache else "f32"
        block_bytes = _BLOCK_TOKENS * manifest.cache.token_bytes(_BITS[cache_type])
        blocks = options.cache_bytes // block_bytes
        if blocks < 1:
            raise ModelError(
                f"a cache of {options.cache_bytes:,} bytes holds no block of {_BLOCK_TOKENS} tokens: that takes "
                f"{block_bytes:,}; give COACHLM_REVISER_CACHE_MIB more"
            )
        self._model = model
        self._cache_tokens = blocks * _BLOCK_TOKENS
        self._tensor = import_openvino().Tensor
        self._finished = import_genai().GenerationStatus.FINISHED
        self._running = import_genai().GenerationStatus.RUNNING
        self._pipeline = open_pipeline(model.folder, cache_type=cache_type, blocks=blocks, slots=options.slots)
        self._handles: dict[int, _Running] = {}  # by the requests' keys

    @property
    def under_way(self) -> int:
        return len(self._handles)

    @property
    def cache_bytes(self) -> int:
        return self._pipeline.get_metrics().cache_size_in_bytes

    def add(self, request: Request) -> Completion | None:
        """A completion at once for a request that can't be taken."""
        if failure := self._refusal(request):
            return Completion(request.key, [], failure)
        config = request_config(self._model.eos_ids, request.max_new_tokens)
        prompt = self._tensor(np.array([request.prompt], dtype=np.int64))
        handle = self._pipeline.add_request(request.key, prompt, config)
        self._handles[request.key] = _Running(handle, request.watch() if request.watch is not None else None)
        return None

    def step(self) -> list[Completion]:
        self._pipeline.step()
        completions: list[Completion] = []
        for key, request in list(self._handles.items()):
            ending = request.look()
            if ending is not None:
                request.handle.cancel()
                completions.append(Completion(key, request.tokens, ending=ending))
            elif request.handle.get_status() != self._running:
                completions.append(self._completion(key, request))
            else:
                continue
            del self._handles[key]
        if not self._handles:
            self._settle()
        return completions

    def cancel(self) -> None:
        """Forget what is under way. Raises: RuntimeError, where the pipeline is broken."""
        for request in self._handles.values():
            request.handle.cancel()
        self._handles.clear()
        self._settle()

    def _settle(self) -> None:
        """Let the pipeline forget what was cancelled."""
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()

    def _completion(self, key: int, request: "_Running") -> Completion:
        if request.handle.get_status() != self._finished:  # ignored, where the cache could not hold it
            return Completion(key, [], Failure.OUT_OF_MEMORY)
        return Completion(key, request.tokens)

    def _refusal(self, request: Request) -> Failure | None:
        if not request.prompt:
            return Failure.NO_PROMPT
        if len(request.prompt) + request.max_new_tokens > self._model.context_tokens or request.max_new_tokens < 1:
            return Failure.TOO_LONG
        if not 0 <= min(request.prompt) <= max(request.prompt) < self._model.manifest.vocabulary:
            return Failure.UNKNOWN_TOKEN
        if len(request.prompt) + request.max_new_tokens > self._cache_tokens:
            return Failure.OUT_OF_MEMORY  # GenAI would give up all requests that wait beside it
        return None


class GenaiDecoder:
    """Implements `reviser.pairs.pair_stream.Decoder`. Not for several threads."""

    def __init__(self, model: ConvertedModel, options: DecoderOptions) -> None:
        self._models: dict[str | None, ConvertedModel] = {None: model}
        self._pipelines: dict[str | None, _Pipeline] = {}
        self._options = options
        self._steps = self._rows = 0  # of all pipelines, stepped in turn

    @property
    def is_open(self) -> bool:
        """Whether a model is in memory."""
        return bool(self._pipelines)

    @property
    def load(self) -> EngineLoad:
        return EngineLoad(self._steps, self._rows, self._steps * self._options.slots, 0, 0)

    @property
    def cache_bytes(self) -> int:
        return sum(pipeline.cache_bytes for pipeline in self._pipelines.values())

    def hold(self, adapter: str | None, model: ConvertedModel | None = None) -> None:
        """From now on requests may name this adapter; its model is opened at once. Raises: ModelError."""
        if model is not None:
            self._models[adapter] = model
        if adapter not in self._pipelines:
            self._pipelines[adapter] = _Pipeline(self._models[adapter], self._options)

    def drop(self, adapter: str) -> None:
        """No request names this adapter any more."""
        self._pipelines.pop(adapter, None)
        self._models.pop(adapter, None)

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Completions as they end; a request is taken when another has made room for it."""
        source, exhausted = iter(requests), False
        while True:
            while not exhausted and self._under_way < self._options.slots:
                request = next(source, None)
                if request is None:
                    exhausted = True
                elif refused := self._add(request):
                    yield refused
            if not self._under_way and exhausted:
                return
            self._steps, self._rows = self._steps + 1, self._rows + self._under_way
            for pipeline in list(self._pipelines.values()):
                if pipeline.under_way:
                    yield from pipeline.step()

    def abandon(self) -> None:
        """Forget every request; a pipeline that has failed is opened anew when the next one comes."""
        for adapter, pipeline in list(self._pipelines.items()):
            try:
                pipeline.cancel()
            except RuntimeError as error:
                log.warning("a pipeline failed and is opened anew: %s", error)
                del self._pipelines[adapter]

    def close(self) -> None:
        self.abandon()
        self._pipelines.clear()

    @property
    def _under_way(self) -> int:
        return sum(pipeline.under_way for pipeline in self._pipelines.values())

    def _add(self, request: Request) -> Completion | None:
        self.hold(request.adapter)
        return self._pipelines[request.adapter].add(request)
