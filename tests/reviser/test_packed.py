"""The packed engine: what comes out equals `generate`, and what one request does harms no other."""

import random
from typing import Any

import pytest
import torch

from reviser.packed.model_runner import cache_shape
from reviser.packed.slots.support import UnsupportedModel
from reviser.pairs.requests import Failure, Request
from tests.reviser.tape import TapeGraphs
from tests.reviser.tiny_models import (
    CONTEXT,
    FAMILIES,
    VOCABULARY,
    assert_same_or_tied,
    engine_for,
    own_greedy,
    packed_greedy,
    tiny,
)

pytestmark = pytest.mark.slow

PREFIX = [1, 7, 8, 9, 10, 11]
either_shapes = pytest.mark.parametrize("graphs", [lambda: None, TapeGraphs], ids=["free", "static"])
"""Steps as long as they are, and steps of fixed shapes that are recorded and replayed."""


def ragged(count: int, seed: int = 0, longest: int = 60) -> list[Request]:
    """Prompts of all lengths, half of them with the shared prefix, some with repeats that invite drafts."""
    rng = random.Random(seed)
    asked = []
    for key in range(count):
        words = [rng.randrange(3, VOCABULARY) for _ in range(rng.randint(1, longest))]
        if key % 3 == 0:
            words = (words[:6] * 5)[:longest]
        asked.append(Request(key, (PREFIX if key % 2 else []) + words, rng.randint(1, 24)))
    return asked


WAYS = [  # slots, drafts, shared prefix, prompt tokens a step
    (1, False, (), 512),
    (1, True, PREFIX, 5),
    (8, False, PREFIX, 5),
    (8, True, (), 5),
    (8, True, PREFIX, 512),
    (64, False, (), 512),
    (64, True, PREFIX, 33),
]


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_output_equals_generate(family: str):
    model = tiny(family)
    asked = ragged(12)
    own = [own_greedy(model, request.prompt, request.max_new_tokens) for request in asked]
    assert len({tuple(tokens) for tokens in own}) > 9, "the model must not say the same thing always"
    for slots, drafts, prefix, prefill in WAYS:
        ended = packed_greedy(
            model, asked, prefix, max_slots=slots, drafts=drafts, prefill_tokens=prefill, step_overhead_tokens=200
        )
        for request, ours, wanted in zip(asked, ended, own, strict=True):
            assert ours.failure is None
            assert_same_or_tied(model, request.prompt, ours.tokens, wanted)


@either_shapes
def test_outputs_that_end_at_once_and_outputs_that_never_do(graphs: Any):
    model = tiny("llama")
    asked = ragged(9)
    model.generation_config.eos_token_id = own_greedy(model, asked[4].prompt, 1)[0]
    own = [own_greedy(model, request.prompt, request.max_new_tokens) for request in asked]
    assert [ended.tokens for ended in packed_greedy(model, asked, max_slots=4, graphs=graphs())] == own
    assert len(own[4]) == 1
    model.generation_config.eos_token_id = VOCABULARY + 1
    own = [own_greedy(model, request.prompt, request.max_new_tokens) for request in asked]
    assert [ended.tokens for ended in packed_greedy(model, asked, max_slots=4, graphs=graphs())] == own
    assert [len(tokens) for tokens in own] == [request.max_new_tokens for request in asked]


@either_shapes
def test_prompts_at_the_context_limit(graphs: Any):
    model = tiny("llama")
    prompt = [3 + place % 50 for place in range(CONTEXT)]
    asked = [
        Request(0, prompt[:-1], 50),  # room for one token
        Request(1, prompt, 50),
        Request(2, prompt * 2, 50),
        Request(3, [], 50),
        Request(4, [1, VOCABULARY], 50),
        Request(5, [1, -1], 50),
        Request(6, [1, 3], 0),
        Request(7, [1, 3], 500),  # may fill its slot
    ]
    ended = packed_greedy(model, asked, max_slots=2, graphs=graphs())
    assert ended[0].tokens == own_greedy(model, prompt[:-1], 1)
    long, unknown = Failure.TOO_LONG, Failure.UNKNOWN_TOKEN
    wanted = [None, long, long, Failure.NO_PROMPT, unknown, unknown, long, None]
    assert [each.failure for each in ended] == wanted
    assert ended[7].tokens == own_greedy(model, [1, 3], CONTEXT - 2)


@either_shapes
@pytest.mark.parametrize("drafts", [False, True])
def test_a_row_whose_logits_are_no_numbers_harms_no_other(drafts: bool, graphs: Any):
    model = tiny("llama", tie_word_embeddings=False)
    poison = 13
    asked = [request for request in ragged(24) if poison not in request.prompt]
    own = {request.key: own_greedy(model, request.prompt, request.max_new_tokens) for request in asked}
    healthy = {key for key, tokens in own.items() if poison not in tokens}
    with torch.no_grad():
        model.model.embed_tokens.weight[poison] = float("nan")
    poisoned = [Request(100 + key, [1, 5, poison, *range(14, 54 + key)], 20) for key in range(6)]
    mixed = [each for pair in zip(asked, poisoned * 4, strict=False) for each in pair][: 2 * len(asked)]
    ended = packed_greedy(model, mixed, max_slots=3, drafts=drafts, prefill_tokens=9, graphs=graphs())
    assert len(healthy) > 8
    for each in ended:
        if each.key >= 100:
            assert each.failure is Failure.NAN_LOGITS
            assert each.tokens == []
        elif each.key in healthy:
            assert (each.failure, each.tokens) == (None, own[each.key])


@either_shapes
def test_a_row_that_turns_out_as_no_number_after_its_slot_was_moved(graphs: Any):
    model = tiny("llama", tie_word_embeddings=False)
    with torch.no_grad():
        model.model.embed_tokens.weight[13] = float("nan")
    poisoned = Request(0, [1, 13, *range(14, 60)], 5)
    with engine_for(model, max_slots=3, prefill_tokens=12, drafts=False, graphs=graphs()) as engine:
        engine.runner.forward = _never(13, engine.runner.forward)
        for request in (Request(1, [5], 30), Request(2, [6], 1), poisoned):
            engine.add(request)
        early = [each for _ in range(40) for each in engine.step()]
        asked = [Request(10, [5, 6, 7, 8] * 12, 30), Request(11, [9, 10], 8), Request(12, [11, 5], 8)]
        ended = engine.run(asked)
    assert {each.key: each.failure for each in early} == {0: Failure.NAN_LOGITS, 1: None, 2: None}
    assert {each.key: each.failure for each in ended} == {10: None, 11: None, 12: None}


def _never(token: int, forward: Any) -> Any:
    """`forward`, with another token wherever the model says this one."""
    return lambda step: [[5 if each == token else each for each in answer] for answer in forward(step)]


def test_the_cache_takes_what_the_budget_says_and_no_more():
    model = tiny("qwen3")  # 2 layers, 2 heads of 8, float32
    token_bytes = 2 * 2 * 2 * 8 * 4
    assert cache_shape(model).token_bytes == token_bytes
    slot_bytes = 100 * token_bytes
    beside = len(PREFIX) * token_bytes + token_bytes // 2  # the prefix, and a row of scratch for two heads
    budget = 5 * slot_bytes + (len(PREFIX) + 1) * token_bytes
    with engine_for(model, PREFIX, cache_bytes=budget, slot_tokens=100) as engine:
        assert engine.runner.cache.nbytes == 5 * slot_bytes + beside
    with engine_for(model, PREFIX, cache_bytes=budget - 1, slot_tokens=100) as engine:
        assert engine.runner.cache.nbytes == 4 * slot_bytes + beside
    with engine_for(model, PREFIX, cache_bytes=budget, slot_tokens=100, max_slots=2) as engine:
        assert engine.runner.cache.nbytes == 2 * slot_bytes + beside
    with (
        pytest.raises(UnsupportedModel, match="holds no slot of 100 tokens"),
        engine_for(model, cache_bytes=slot_bytes, slot_tokens=100),
    ):
        pass


def test_without_drafts_every_token_is_computed_once():
    model = tiny("llama")
    asked = ragged(12)
    with engine_for(model, PREFIX, max_slots=4, drafts=False) as engine:
        ended = engine.run(asked)
        counts = engine.counts
    prompts, emitted = sum(len(request.prompt) for request in asked), sum(len(each.tokens) for each in ended)
    shared = sum(min(len(PREFIX), len(r.prompt) - 1) for r in asked if list(r.prompt[: len(PREFIX)]) == PREFIX)
    assert counts.emitted_tokens == emitted
    assert counts.prefix_tokens >= shared > 0
    assert counts.computed_tokens == prompts - counts.prefix_tokens + emitted - len(asked)


def test_drafts_save_steps_where_an_output_repeats_itself():
    model = tiny("llama", initializer_range=0.02)  # says one token for ever
    asked = [Request(0, [1, 5, 6], 100)]
    own = own_greedy(model, [1, 5, 6], 100)
    steps = {}
    for drafts in (False, True):
        with engine_for(model, max_slots=1, drafts=drafts, step_overhead_tokens=200) as engine:
            assert [each.tokens for each in engine.run(asked)] == [own]
            steps[drafts] = engine.counts.steps
            assert engine.counts.emitted_tokens == len(own)
    assert steps[False] == len(own)
    assert steps[True] < len(own) * 0.6


def test_requests_may_come_while_others_are_under_way():
    model = tiny("mistral")
    asked = ragged(12)
    ended = []
    with engine_for(model, max_slots=3, prefill_tokens=7) as engine:
        for request in asked:
            assert engine.add(request) is None
            ended += engine.step() + engine.step()
        while not engine.idle:
            ended += engine.step()
    for each in ended:
        request = asked[each.key]
        assert_same_or_tied(
            model, request.prompt, each.tokens, own_greedy(model, request.prompt, request.max_new_tokens)
        )
    assert sorted(each.key for each in ended) == list(range(12))


@either_shapes
def test_out_of_memory_halves_the_slots_and_loses_nothing(monkeypatch: pytest.MonkeyPatch, graphs: Any):
    model = tiny("llama")
    asked = ragged(12)
    own = [own_greedy(model, request.prompt, request.max_new_tokens) for request in asked]
    with engine_for(model, max_slots=8, prefill_tokens=64, graphs=graphs()) as engine:
        forward = engine.runner.forward

        def scarce(step):
            if len(step.rows) > 3:
                raise torch.OutOfMemoryError("no room")
            return forward(step)

        monkeypatch.setattr(engine.runner, "forward", scarce)
        ended = sorted(engine.run(asked), key=lambda each: each.key)
        assert engine.scheduler.limits.slots == 2
    assert [each.tokens for each in ended] == own


def test_without_any_memory_each_request_fails_by_itself(monkeypatch: pytest.MonkeyPatch):
    with engine_for(tiny("llama"), max_slots=4, prefill_tokens=16) as engine:

        def none(step):
            raise MemoryError

        monkeypatch.setattr(engine.runner, "forward", none)
        ended = engine.run(ragged(5))
    assert sorted(each.key for each in ended) == [0, 1, 2, 3, 4]
    assert {each.failure for each in ended} == {Failure.OUT_OF_MEMORY}


@pytest.mark.parametrize(
    ("family", "changes", "reason"),
    [
        ("mistral", {"sliding_window": 64}, "window"),
        ("gemma2", {}, "sliding_attention"),
        ("bloom", {}, "can't be set"),
        ("mamba", {}, "linear_attention"),
        ("llama", {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}}, "dynamic"),
    ],
)
def test_models_it_can_not_do_are_refused_and_left_as_they_were(family: str, changes: dict, reason: str):
    model = tiny(family, **changes)
    ids = torch.tensor([[1, 5, 9, 4]])
    with torch.inference_mode():
        before = model(ids).logits
    with pytest.raises(UnsupportedModel, match=reason), engine_for(model):
        pass
    with torch.inference_mode():
        assert torch.equal(model(ids).logits, before)


def test_closing_gives_the_model_its_own_attention_back():
    model = tiny("llama")
    own = own_greedy(model, [1, 5, 6], 20)
    packed_greedy(model, ragged(3))
    assert own_greedy(model, [1, 5, 6], 20) == own
