"""Students: a base tuned on a data set with Alpaca's recipe and prompt, wholly or with LoRA; resumable.

Source of the recipe: Stanford Alpaca's README and `train.py` (full), Alpaca-LoRA's README (LoRA); paper §III-A3.
"""

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from coachlm.errors import TrainingError
from coachlm.pairs import InstructionPair, content_hash
from coachlm.prompt import student_prompt
from trainer.generation import CausalGenerator
from trainer.plan.recipe import Recipe, run_fingerprint
from trainer.plan.run_folder import RunFolder, StepMetrics, read_json, restored, write_json
from trainer.run import code_version, summary
from trainer.tuning.adapter_folder import publish_adapter
from trainer.tuning.base_model import BaseModel, load_base
from trainer.tuning.checkpoints import Checkpoints
from trainer.tuning.examples import Example
from trainer.tuning.model_folder import publish_model
from trainer.tuning.tuning import TuningOptions, reproducible, tune_weights

_RECORD = "student.json"
MODEL_FOLDER = "model"


@dataclass(frozen=True, slots=True)
class StudentRecipe:
    """Alpaca's settings; None stands for the method's own."""

    method: Literal["full", "lora"] = "full"
    epochs: int = 3
    learning_rate: float | None = None  # 2e-5 in full, 3e-4 with LoRA; warm-up, then a cosine
    batch_pairs: int = 128
    max_tokens: int = 512  # prompt and response; what is longer is cut, as Alpaca does
    warmup_share: float = 0.03
    rank: int = 8
    lora_alpha: int = 16
    lora_dropout: float = 0.0
    modules: tuple[str, ...] = ()
    micro_batch_tokens: int = 4096
    seed: int = 0

    def tuning(self) -> Recipe:
        """Raises: TrainingError, when a value is out of range."""
        if self.method not in ("full", "lora"):
            raise TrainingError(f"method {self.method!r}: give full or lora")
        if self.max_tokens < 2:
            raise TrainingError(f"max_tokens is {self.max_tokens}; it must be at least 2")
        return Recipe(
            epochs=self.epochs,
            learning_rate=self.learning_rate or (2e-5 if self.method == "full" else 3e-4),
            rank=self.rank,
            lora_alpha=self.lora_alpha,
            lora_dropout=self.lora_dropout,
            batch_pairs=self.batch_pairs,
            modules=tuple(self.modules),
            seed=self.seed,
            micro_batch_tokens=self.micro_batch_tokens,
            warmup_share=self.warmup_share,
        )


@dataclass(frozen=True, slots=True)
class StudentRecord:
    """What a student is and how to make it again."""

    base: str
    base_digest: str
    method: str
    model: str  # below the student's folder: `model`, or `adapters/DIGEST` on the base
    fingerprint: str
    data: str
    data_digest: str
    examples: int
    cut: int  # responses cut at max_tokens
    left_out: dict[str, int]
    recipe: dict[str, Any]
    metrics: dict[str, float | int | None]
    seconds: float
    code: dict[str, str]


def train_student(
    base_name: str,
    pairs: Iterable[InstructionPair],
    folder: Path,
    *,
    name: str,
    recipe: StudentRecipe | None = None,
    checkpoint_steps: int = 100,
    on_step: Callable[[StepMetrics], None] = lambda _: None,
) -> StudentRecord:
    """`name` says of the data what it is. The same call again goes on where a killed one stopped, and returns the
    record of a finished one. Raises: TrainingError."""
    run, recipe = RunFolder(folder), recipe or StudentRecipe()
    tuning = recipe.tuning()
    with run.locked():
        base = load_base(base_name)
        if base.lost_end is not None:
            raise TrainingError(f"base {base_name} can't be tuned: {base.lost_end}")
        data = _encoded(pairs, base, recipe.max_tokens)
        fingerprint = run_fingerprint(base.digest, f"{data.digest} {recipe.method} {recipe.max_tokens}", tuning)
        if (held := read_json(folder / _RECORD)) is not None:
            return _same(restored(StudentRecord, held, folder / _RECORD), fingerprint, folder)
        if not data.examples:
            raise TrainingError(f"{name} holds no pair to train on: {dict(data.left_out) or 'it is empty'}")
        model, precision = _prepared(base, recipe)
        with precision:
            options = TuningOptions(tuning, fingerprint, checkpoint_steps, on_step)
            tune_weights(model, base, data.examples, run, options)
        steps = run.metrics()
        record = StudentRecord(
            base=base.name,
            base_digest=base.digest,
            method=recipe.method,
            model=_publish(model, base, recipe, run),
            fingerprint=fingerprint,
            data=name,
            data_digest=data.digest,
            examples=len(data.examples),
            cut=data.cut,
            left_out=dict(data.left_out),
            recipe=asdict(recipe) | {"learning_rate": tuning.learning_rate},
            metrics=summary(steps),
            seconds=sum(step.seconds for step in steps),
            code=code_version(),
        )
        write_json(folder / _RECORD, asdict(record))
        Checkpoints(run.checkpoints, fingerprint).clear()
        return record


def load_student(folder: Path, *, max_new_tokens: int = 512, batch_prompts: int = 16) -> CausalGenerator:
    """A student's folder, or any model's. Raises: TrainingError."""
    held = read_json(folder / _RECORD)
    base, adapter = str(folder), None
    if held is not None:
        record = restored(StudentRecord, held, folder / _RECORD)
        model = folder / record.model
        base, adapter = (str(model), None) if record.method == "full" else (record.base, model)
    return CausalGenerator.load(base, adapter=adapter, max_new_tokens=max_new_tokens, batch_prompts=batch_prompts)


def student_answers(
    generator: CausalGenerator, pairs: Sequence[InstructionPair], on_answers: Callable[[int], None] = lambda _: None
) -> list[str | None]:
    """Greedy answers to the pairs' requests; None where a request leaves no room."""
    return generator.generate([student_prompt(pair) for pair in pairs], on_answers)


@dataclass(frozen=True, slots=True)
class _Data:
    examples: list[Example]
    digest: str
    cut: int
    left_out: Counter[str]


def _encoded(pairs: Iterable[InstructionPair], base: BaseModel, max_tokens: int) -> _Data:
    longest = min(max_tokens, base.context_tokens)
    examples: list[Example] = []
    left_out: Counter[str] = Counter()
    digest, cut = hashlib.sha256(), 0
    for pair in pairs:
        digest.update(content_hash(pair.instruction, pair.input, pair.response).encode())
        prompt = _tokens(base, student_prompt(pair))
        target = [*_tokens(base, pair.response, add_special_tokens=False), base.eos_ids[0]]
        if len(prompt) >= longest:
            left_out["too_long"] += 1
            continue
        kept = target[: longest - len(prompt)]
        cut += len(kept) < len(target)
        examples.append(Example(array("i", prompt), array("i", kept), pair.id, content_hash(pair.instruction)))
    return _Data(examples, digest.hexdigest(), cut, left_out)


def _tokens(base: BaseModel, text: str, **options: Any) -> list[int]:
    """Without the end of sequence that some tokenisers add."""
    ids: list[int] = list(base.tokenizer(text, verbose=False, **options)["input_ids"])
    return ids[:-1] if ids and ids[-1] in base.eos_ids else ids


def _prepared(base: BaseModel, recipe: StudentRecipe) -> tuple[Any, AbstractContextManager[Any]]:
    """The model to tune, and the numbers its products are computed in: full tuning keeps float32 weights."""
    if recipe.method == "lora":
        with reproducible(recipe.seed):
            return base.with_lora(recipe.tuning()), nullcontext()
    model = base.model.float()
    for weight in model.parameters():
        weight.requires_grad_(True)
    half = base.precision.dtype is torch.bfloat16
    return model, torch.autocast(base.precision.device, torch.bfloat16) if half else nullcontext()


def _publish(model: Any, base: BaseModel, recipe: StudentRecipe, run: RunFolder) -> str:
    if recipe.method == "lora":
        return f"{run.adapters.name}/{publish_adapter(model, (), run.adapters)}"
    publish_model(model, base.tokenizer, run.folder / MODEL_FOLDER)
    return MODEL_FOLDER


def _same(record: StudentRecord, fingerprint: str, folder: Path) -> StudentRecord:
    if record.fingerprint != fingerprint:
        raise TrainingError(
            f"{folder} holds a finished student of another base, data set or recipe; give another output folder"
        )
    return record
