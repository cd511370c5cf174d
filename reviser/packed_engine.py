"""The engine `packed`: revises many pairs at once over a packed stream, see `reviser/packed/engine.py`."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from coachlm.errors import EngineError
from coachlm.pairs import InstructionPair
from coachlm.revision import Revision
from reviser.finish import Finisher
from reviser.jobs import Job, JobDesk
from reviser.model_loading import LoadedModel
from reviser.packed.engine import Engine, EngineOptions
from reviser.packed.scheduler import Counts
from reviser.packed.sequence import Request

_SLACK_TOKENS = 16  # a prompt's texts may take a few tokens more than they do by themselves


@dataclass(frozen=True, slots=True)
class PackedOptions:
    """How much the engine holds at once."""

    cache_bytes: int
    max_slots: int
    max_new_tokens: int
    drafts: bool = True


class PackedReviser:
    """Revises with a loaded model; see `coachlm.protocols.Reviser`.

    Until `close` the model belongs to this engine: its attention is set to the slots. The more pairs a call brings
    beyond the slots, the fuller they stay.
    """

    def __init__(self, loaded: LoadedModel, finisher: Finisher, options: PackedOptions) -> None:
        """Raises: UnsupportedModel, with the reason; the model is then as it was."""
        self._finisher = finisher
        self._desk: JobDesk | None = JobDesk(loaded, finisher, options.max_new_tokens)
        prefix = self._desk.shared_prefix()
        # A pair that needs more than `max_new_tokens` to be written again is refused, so no prompt is longer than this.
        longest = len(prefix) + 2 * options.max_new_tokens + _SLACK_TOKENS
        engine_options = EngineOptions(
            cache_bytes=options.cache_bytes,
            max_slots=options.max_slots,
            slot_tokens=min(loaded.context_tokens, longest),
            drafts=options.drafts,
        )
        self._engine: Engine | None = Engine(loaded.model, loaded.eos_ids, engine_options, prefix)

    @property
    def name(self) -> str:
        return self._finisher.engine

    @property
    def adapter(self) -> str | None:
        return self._finisher.adapter

    @property
    def counts(self) -> Counts:
        """Raises: EngineError, when closed."""
        return self._opened()[0].counts

    def revise(self, pairs: Sequence[InstructionPair]) -> list[Revision]:
        """Raises: EngineError, when a forward fails with something else than memory, which goes on with fewer slots."""
        engine, desk = self._opened()
        began = time.perf_counter()
        opened = [desk.open(index, raw) for index, raw in enumerate(pairs)]
        revisions = {index: each for index, each in enumerate(opened) if isinstance(each, Revision)}
        jobs = {job.index: job for job in opened if isinstance(job, Job)}
        try:
            ended = engine.run(Request(job.index, job.tokens, job.max_new) for job in jobs.values())
        except Exception as error:
            engine.abandon()
            raise EngineError(
                f"the packed engine failed: {error}; COACHLM_ENGINE=transformers goes without it"
            ) from error
        for each in ended:
            revisions[each.key] = desk.close(jobs[each.key], each.tokens, each.failure)
        seconds = (time.perf_counter() - began) / max(len(pairs), 1)
        return [replace(revisions[index], seconds=seconds) for index in range(len(pairs))]

    def revise_stream(self, pairs: Iterable[InstructionPair]) -> Iterator[Revision]:
        """Each revision as it is ready; its `seconds` are from taken to ready. See `StreamingReviser`.

        Raises: EngineError, as `revise`; what was not given yet is forgotten.
        """
        engine, desk = self._opened()
        jobs: dict[int, tuple[Job, float]] = {}
        at_once: list[Revision] = []

        def requests() -> Iterator[Request]:
            for index, raw in enumerate(pairs):
                opened = desk.open(index, raw)
                if isinstance(opened, Revision):
                    at_once.append(opened)
                    continue
                jobs[index] = (opened, time.perf_counter())
                yield Request(index, opened.tokens, opened.max_new)

        try:
            for ended in engine.stream(requests()):
                yield from at_once
                at_once.clear()
                job, began = jobs.pop(ended.key)
                made = desk.close(job, ended.tokens, ended.failure)
                yield replace(made, seconds=time.perf_counter() - began)
            yield from at_once
        except GeneratorExit:
            engine.abandon()
            raise
        except Exception as error:
            engine.abandon()
            raise EngineError(
                f"the packed engine failed: {error}; COACHLM_ENGINE=transformers goes without it"
            ) from error

    def close(self) -> None:
        """Give the memory of model and cache back; closing twice is fine."""
        if self._engine is not None:
            self._engine.close()
            self._engine = self._desk = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _opened(self) -> tuple[Engine, JobDesk]:
        if self._engine is None or self._desk is None:
            raise EngineError("the engine is closed")
        return self._engine, self._desk
