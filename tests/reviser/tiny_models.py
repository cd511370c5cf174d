"""Random small models of several families, and what their own `generate` answers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from reviser.packed.engine import Engine, EngineOptions
from reviser.pairs.requests import Completion, Request

FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "gemma", "glm", "glm4", "phi3", "gpt2")
VOCABULARY, CONTEXT, EOS = 61, 128, 2
TIE = 1e-4  # logits are of order 1 to 100; float32 sums in another order differ by less


def tiny(family: str, **changes: Any) -> Any:
    """A model whose greedy outputs vary and now and then end."""
    torch.manual_seed(0)
    options = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": CONTEXT,
        "initializer_range": 0.4,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": EOS,
    }
    if family != "gpt2":
        options |= {"num_key_value_heads": 2, "head_dim": 8}
    return AutoModelForCausalLM.from_config(CONFIG_MAPPING[family](**options | changes)).eval()


def own_greedy(model: Any, prompt: Sequence[int], tokens: int) -> list[int]:
    ids = torch.tensor([list(prompt)])
    out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=tokens)
    return out[0, len(prompt) :].tolist()


@contextmanager
def engine_for(model: Any, prefix: Sequence[int] = (), **options: Any) -> Iterator[Engine]:
    eos_ids = (model.generation_config.eos_token_id,)
    engine = Engine(model, eos_ids, EngineOptions(**{"cache_bytes": 1 << 24, "slot_tokens": CONTEXT} | options), prefix)
    try:
        yield engine
    finally:
        engine.close()


def packed_greedy(model: Any, asked: Sequence[Request], prefix: Sequence[int] = (), **options: Any) -> list[Completion]:
    """In the order of the keys."""
    with engine_for(model, prefix, **options) as engine:
        return sorted(engine.run(asked), key=lambda ended: ended.key)


def assert_same_or_tied(model: Any, prompt: Sequence[int], ours: list[int], own: list[int]) -> None:
    """Equal token for token, or different from a place on where the two tokens' logits tie within float error."""
    if ours == own:
        return
    place = next((i for i, (a, b) in enumerate(zip(ours, own, strict=False)) if a != b), None)
    assert place is not None, f"one stops earlier: {ours} {own}"
    ids = torch.tensor([[*prompt, *own[:place]]])
    with torch.inference_mode():
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, -1]
    apart = float((logits[ours[place]] - logits[own[place]]).abs() / logits.abs().max())
    assert apart < TIE, f"at {place}: {ours[place]} instead of {own[place]}, whose logits are {apart:.2e} apart"
