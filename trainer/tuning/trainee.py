"""What a training run needs of the model that it tunes, whatever kind of coach it makes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch

from coachlm.coaching.prompting import PromptStyle
from trainer.plan.recipe import Recipe
from trainer.plan.revisions import ExpertRevision
from trainer.tuning.precision import Precision


class Learnable(Protocol):
    """A piece of training data that goes through the model as a row."""

    @property
    def pair_id(self) -> str: ...

    @property
    def instruction_hash(self) -> str:
        """Of the raw instruction; an adapter's leak guard knows it by this."""
        ...

    @property
    def targets(self) -> int:
        """Tokens that the loss is over."""
        ...

    def __len__(self) -> int:
        """Tokens that go through the model."""
        ...


E = TypeVar("E", bound=Learnable)


@dataclass(frozen=True, slots=True)
class Extras:
    """What a tuned coach of some kinds needs beside its weights."""

    files: Mapping[str, bytes] = field(default_factory=dict)  # for the adapter's folder, covered by its digest
    instruction_hashes: frozenset[str] = frozenset()  # of data that was used beside the examples
    figures: Mapping[str, Any] = field(default_factory=dict)  # for the run's record


class Trainee(Protocol[E]):
    """A base model, and how a coach is made of it."""

    @property
    def name(self) -> str:
        """As given: a folder, a hub id, `coach`."""
        ...

    @property
    def digest(self) -> str: ...

    @property
    def precision(self) -> Precision: ...

    @property
    def takes(self) -> str:
        """What can be trained on at all, for the message where nothing could."""
        ...

    @property
    def prompt_style(self) -> PromptStyle:
        """How it is asked; a coach that tags always `paper`."""
        ...

    def prompted(self, style: PromptStyle) -> "Trainee[E]":
        """The base, asked in this style while it is tuned. Raises: TrainingError, where it can't be."""
        ...

    def prompted_like(self, adapter: Path | None) -> "Trainee[E]":
        """The base, asked as the adapter was trained; None: as it would be without one. Raises: TrainingError."""
        ...

    def examples(self, revisions: Iterable[ExpertRevision], left_out: Counter[str]) -> list[E]:
        """In the given order; what can't be trained on is counted by reason."""
        ...

    def fitting_tokens(self, rank: int, most: int) -> int:
        """How many tokens, at most `most`, fit into memory at once while it is tuned."""
        ...

    def memory(self, rank: int, tokens: int) -> tuple[int, int]:
        """Bytes: what tuning takes with so many tokens at once, weights included, and what is free now."""
        ...

    def examples_to_score(self, revisions: Iterable[ExpertRevision]) -> list[E]:
        """What says how likely a coach finds these revisions."""
        ...

    def with_lora(self, recipe: Recipe) -> Any:
        """A PEFT model, its LoRA layers new. Raises: TrainingError."""
        ...

    def with_adapter(self, adapter: Path | None) -> Any:
        """The model with the LoRA layers of a folder; None: the base alone. Raises: TrainingError."""
        ...

    def summed_loss(self, model: Any, part: Sequence[E]) -> tuple[torch.Tensor, int]:
        """Nats, summed over the targets (`() float32`), and the tokens that went through, padding included."""
        ...

    def extras(self, model: Any, revisions: Iterable[ExpertRevision]) -> Extras:
        """Found with the tuned model on the revisions of the run."""
        ...
