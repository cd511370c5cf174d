"""The engine `transformers`: any causal language model, batched `generate`, nothing clever.

Batches are sorted by prompt length and left-padded; each row has its own limit, so what a pair becomes does not depend
on its companions. A batch that does not fit into memory, or fails, is halved until the pair that is to blame stands
alone.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from coachlm.coaching.prompting import PAPER, Prompting
from coachlm.errors import EngineError
from coachlm.pairs import InstructionPair
from coachlm.revision import Revision
from reviser.models.model_loading import LoadedModel
from reviser.models.next_tokens import choose
from reviser.models.sampling import Sampling, draw
from reviser.pairs.endings import Ending, Watch
from reviser.pairs.finish import Finisher, WithFinisher
from reviser.pairs.jobs import Job, JobDesk

log = logging.getLogger(__name__)


class TransformersReviser(WithFinisher):
    """Revises with a loaded model; see `coachlm.protocols.revising.Reviser`."""

    def __init__(
        self,
        loaded: LoadedModel,
        finisher: Finisher,
        *,
        batch_pairs: int,
        max_new_tokens: int,
        sampling: Sampling | None = None,
        prompting: Prompting = PAPER,
        prefill: bool = False,
    ) -> None:
        self._desk: JobDesk[LoadedModel] | None = JobDesk(loaded, finisher, max_new_tokens, prompting, prefill)
        self._finisher = finisher
        self._batch_pairs = batch_pairs
        self._sampling = sampling

    def revise(self, pairs: Sequence[InstructionPair]) -> list[Revision]:
        """Raises: EngineError, when every pair that reached the model failed with something else than memory."""
        desk = self._desk
        if desk is None:
            raise EngineError("the engine is closed")
        began = time.perf_counter()
        opened = [desk.open(index, raw) for index, raw in enumerate(pairs)]
        revisions = {index: each for index, each in enumerate(opened) if isinstance(each, Revision)}
        jobs = sorted((each for each in opened if isinstance(each, Job)), key=lambda job: len(job.tokens))
        _Run(desk, self._sampling, revisions).revise_all(jobs, self._batch_pairs)
        seconds = (time.perf_counter() - began) / max(len(pairs), 1)
        return [replace(revisions[index], seconds=seconds) for index in range(len(pairs))]

    def close(self) -> None:
        """Give the model's memory back; closing twice is fine."""
        self._desk = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


class _Run:
    """One call of `revise`: takes jobs through the model and fills `revisions` by index."""

    def __init__(self, desk: JobDesk[LoadedModel], sampling: Sampling | None, revisions: dict[int, Revision]) -> None:
        self._desk = desk
        self._sampling = sampling
        self._revisions = revisions
        self._succeeded = False

    def revise_all(self, jobs: list[Job], batch_pairs: int) -> None:
        # Longest last: what memory allows is found out with the batches that matter most still to come.
        failures: list[Exception] = []
        pending = [jobs[start : start + batch_pairs] for start in range(0, len(jobs), batch_pairs)][::-1]
        while pending:
            batch = pending.pop()
            try:
                self._revise_batch(batch)
                self._succeeded = True
            except Exception as error:  # whatever one batch does, the others go on
                if _is_fatal(error):
                    raise EngineError(f"the accelerator failed: {error}; restart the process") from error
                self._split_or_fall_back(batch, error, pending, failures)
        if failures and not self._succeeded:
            raise EngineError(f"no pair could be revised: {failures[0]}") from failures[0]

    def _split_or_fall_back(
        self, batch: list[Job], error: Exception, pending: list[list[Job]], failures: list[Exception]
    ) -> None:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(batch) > 1:
            log.warning("a batch of %d pairs failed (%s); trying halves", len(batch), error)
            half = len(batch) // 2
            pending += [batch[half:], batch[:half]]
            return
        job = batch[0]
        reason = "out_of_memory" if _is_memory(error) else "engine_error"
        if reason == "engine_error":
            failures.append(error)
        log.warning("pair %s: %s: %s", job.raw.id, reason, error)
        self._revisions[job.index] = self._desk.close(job, [], reason)

    def _revise_batch(self, batch: list[Job]) -> None:
        sampled = None
        if self._sampling is not None:
            sampled = Sampled(self._sampling, [self._sampling.noise(job.raw.id) for job in batch])
        prompts, limits = [job.tokens for job in batch], [job.max_new for job in batch]
        endings = Endings([job.watch() for job in batch], max(map(len, prompts)))
        outputs, broken = generate(self._desk.loaded, prompts, limits, sampled, endings)
        for row, (job, output, nan) in enumerate(zip(batch, outputs, broken, strict=True)):
            ending = None if nan else endings.of_row(row, output)
            self._revisions[job.index] = self._desk.close(job, output, "nan_logits" if nan else None, ending)


def generate(
    loaded: LoadedModel,
    prompts: list[list[int]],
    limits: list[int],
    sampled: "Sampled | None" = None,
    endings: "Endings | None" = None,
) -> tuple[list[list[int]], list[bool]]:
    """Outputs, each with its end-of-sequence token if it came, and whether a row's logits were not a number."""
    width, pad = max(map(len, prompts)), loaded.tokenizer.pad_token_id
    device = loaded.model.device
    ids = torch.tensor([[pad] * (width - len(prompt)) + prompt for prompt in prompts], device=device)  # (B, T)
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=device)
    watch = _NanWatch(len(prompts), loaded.eos_ids[0], device)
    processors: list[LogitsProcessor] = [watch]
    if sampled is not None:
        processors.append(_Draws(sampled, width))
    with torch.inference_mode():
        out = loaded.model.generate(
            input_ids=ids,
            attention_mask=mask,
            do_sample=False,
            num_beams=1,
            max_new_tokens=max(limits),
            eos_token_id=list(loaded.eos_ids),
            pad_token_id=pad,
            logits_processor=LogitsProcessorList(processors),
            stopping_criteria=StoppingCriteriaList(
                [_RowLimits(width, limits, device), *([endings] if endings else [])]
            ),
        )
    rows = out[:, width:].tolist()
    if endings is not None:
        rows = [row[: endings.ended.get(place, (len(row), None))[0]] for place, row in enumerate(rows)]
    return [
        _until_eos(row[:limit], loaded.eos_ids) for row, limit in zip(rows, limits, strict=True)
    ], watch.rows.tolist()


def _until_eos(row: list[int], eos_ids: tuple[int, ...]) -> list[int]:
    end = next((place for place, token in enumerate(row) if token in eos_ids), len(row))
    return row[: end + 1]


@dataclass(frozen=True, slots=True)
class Sampled:
    """How a batch is sampled, and where each of its rows' draws come from."""

    sampling: Sampling
    noises: list[int]


class _Draws(LogitsProcessor):
    """Leaves each row the one token that was drawn, the same that the packed engine draws."""

    def __init__(self, sampled: Sampled, width: int) -> None:
        self._sampled = sampled
        self._width = width

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> Any:
        place = input_ids.shape[1] - self._width
        draws = torch.tensor([draw(noise, place) for noise in self._sampled.noises], device=scores.device)
        drawn = choose(scores, draws, self._sampled.sampling)  # (B,); a NaN was dealt with before
        return torch.full_like(scores, float("-inf")).scatter_(1, drawn[:, None], 0)


class _NanWatch(LogitsProcessor):
    """Notes rows whose logits are not numbers and ends them."""

    def __init__(self, rows: int, eos_id: int, device: torch.device) -> None:
        self.rows = torch.zeros(rows, dtype=torch.bool, device=device)
        self._eos_id = eos_id

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> Any:
        self.rows |= scores.isnan().any(dim=-1)  # (B, V) → (B,)
        ended = torch.full_like(scores[0], float("-inf"))
        ended[self._eos_id] = 0
        return torch.where(self.rows[:, None], ended, scores)


class _RowLimits(StoppingCriteria):
    """Ends each row at its own number of new tokens."""

    def __init__(self, width: int, limits: list[int], device: torch.device) -> None:
        self._lengths = torch.tensor(limits, device=device) + width

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> Any:
        return input_ids.shape[1] >= self._lengths


class Endings(StoppingCriteria):
    """Ends each row where its watch says so."""

    def __init__(self, watches: list[Watch], width: int) -> None:
        self._watches = watches
        self._width = width
        self.ended: dict[int, tuple[int, Ending]] = {}  # by row: after how many new tokens, and why

    def of_row(self, row: int, output: list[int]) -> Ending | None:
        """None where the row had ended before, at its limit or by itself, and was padded since."""
        length, ending = self.ended.get(row, (0, None))
        return ending if len(output) == length else None

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> Any:
        for row, token in enumerate(input_ids[:, -1].tolist()):
            if row not in self.ended and (ending := self._watches[row].see(token)):
                self.ended[row] = (input_ids.shape[1] - self._width, ending)
        return torch.tensor([row in self.ended for row in range(len(input_ids))], device=input_ids.device)


def _is_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "not enough memory" in str(error)


def _is_fatal(error: Exception) -> bool:
    """A device error after which nothing on this device works any more."""
    return isinstance(error, torch.AcceleratorError) and not isinstance(error, torch.OutOfMemoryError)
