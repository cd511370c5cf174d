"""What decides a training run's result beside base and data, and the fingerprint of all three."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from coachlm.coaching.prompting import PromptStyle
from coachlm.errors import TrainingError


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides the result beside base and data; the paper's settings."""

    epochs: int = 7  # Source: paper §III-A3
    learning_rate: float = 2e-4  # Source: paper §III-A3; falls to 0 along a cosine (the paper's repository)
    rank: int = 64  # Source: the paper's repository
    lora_alpha: int = 32  # Source: the paper's repository
    lora_dropout: float = 0.1  # Source: the paper's repository; drawn from the seed, so that a run resumes to the same
    batch_pairs: int = 32  # pairs per optimizer step. Source: the paper's repository
    max_gradient_norm: float = 1.0  # Source: transformers.TrainingArguments' default, which the repository keeps
    modules: tuple[str, ...] = ()  # names of linear layers; empty: all but the output's
    seed: int = 0
    grouped: bool = True  # batches of similar lengths
    micro_batch_tokens: int = 4096  # tokens, padding included, that go through the model at once
    warmup_share: float = 0.0  # of the steps, in which the learning rate rises from 0
    prompt_style: PromptStyle = "auto"  # `auto`: in the base's chat template if it has one

    def __post_init__(self) -> None:
        positive = (
            "epochs",
            "learning_rate",
            "rank",
            "lora_alpha",
            "batch_pairs",
            "max_gradient_norm",
            "micro_batch_tokens",
        )
        for name in positive:
            if not getattr(self, name) > 0:
                raise TrainingError(f"{name} is {getattr(self, name)}; it must be above 0")
        if self.seed < 0:
            raise TrainingError(f"seed is {self.seed}; it must not be negative")
        for name in ("warmup_share", "lora_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise TrainingError(f"{name} is {getattr(self, name)}; it must be from 0 to below 1")

    def as_dict(self) -> dict[str, Any]:
        """Without a warm-up or dropout that isn't there, and without the paper's prompt, as runs that began before
        there was anything else know it."""
        found = asdict(self) | {"modules": list(self.modules)}
        usual = {name: not getattr(self, name) for name in ("warmup_share", "lora_dropout")}
        usual["prompt_style"] = self.prompt_style != "chat"
        return {name: each for name, each in found.items() if not usual.get(name, False)}

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 1. Source: transformers' get_cosine_schedule_with_warmup."""
        warm = math.ceil(self.warmup_share * steps)
        if step <= warm:
            return self.learning_rate * (step - 1) / warm
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - 1 - warm) / (steps - warm)))


def run_fingerprint(base_digest: str, data_digest: str, recipe: Recipe) -> str:
    """sha256 over all that decides the result, hex; a run goes on only where it is the same."""
    parts = {"base": base_digest, "data": data_digest, "recipe": recipe.as_dict()}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
