"""Tuning a coach that tags: LoRA on a small BERT whose embedding holds a row for each tag beside those of its words.

It knows neither words nor tags: a teacher (`coachlm.coaching.lessons.TagTeacher`) turns revisions into rows and
wanted tags.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from transformers import BertConfig, BertForMaskedLM

from coachlm.coaching.lessons import UNKNOWN, TagLesson, TagRows, TagTeacher
from coachlm.coaching.prompting import PromptStyle
from coachlm.errors import TrainingError
from coachlm.pairs import content_hash
from trainer.plan.recipe import Recipe
from trainer.plan.revisions import ExpertRevision
from trainer.tuning.base_model import add_lora, load_lora
from trainer.tuning.memory import free_bytes, loaded_bytes
from trainer.tuning.precision import Precision
from trainer.tuning.trainee import Extras

TAGGER_ALPHA = 1.0  # what experts changed most is what tags can't express
TAGGER_RECIPE = Recipe(epochs=5, learning_rate=1e-3, rank=16, lora_alpha=32, lora_dropout=0.0)
_FOR_LIMITS = 5  # one pair in so many is kept back to find out how sure the coach must be
NOTHING_TO_SAY = "nothing_to_say"  # no word of the pair can be learned


class Tagger:
    """Implements `trainer.tuning.trainee.Trainee`."""

    precision = Precision("cpu", torch.float32, "float32 on the CPU: the coach that tags is small")

    def __init__(
        self, name: str, digest: str, weights: Mapping[str, np.ndarray], config: Mapping[str, Any], teacher: TagTeacher
    ) -> None:
        """`weights` under the names, `config` with the fields of transformers' `BertForMaskedLM`.

        Raises: TrainingError, where they don't fit together.
        """
        self.name, self.digest = name, digest
        self._teacher = teacher
        self._words: Counter[str] = Counter()  # what `examples` found
        self._pairs = 0
        try:
            self._model: Any = BertForMaskedLM(BertConfig.from_dict({**config, "dtype": "float32"}))
            state = {name: torch.from_numpy(array.astype(np.float32)) for name, array in weights.items()}
            left = self._model.load_state_dict(state, strict=False)
        except (RuntimeError, TypeError, ValueError) as error:
            raise TrainingError(f"base {name} can't be loaded: {error}") from error
        self._model.tie_weights()
        self._model.name_or_path = name  # what PEFT writes into the adapter's configuration
        if odd := [*left.unexpected_keys, *(key for key in left.missing_keys if ".decoder." not in key)]:
            raise TrainingError(f"base {name} has other weights than its configuration says: {odd[0]}")

    @property
    def takes(self) -> str:
        return f"of the changed words none could be learnt ({dict(self._words)}): experts rewrote, and {self.name} tags"

    @property
    def prompt_style(self) -> PromptStyle:
        return "paper"

    def prompted(self, style: PromptStyle) -> "Tagger":
        if style == "chat":
            raise TrainingError(f"base {self.name} tags and has no chat template; leave --prompt-style out")
        return self

    def prompted_like(self, adapter: Path | None) -> "Tagger":
        return self

    def examples(self, revisions: Iterable[ExpertRevision], left_out: Counter[str]) -> list[TagLesson]:
        """A lesson is a stretch of a text; a pair has several. What is kept back for limits isn't among them."""
        found: list[TagLesson] = []
        self._words.clear()
        self._pairs = 0
        for item in revisions:
            if is_for_limits(item.raw.instruction):
                continue
            edits = self._teacher.edits(item.raw, item.revised, self._words)
            if edits:
                self._pairs += 1
                found += edits + self._teacher.kept(item.raw, item.revised)
            else:
                left_out[NOTHING_TO_SAY] += 1
        return found

    def fitting_tokens(self, rank: int, most: int) -> int:
        return most  # it is small

    def memory(self, rank: int, tokens: int) -> tuple[int, int]:
        return loaded_bytes(self._model), free_bytes("cpu")

    def examples_to_score(self, revisions: Iterable[ExpertRevision]) -> list[TagLesson]:
        ignored: Counter[str] = Counter()
        return [each for item in revisions for each in self._teacher.edits(item.raw, item.revised, ignored)]

    def with_lora(self, recipe: Recipe) -> Any:
        return add_lora(self._model, self.name, recipe, None)

    def with_adapter(self, adapter: Path | None) -> Any:
        return load_lora(self._model, self.name, adapter)

    def summed_loss(self, model: Any, part: Sequence[TagLesson]) -> tuple[torch.Tensor, int]:
        columns = np.full((6, len(part), max(map(len, part))), UNKNOWN, dtype=np.int64)
        columns[:2] = 0
        for row, lesson in enumerate(part):
            columns[:, row, : len(lesson)] = lesson.columns
        return tag_nll(model, torch.from_numpy(columns), self._teacher.rows), columns[0].size

    def extras(self, model: Any, revisions: Iterable[ExpertRevision]) -> Extras:
        kept_back = [item for item in revisions if is_for_limits(item.raw.instruction)]
        companion = self._teacher.companion(_merged(model), [(item.raw, item.revised) for item in kept_back])
        return Extras(
            files=companion.files,
            instruction_hashes=frozenset(content_hash(item.raw.instruction) for item in kept_back),
            figures={"pairs": self._pairs, "changed_words": dict(self._words), **companion.figures},
        )


def tag_nll(model: Any, columns: torch.Tensor, rows: TagRows) -> torch.Tensor:
    """Of the wanted tags and meant words, in nats, summed, `() float32`; `columns`: (6, B, T) int64, as `TagLesson`."""
    bert = model.get_base_model() if hasattr(model, "get_base_model") else model
    ids, types, *tags, meant = columns
    states = bert.bert(ids, token_type_ids=types, attention_mask=(ids != 0).long()).last_hidden_state
    states = bert.cls.predictions.transform(states).flatten(0, 1)  # (B · T, H)
    table, bias = bert.bert.embeddings.word_embeddings.weight, bert.cls.predictions.bias
    logits = states @ table[rows.word : rows.words].T + bias[rows.word : rows.words]
    ends = [start - rows.word for start in rows]
    summed = [
        functional.cross_entropy(logits[:, start:end], wanted.flatten(), ignore_index=UNKNOWN, reduction="sum")
        for (start, end), wanted in zip(pairwise(ends), tags, strict=True)
    ]
    at = (meant.flatten() != UNKNOWN).nonzero().flatten()
    words = functional.cross_entropy(states[at] @ table.T + bias, meant.flatten()[at], reduction="sum")
    return torch.stack([*summed, words]).sum()


def _merged(model: Any) -> dict[str, np.ndarray]:
    """The weights with the LoRA layers merged in, under the plain model's names; the model stays as it is."""
    plain = model.get_base_model()
    state = {name.replace(".base_layer", ""): weight.detach() for name, weight in plain.state_dict().items()}
    for name, module in plain.named_modules():
        if hasattr(module, "get_delta_weight"):
            state[f"{name}.weight"] = state[f"{name}.weight"] + module.get_delta_weight("default").detach()
    odd = (".lora_", ".decoder.", "position_ids")
    return {name: weight.numpy() for name, weight in state.items() if not any(part in name for part in odd)}


def is_for_limits(instruction: str) -> bool:
    """Whether a pair is kept back, by hash of its raw instruction: what shares one is on one side."""
    return int(content_hash(instruction, "limits")[:8], 16) % _FOR_LIMITS == 0
