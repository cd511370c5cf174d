"""The model that is tuned: loading it, what it is by content, and the LoRA layers put into it."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.pytorch_utils import Conv1D

from coachlm.coaching.model_facts import base_digest, context_tokens, eos_ids, gguf_remedy, lost_end
from coachlm.coaching.prompting import (
    PAPER,
    ChatFrame,
    Prompting,
    PromptStyle,
    chat_frame,
    choose_prompting,
    read_prompting,
)
from coachlm.errors import TrainingError
from trainer.plan.recipe import Recipe
from trainer.plan.revisions import ExpertRevision
from trainer.tuning.batches import collate
from trainer.tuning.examples import Encoder, Example
from trainer.tuning.losses import summed_nll
from trainer.tuning.memory import fitting_tokens, free_bytes, loaded_bytes, needed_bytes
from trainer.tuning.precision import Precision, choose_precision, first_line
from trainer.tuning.trainee import Extras

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A causal language model that a coach can be made of; see `trainer.tuning.trainee.Trainee`."""

    name: str  # as given: a folder or hub id
    digest: str  # `sha256:…` of a folder's files, or `commit:…` of the hub
    model: Any  # a transformers PreTrainedModel
    tokenizer: Any
    precision: Precision
    eos_ids: tuple[int, ...]
    pad_id: int
    context_tokens: int
    frame: ChatFrame | None = None  # of its chat template
    prompting: Prompting = PAPER  # how it is asked
    lost_end: str | None = None  # why nobody can say how its texts end

    def prompted(self, style: PromptStyle) -> "BaseModel":
        if self.lost_end is not None:
            raise TrainingError(f"base {self.name} can't be tuned: {self.lost_end}")
        try:
            return replace(self, prompting=choose_prompting(style, self.frame, None))
        except ValueError as error:
            raise TrainingError(f"base {self.name}: {error}") from error

    def prompted_like(self, adapter: Path | None) -> "BaseModel":
        if adapter is None:
            return replace(self, prompting=choose_prompting("auto", self.frame, None))
        try:
            return replace(self, prompting=read_prompting(adapter))
        except (OSError, ValueError) as error:
            raise TrainingError(f"adapter {adapter}: {error}; train it again") from error

    @property
    def prompt_style(self) -> PromptStyle:
        return self.prompting.style

    @property
    def takes(self) -> str:
        return f"{self.name} takes {self.context_tokens} tokens, prompt and revised pair together"

    def examples(self, revisions: Iterable[ExpertRevision], left_out: Counter[str]) -> list[Example]:
        encoder = Encoder(self.tokenizer, self.eos_ids, self.context_tokens, self.prompting)
        return encoder.examples(revisions, left_out)

    def fitting_tokens(self, rank: int, most: int) -> int:
        return fitting_tokens(self.model, rank, most)

    def memory(self, rank: int, tokens: int) -> tuple[int, int]:
        needed = loaded_bytes(self.model) + needed_bytes(self.model, rank, tokens)
        return needed, free_bytes(self.model.device.type)

    def examples_to_score(self, revisions: Iterable[ExpertRevision]) -> list[Example]:
        return self.examples(revisions, Counter())

    def with_lora(self, recipe: Recipe) -> Any:
        return add_lora(self.model, self.name, recipe, "CAUSAL_LM")

    def with_adapter(self, adapter: Path | None) -> Any:
        return load_lora(self.model, self.name, adapter)

    def summed_loss(self, model: Any, part: Sequence[Example]) -> tuple[torch.Tensor, int]:
        batch = collate(part, self.pad_id, model.device)
        return summed_nll(model, batch), batch.input_ids.numel()

    def extras(self, model: Any, revisions: Iterable[ExpertRevision]) -> Extras:
        return Extras(files=self.prompting.files())


def load_base(name: str, revision: str | None = None) -> BaseModel:
    """A causal language model from a folder or the hub; safetensors only, its own code is never run.

    Raises: TrainingError, naming what was wrong and the remedy.
    """
    if remedy := gguf_remedy(name):
        raise TrainingError(remedy)
    folder = Path(name)
    is_path = folder.is_absolute() or name.startswith((".", "~"))
    if is_path and not (folder / "config.json").is_file():
        raise TrainingError(
            f"base {name}: no config.json there; give a hub id or the folder that save_pretrained wrote"
        )
    precision = choose_precision()
    log.info("base %s: %s", name, precision.reason)
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(name, revision=revision)
        model: Any = AutoModelForCausalLM.from_pretrained(
            name, revision=revision, use_safetensors=True, dtype=precision.dtype
        )
    except Exception as error:  # transformers raises nearly anything on a broken folder
        raise TrainingError(f"base {name} can't be loaded: {first_line(error)}; check its files") from error
    if (digest := base_digest(name, model)) is None:
        raise TrainingError(f"base {name}: the hub named no commit for it, so a run could not say what it tuned")
    ends = eos_ids(model, tokenizer)
    if not ends:
        raise TrainingError(f"base {name} has no end-of-sequence token: a coach tuned on it could never stop")
    if doubt := lost_end(model, tokenizer):
        log.warning("base %s: %s; the latter is taken", name, doubt)
    pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else ends[0]
    model.config.use_cache = False
    return BaseModel(
        name,
        digest,
        model.to(precision.device),
        tokenizer,
        precision,
        ends,
        pad_id,
        context_tokens(model),
        chat_frame(tokenizer),
        lost_end=doubt,
    )


def add_lora(model: Any, name: str, recipe: Recipe, task: str | None) -> Any:
    """The model with LoRA layers in the recipe's modules, or in every linear layer but the output's if it names none.

    Raises: TrainingError, when the model has no such module.
    """
    found = _linear_names(model)
    missing = sorted(set(recipe.modules) - set(found))
    if missing or not found:
        has = ", ".join(found) or "none"
        raise TrainingError(f"base {name} has no linear layer named {', '.join(missing) or 'anything'}; it has {has}")
    config = LoraConfig(
        task_type=task,
        r=recipe.rank,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.lora_dropout,
        target_modules=list(recipe.modules or found),
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),  # GPT-2's layers
    )
    return get_peft_model(model, config)


def load_lora(model: Any, name: str, adapter: Path | None) -> Any:
    """Raises: TrainingError, where the adapter is not one of this model's."""
    if adapter is None:
        return model
    try:
        return PeftModel.from_pretrained(model, str(adapter), use_safetensors=True)
    except Exception as error:  # peft raises nearly anything on a broken folder
        raise TrainingError(f"adapter {adapter} does not fit {name}: {first_line(error)}") from error


def _linear_names(model: Any) -> list[str]:
    """Last parts of the names of linear layers, sorted; PEFT's `all-linear` by the same rule, but in stable order."""
    output = model.get_output_embeddings()
    return sorted(
        {
            name.rsplit(".", 1)[-1]
            for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear | Conv1D) and module is not output
        }
    )
