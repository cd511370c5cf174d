"""Whether two engines gave the same tokens."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from reviser.packed.engine import Engine, EngineOptions
from reviser.pairs.requests import Request

NEW_TOKENS, VOCABULARY, EOS = 16, 97, 2
FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "gemma", "glm", "glm4", "phi3", "gpt2")


WAYS = tuple((slots, drafts) for slots in (1, 8, 64) for drafts in (False, True))


PREFIX = [1, 7, 8, 9, 10, 11]


TIE = 1e-4
"""Of the largest logit: float32 sums in another order differ by less."""


@dataclass(frozen=True, slots=True)
class Difference:
    """An output that is not `generate`'s, from `place` on."""

    family: str
    slots: int
    drafts: bool
    prompt: int
    place: int
    apart: float  # of the two tokens' logits, relative to the largest; infinite where one output ended

    @property
    def is_tie(self) -> bool:
        return self.apart < TIE


@dataclass(slots=True)
class Tally:
    """What all comparisons came to."""

    outputs: int = 0
    differences: int = 0
    unexplained: int = 0

    @property
    def equal_share(self) -> float:
        return 1 - self.differences / max(self.outputs, 1)


def compare(prompts: int, families: Sequence[str] = FAMILIES) -> Tally:
    tally = Tally()
    for family in families:
        model, asked = tiny(family), list(_prompts(prompts))
        wanted = [_own(model, prompt) for prompt in asked]
        before = tally.differences
        for slots, drafts in WAYS:
            ours = _packed(model, asked, slots, drafts)
            tally.outputs += len(asked)
            for place, (one, other) in enumerate(zip(ours, wanted, strict=True)):
                if one != other:
                    found = _difference(model, family, slots, drafts, place, asked[place], one, other)
                    tally.differences += 1
                    tally.unexplained += not found.is_tie
                    print(f"  {'tie' if found.is_tie else 'WRONG'}: {found}", flush=True)
        print(f"{family:8s} {len(WAYS) * len(asked)} outputs, {tally.differences - before} differ", flush=True)
    return tally


def tiny(family: str) -> Any:
    """A random model whose greedy outputs vary and now and then end."""
    torch.manual_seed(0)
    options: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 256,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": EOS,
        "initializer_range": 0.3,
    }
    if family != "gpt2":
        options |= {"num_key_value_heads": 2, "head_dim": 16}
    build: Any = CONFIG_MAPPING[family]
    return AutoModelForCausalLM.from_config(build(**options)).eval()


def _prompts(count: int) -> Iterator[list[int]]:
    rng = random.Random(0)
    for number in range(count):
        words = [rng.randrange(3, VOCABULARY) for _ in range(rng.randint(1, 60))]
        if number % 3 == 0:
            words = (words[:6] * 10)[: len(words)]
        yield (PREFIX if number % 2 else []) + words


def _own(model: Any, prompt: Sequence[int]) -> list[int]:
    ids = torch.tensor([list(prompt)])
    out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=NEW_TOKENS)
    return out[0, len(prompt) :].tolist()


def _packed(model: Any, asked: list[list[int]], slots: int, drafts: bool) -> list[list[int]]:
    options = EngineOptions(1 << 26, max_slots=slots, slot_tokens=128, prefill_tokens=40, drafts=drafts)
    engine = Engine(model, (EOS,), options, PREFIX)
    try:
        ended = engine.run(Request(key, prompt, NEW_TOKENS) for key, prompt in enumerate(asked))
    finally:
        engine.close()
    return [each.tokens for each in sorted(ended, key=lambda each: each.key)]


def _difference(
    model: Any, family: str, slots: int, drafts: bool, number: int, prompt: list[int], ours: list[int], own: list[int]
) -> Difference:
    place = next((i for i, (one, other) in enumerate(zip(ours, own, strict=False)) if one != other), None)
    if place is None:
        return Difference(family, slots, drafts, number, min(len(ours), len(own)), float("inf"))
    ids = torch.tensor([[*prompt, *own[:place]]])
    logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, -1]  # (V,)
    apart = float((logits[ours[place]] - logits[own[place]]).abs() / logits.abs().max())
    return Difference(family, slots, drafts, number, place, apart)
