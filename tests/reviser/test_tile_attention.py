"""Attention over tiles: torch's own and the Triton kernel, interpreted, against a plain reference."""

import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reviser.packed.graphs import Rerun
from reviser.packed.slots.attention import Span
from reviser.packed.slots.cache import SlotCache
from reviser.packed.slots.support import UnsupportedModel
from reviser.packed.static_step import StepInputs
from reviser.packed.tile_attention import FusedSlots, PaddedSlots, TileAttention, tile_attention
from reviser.pairs.requests import Request
from tests.reviser.filled_slots import filled, queries, reference, some_spans
from tests.reviser.test_packed import PREFIX, ragged
from tests.reviser.tiny_models import assert_same_or_tied, engine_for, own_greedy, packed_greedy, tiny

triton = pytest.importorskip("triton")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("TRITON_INTERPRET") != "1", reason="the kernels are tested interpreted; unset TRITON_INTERPRET"
    ),
]


@pytest.fixture(autouse=True)
def bfloat16_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton's interpreter multiplies bfloat16 by its bits: let it multiply the numbers."""
    from triton.runtime.interpreter import InterpreterBuilder, TensorHandle, tl

    multiply = InterpreterBuilder.create_dot

    def widened(handle: Any) -> Any:
        if handle.dtype.scalar != tl.bfloat16:
            return handle
        return TensorHandle((handle.data.astype(np.uint32) << 16).view(np.float32), tl.float32)

    monkeypatch.setattr(
        InterpreterBuilder, "create_dot", lambda self, a, b, *others: multiply(self, widened(a), widened(b), *others)
    )


def attended(attention: TileAttention, cache: SlotCache, spans: list[Span], query: torch.Tensor) -> torch.Tensor:
    inputs = StepInputs(attention.shapes(spans, query.shape[1], 8), cache)
    inputs.load(spans, [])
    count = sum(len(span.tokens) for span in spans)
    return attention.attend(inputs)(query, *cache.layer(0), None)[:count].float()


PROCESSORS = [1, 50]  # one program for a tile, several
SINGLES = [Span(slot, start, [0], 1) for slot, start in enumerate((0, 5, 149, 63, 64))]
SHAPES = [  # heads, query heads of each, width, dtype, tolerance
    (2, 1, 16, torch.float32, 1e-5),
    (1, 4, 24, torch.float32, 1e-5),
    (1, 7, 16, torch.float16, 4e-3),
    (1, 2, 128, torch.bfloat16, 3e-2),
]


@pytest.mark.parametrize(("heads", "share", "width", "dtype", "tolerance"), SHAPES)
def test_both_ways_attend_as_the_definition_says(
    heads: int, share: int, width: int, dtype: torch.dtype, tolerance: float
):
    cache = filled(heads, width, dtype)
    for spans in (SINGLES[:3], some_spans(1)):
        query = queries(spans, heads * share, width, dtype)
        wanted = reference(cache, spans, query)
        assert torch.allclose(
            attended(PaddedSlots(cache, heads * share, dtype), cache, spans, query), wanted, atol=tolerance
        )
        for processors in PROCESSORS:
            fused = FusedSlots(cache, heads * share, processors)
            assert torch.allclose(attended(fused, cache, spans, query), wanted, atol=tolerance)


def test_splits_whose_scores_lie_far_apart_are_joined():
    cache = filled(1, 16, torch.float32)
    cache.slots[:, 0, :, :, 100:] *= 300  # keys; their chances are beyond float32 beside those of the first places
    spans = [Span(0, 149, [0], 1), Span(1, 20, [0], 1)]
    query = queries(spans, 2, 16, torch.float32, padded_to=8)
    found = attended(FusedSlots(cache, 2, 1 << 20), cache, spans, query)
    assert torch.allclose(found, reference(cache, spans, query), atol=1e-4)


@pytest.mark.parametrize("processors", PROCESSORS)
def test_the_kernel_reads_nothing_behind_what_its_tokens_see(processors: int):
    cache = filled(1, 16, torch.float32)
    spans = some_spans(2)
    query = queries(spans, 2, 16, torch.float32)
    wanted = attended(FusedSlots(cache, 2, processors), cache, spans, query)
    for span in spans:
        cache.slots[:, :, span.slot, :, span.end :] = float("nan")
    cache.slots[:, :, list({0, 1, 2, 3, 4, 5} - {span.slot for span in spans})] = float("nan")
    assert torch.equal(attended(FusedSlots(cache, 2, processors), cache, spans, query), wanted)


@pytest.mark.parametrize("processors", PROCESSORS)
def test_a_slot_that_is_no_number_harms_no_other(processors: int):
    cache = filled(1, 16, torch.float32)
    query = queries(SINGLES, 2, 16, torch.float32)
    wanted = attended(FusedSlots(cache, 2, processors), cache, SINGLES, query)
    cache.slots[:, :, 2, :, 140] = float("nan")
    found = attended(FusedSlots(cache, 2, processors), cache, SINGLES, query)
    assert found[2].isnan().all()
    assert torch.equal(found[[0, 1, 3, 4]], wanted[[0, 1, 3, 4]])


def short(count: int) -> list[Request]:
    return [replace(request, max_new_tokens=6) for request in ragged(count, longest=12)]


def test_the_engine_answers_by_the_kernel_as_generate_does():
    model, asked = tiny("llama", num_hidden_layers=1), short(3)
    ended = packed_greedy(model, asked, PREFIX, max_slots=2, prefill_tokens=20, graphs=Rerun(), attention="triton")
    for request, ours in zip(asked, ended, strict=True):
        own = own_greedy(model, request.prompt, request.max_new_tokens)
        assert_same_or_tied(model, request.prompt, ours.tokens, own)


def kind_of(kind: Any) -> TileAttention:
    return tile_attention(kind, filled(2, 16, torch.float32), 4, torch.float32)


def test_the_kernel_is_taken_where_it_agrees_with_torch():
    assert isinstance(kind_of("auto"), FusedSlots)
    assert isinstance(kind_of("sdpa"), PaddedSlots)


@pytest.mark.parametrize("harm", ["a driver that is missing", "it is 1 off"])
def test_a_kernel_that_does_not_work_is_not_taken(
    harm: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    from reviser.packed import tile_attention as module

    attend = module._FusedAttention.__call__

    def harmed(self: Any, *arguments: Any) -> torch.Tensor:
        if harm == "it is 1 off":
            return attend(self, *arguments) + 1
        raise RuntimeError(harm)

    monkeypatch.setattr(module._FusedAttention, "__call__", harmed)
    with caplog.at_level(logging.WARNING):
        assert isinstance(kind_of("auto"), PaddedSlots)
    assert f"does not work here: {harm}" in caplog.text.replace("RuntimeError: ", "")
    with pytest.raises(UnsupportedModel, match=f"{harm}; COACHLM_REVISER_ATTENTION=sdpa"):
        kind_of("triton")
    with pytest.raises(UnsupportedModel), engine_for(tiny("llama"), graphs=Rerun(), attention="triton"):
        pass


COMPILE = """
import sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from reviser.packed.slots.triton_kernels import attend_tiles, join_splits

def kind(name):
    wide = {"query": "*bf16", "keys": "*bf16", "values": "*bf16", "out": "*bf16", "scale": "fp32"}
    wide |= dict.fromkeys(("parts", "peaks", "weights"), "*fp32")
    wide |= dict.fromkeys(("slots", "starts", "counts", "offsets"), "*i64")
    return "constexpr" if name in sizes else wide.get(name, "i32")

for kernel, splits in ((attend_tiles, 1), (attend_tiles, 4), (join_splits, 4)):
    sizes = {"share": 1, "width": 128, "width_block": 128, "rows": 16, "places": 64, "splits": splits}
    sizes = {name: size for name, size in sizes.items() if name in kernel.arg_names}
    source = ASTSource(kernel, {name: kind(name) for name in kernel.arg_names}, constexprs=sizes)
    options = {"num_warps": 4, "num_stages": 2, "enable_fp_fusion": True}
    made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    assert made.metadata.shared < 48_000, made.metadata.shared
    assert kernel is join_splits or "mma.sync" in made.asm["ptx"]
print("compiled")
"""


def test_the_kernels_compile_for_a_gpu(tmp_path: Path):
    """For compute capability 9.0, with Triton's own assembler; that they run there is not shown by this."""
    environment = os.environ | {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "compiled\n", done.stderr
