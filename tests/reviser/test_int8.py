"""Int8 linear layers and a 16-bit cache: near the model's own answers, and the same whoever is computed along."""

from pathlib import Path

import pytest
import torch
from torch import nn

from coachlm.pairs import InstructionPair
from coachlm.settings import load_settings
from reviser.engines import build_reviser
from reviser.models.int8_linear import Int8Linear, quantise
from reviser.models.kernel_norms import use_kernel
from reviser.packed.model_runner import cache_shape
from reviser.packed.reviser import PackedReviser
from reviser.pairs.requests import Request
from tests.reviser.tiny_models import TIE, engine_for, own_greedy, packed_greedy, tiny


@pytest.mark.parametrize("bias", [False, True])
def test_a_layer_computes_nearly_the_same_and_each_token_by_itself(bias: bool):
    torch.manual_seed(0)
    linear = nn.Linear(300, 70, bias=bias)
    inputs = torch.randn(2, 9, 300) * torch.logspace(-3, 3, 9)[:, None]  # tokens of very different size
    layer = Int8Linear(linear)
    with torch.no_grad():
        wanted, found = linear(inputs), layer(inputs)
        alone = torch.stack([layer(inputs[row, place : place + 1]) for row in range(2) for place in range(9)]).view_as(
            found
        )
    assert found.shape == wanted.shape
    assert float(((found - wanted).norm(dim=-1) / wanted.norm(dim=-1)).max()) < 0.03
    assert torch.equal(found, alone)


def test_the_largest_sums_do_not_overflow():
    linear = nn.Linear(4096, 2, bias=False)
    nn.init.ones_(linear.weight)
    with torch.no_grad():
        assert torch.allclose(Int8Linear(linear)(torch.ones(1, 4096)), torch.tensor(4096.0))


def test_what_is_no_number_stays_none():
    layer = Int8Linear(nn.Linear(8, 4))
    inputs = torch.ones(2, 8)
    inputs[0, 3] = float("nan")
    with torch.no_grad():
        found = layer(inputs)
    assert found[0].isnan().all()
    assert found[1].isfinite().all()


@pytest.mark.parametrize(("family", "norms"), [("llama", 5), ("qwen3", 9), ("gemma", 5), ("glm4", 9), ("gpt2", 0)])
def test_norms_by_a_kernel_are_the_family_s_own(family: str, norms: int):
    model = tiny(family)
    for module in model.modules():
        if type(module).__name__.endswith("RMSNorm"):
            nn.init.normal_(module.weight)
    ids = torch.tensor([[1, 5, 9, 20]])
    with torch.no_grad():
        wanted = model(ids).logits
        assert use_kernel(model) == norms
        found = model(ids).logits
    assert float((found - wanted).abs().max()) < TIE


class DoubledRMSNorm(nn.RMSNorm):
    """Not what its name says."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) + x.amax(-1, keepdim=True)


def test_a_norm_that_does_something_else_is_left_alone_and_no_number_stays_none():
    model = nn.ModuleList([DoubledRMSNorm(8), nn.RMSNorm(8, eps=1e-3), nn.LayerNorm(8)])
    assert use_kernel(model) == 1
    rows = torch.randn(3, 8)
    rows[1, 2], rows[2, 0] = float("nan"), float("inf")
    with torch.no_grad():
        assert torch.equal(model[0](rows[:1]), DoubledRMSNorm(8)(rows[:1]))
        found, wanted = model[1](rows), nn.RMSNorm(8, eps=1e-3)(rows)
    assert torch.allclose(found, wanted, equal_nan=True)
    assert model[1](rows.requires_grad_()).requires_grad


@pytest.mark.slow
@pytest.mark.parametrize("family", ["llama", "qwen2", "gemma"])
def test_the_packed_engine_answers_as_generate_does_with_the_same_layers(family: str):
    model = tiny(family)
    assert quantise(model) == 15  # that of the logits too
    asked = [Request(key, [1, *(3 + (key * 7 + place * 5) % 50 for place in range(6 + key))], 16) for key in range(8)]
    own = [own_greedy(model, request.prompt, 16) for request in asked]
    for slots, drafts, prefill in ((1, False, 512), (8, True, 512), (3, True, 7)):
        ended = packed_greedy(model, asked, max_slots=slots, drafts=drafts, prefill_tokens=prefill)
        assert sum(each.tokens == wanted for each, wanted in zip(ended, own, strict=True)) >= 7  # rounding may tip one


def test_a_cache_in_16_bits_holds_twice_as_much_and_answers_nearly_the_same():
    model = tiny("llama")
    own = cache_shape(model)
    half = cache_shape(model, torch.float16)
    assert half.token_bytes * 2 == own.token_bytes
    asked = [Request(key, [1, *(3 + (key * 7 + place * 5) % 50 for place in range(6 + key))], 16) for key in range(8)]
    wanted = [own_greedy(model, request.prompt, 16) for request in asked]
    with engine_for(model, cache_bytes=(128 * 5 + 1) * half.token_bytes, cache_dtype=torch.float16) as engine:
        assert engine.scheduler.limits.slots == 5
        ended = sorted(engine.run(asked), key=lambda each: each.key)
    assert sum(each.tokens == other for each, other in zip(ended, wanted, strict=True)) >= 7


def test_the_settings_choose_them(model_folder: Path):
    settings = load_settings(
        engine="packed",
        model=str(model_folder),
        reviser_cache_mib=8,
        max_new_tokens=64,
        reviser_int8=True,
        reviser_half_cache=True,
    )
    reviser = build_reviser(settings)
    assert isinstance(reviser, PackedReviser)
    runner = reviser._opened().engine.runner
    assert runner.cache.shape.dtype == (torch.float16 if runner.model.dtype == torch.float32 else runner.model.dtype)
    if not torch.cuda.is_available():
        assert any(isinstance(module, Int8Linear) for module in runner.model.modules())
    assert [each.engine for each in reviser.revise([InstructionPair("Name a fruit.", "", "A fig.")])] == ["packed"]
    reviser.close()
