"""Attention by the kernels for CPUs: against the definition, beside what is no number, and without them."""

import logging
import resource
from pathlib import Path

import pytest
import torch

from reviser.models import cpu_kernels
from reviser.packed.slots import kernel_attention
from reviser.packed.slots.attention import KernelAttention, Span, plan_step
from reviser.packed.slots.cache import CacheShape, SlotCache, keep_by_torch
from reviser.packed.slots.kernel_attention import SlotKernels, slot_kernels
from tests.reviser.filled_slots import filled, queries, reference, some_spans
from tests.reviser.test_packed import PREFIX, ragged
from tests.reviser.tiny_models import assert_same_or_tied, engine_for, own_greedy, packed_greedy, tiny

pytestmark = pytest.mark.slow

KEPT = [torch.float32, torch.int8]


def kernels(width: int, share: int, threads: int = 1) -> SlotKernels:
    return SlotKernels(cpu_kernels, width, share, threads)


def attended(cache: SlotCache, spans: list[Span], query: torch.Tensor, with_kernels: SlotKernels) -> torch.Tensor:
    count = sum(len(span.tokens) for span in spans)
    plan = plan_step(cache, spans, query.shape[0], torch.float32, with_kernels)
    assert isinstance(plan.attend, KernelAttention)
    return plan.attend(query[:, :count], *cache.layer(0), None)


@pytest.mark.parametrize("kept", KEPT)
@pytest.mark.parametrize(("heads", "share", "width"), [(2, 1, 16), (1, 3, 24), (3, 4, 8), (1, 2, 80)])
@pytest.mark.parametrize("threads", [1, 3])
def test_they_attend_as_the_definition_says(heads: int, share: int, width: int, kept: torch.dtype, threads: int):
    cache = filled(heads, width, kept)
    singles = [Span(slot, start, [0], 1) for slot, start in enumerate((0, 5, 149, 63, 64))]
    for spans in (singles, singles[:1], sorted(some_spans(1), key=lambda span: span.slot)):
        query = queries(spans, heads * share, width, torch.float32)
        found = attended(cache, spans, query, kernels(width, share, threads))
        assert torch.allclose(found, reference(cache, spans, query), atol=1e-5)


def test_scores_that_lie_far_apart_are_no_trouble():
    cache = filled(1, 16, torch.float32)
    cache.slots[:, 0, :, :, 100:] *= 300  # keys
    spans = [Span(0, 149, [0], 1), Span(1, 20, [0], 1)]
    query = queries(spans, 2, 16, torch.float32)
    assert torch.allclose(attended(cache, spans, query, kernels(16, 2)), reference(cache, spans, query), atol=1e-4)


@pytest.mark.parametrize("kept", KEPT)
def test_nothing_is_read_behind_what_a_token_sees(kept: torch.dtype):
    cache = filled(1, 16, kept)
    spans = [Span(1, 70, [0] * 5, 1), Span(4, 0, [0], 1)]
    query = queries(spans, 2, 16, torch.float32)
    wanted = attended(cache, spans, query, kernels(16, 2))
    for each in cache.layer(0):
        behind = each.numbers if each.scales is None else each.scales
        behind[[0, 2, 3, 5]] = float("nan")
        for span in spans:
            behind[span.slot, :, span.end :] = float("nan")
    assert torch.equal(attended(cache, spans, query, kernels(16, 2)), wanted)


@pytest.mark.parametrize("kept", KEPT)
@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_what_is_no_number_stays_none_and_harms_no_other(kept: torch.dtype, odd: float):
    spans = [Span(slot, 9, [0] * 2, 1) for slot in range(3)]
    query = queries(spans, 2, 16, torch.float32)
    found = {}
    for number in (1.0, odd):
        cache = filled(1, 16, kept, keep=kernels(16, 2).keep)
        new = torch.ones(1, 1, 16)
        new[..., 3] = number
        cache.write(0, cache.rows_of(torch.tensor([1]), torch.tensor([4])), new, new)
        found[number] = attended(cache, spans, query, kernels(16, 2))
    assert found[odd][2:4].isnan().any(-1).any(-1).all()
    assert torch.equal(found[odd][[0, 1, 4, 5]], found[1.0][[0, 1, 4, 5]])


def test_both_ways_keep_the_same_in_int8():
    ours, torchs = (filled(2, 16, torch.int8, keep=keep) for keep in (kernels(16, 1).keep, keep_by_torch))
    for one, other in zip(ours.layer(0), torchs.layer(0), strict=True):
        assert torch.allclose(one.scales, other.scales)
        assert (one.numbers.int() - other.numbers.int()).abs().max() <= 1  # halves may be rounded either way


def test_a_row_of_zeros_is_kept_as_zeros():
    for keep in (kernels(8, 1).keep, keep_by_torch):
        cache = filled(1, 8, torch.int8, slots=1, slot_tokens=4, keep=keep)
        cache.write(0, torch.tensor([2]), *torch.zeros(2, 1, 1, 8))
        assert not cache.layer(0)[0].read(slice(None), 4, torch.float32)[:, :, 2].any()


@pytest.mark.parametrize("family", ["llama", "glm", "gpt2"])
def test_a_cache_in_int8_answers_nearly_the_same_and_each_pair_by_itself(family: str):
    model, asked = tiny(family), ragged(8)
    wanted = [own_greedy(model, request.prompt, request.max_new_tokens) for request in asked]
    alone, together = (
        packed_greedy(model, asked, PREFIX, cache_dtype=torch.int8, max_slots=slots, drafts=drafts)
        for slots, drafts in ((1, False), (3, True))
    )
    assert sum(one.tokens == other.tokens for one, other in zip(alone, together, strict=True)) >= 7  # or a tie
    assert sum(each.tokens[:3] == other[:3] for each, other in zip(together, wanted, strict=True)) >= 7


def test_a_cache_in_int8_holds_more():
    one, other = (CacheShape(2, 2, 64, dtype) for dtype in (torch.int8, torch.float32))
    assert one.token_bytes * 3.7 < other.token_bytes
    assert one.slots_within(1 << 24, 128, 0) == (1 << 24) // one.token_bytes // 128
    cache = SlotCache(one, 3, 128, torch.device("cpu"))
    assert cache.nbytes == (3 * 128) * one.token_bytes + 2 * 2 * (64 + 4)  # and a row of scratch a layer


@pytest.mark.parametrize("kept", KEPT)
def test_where_they_fail_torch_attends_and_the_log_says_why(
    kept: torch.dtype, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken() -> object:
        raise ImportError("no compiler here")

    monkeypatch.setattr(kernel_attention, "_kernels", broken)
    kernel_attention._probe.cache_clear()
    model, asked = tiny("llama"), ragged(4)
    with caplog.at_level(logging.WARNING), engine_for(model, PREFIX, cache_dtype=kept) as engine:
        assert engine.runner._kernels is None
        ended = sorted(engine.run(asked), key=lambda each: each.key)
    kernel_attention._probe.cache_clear()
    assert "no compiler here" in caplog.text
    if kept == torch.float32:
        for request, each in zip(asked, ended, strict=True):
            own = own_greedy(model, request.prompt, request.max_new_tokens)
            assert_same_or_tied(model, request.prompt, each.tokens, own)


def test_wrong_kernels_are_found_out(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    class Wrong:
        keep = cpu_kernels.keep

        @staticmethod
        def attend(*arguments: object) -> None:
            cpu_kernels.attend(*arguments)
            arguments[8][-1] += 1e-3  # type: ignore[index]

    monkeypatch.setattr(kernel_attention, "_kernels", lambda: Wrong)
    kernel_attention._probe.cache_clear()
    found = slot_kernels(CacheShape(1, 2, 8, torch.float32), 4, torch.float32, torch.device("cpu"))
    kernel_attention._probe.cache_clear()
    assert found is None
    assert "off" in caplog.text


def test_functions_that_cannot_be_kept_for_the_next_process_are_compiled_all_the_same():
    space: dict[str, object] = {}
    exec("def double(number): return 2 * number", space)  # a function without a file
    assert cpu_kernels.compiled(set())(space["double"])(21) == 42


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def test_memory_is_taken_when_a_slot_needs_it():
    before = resident_bytes()
    cache = SlotCache(CacheShape(2, 4, 64, torch.float32), 64, 2048, torch.device("cpu"))
    cache.clear(3)
    assert cache.nbytes > 1 << 29
    assert resident_bytes() - before < 1 << 26
    assert not cache.slots[:, :, ::9, :, ::500].any()
