"""Sampling: the distribution that was asked for, and draws that depend on seed, pair and place alone."""

import copy
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from coachlm.errors import SettingsError
from coachlm.pairs import InstructionPair
from coachlm.settings import load_settings
from reviser.engines import build_reviser
from reviser.generate.reviser import Sampled, generate
from reviser.models.model_loading import LoadedModel
from reviser.models.next_tokens import chances, choose
from reviser.models.sampling import DRAW_BITS, Sampling, draw
from reviser.pairs.requests import Request
from tests.reviser.tape import TapeGraphs
from tests.reviser.test_packed import PREFIX, ragged
from tests.reviser.tiny_models import CONTEXT, EOS, VOCABULARY, engine_for, packed_greedy, tiny

LOGITS = torch.tensor([-3.0, 0.5, 1.4, 2.0, 0.9, 0.9, -1.0])
WAYS = [Sampling(0.7), Sampling(1.3, top_k=3), Sampling(1.0, top_p=0.8), Sampling(0.9, top_k=5, top_p=0.6)]


def noisy(asked: list[Request], sampling: Sampling) -> list[Request]:
    return [replace(request, noise=sampling.noise(f"pair {request.key}")) for request in asked]


@pytest.mark.parametrize("sampling", WAYS)
def test_tokens_come_as_often_as_their_chances_say(sampling: Sampling):
    count = 8000
    draws = torch.tensor([draw(sampling.noise("a pair"), place) for place in range(count)])
    drawn = Counter(choose(LOGITS.repeat(count, 1), draws, sampling).tolist())
    expected = chances(LOGITS[None], sampling)[0]
    expected = expected / expected.sum() * count
    assert {token for token in range(len(LOGITS)) if expected[token] == 0}.isdisjoint(drawn)
    apart = sum((drawn[token] - float(each)) ** 2 / float(each) for token, each in enumerate(expected) if each > 0)
    assert apart < 18.5  # chi-square with six degrees of freedom exceeds it once in 200


@pytest.mark.parametrize(
    "sampling", [*WAYS, Sampling(0.5, top_k=1), Sampling(1.0, top_k=99), Sampling(1.0, top_p=0.01)]
)
def test_chances_are_those_of_transformers(sampling: Sampling):
    torch.manual_seed(0)
    logits = torch.randn(40, 30) * 2
    scores = TemperatureLogitsWarper(sampling.temperature)(None, logits)
    if sampling.top_k:
        scores = TopKLogitsWarper(sampling.top_k)(None, scores)
    if sampling.top_p < 1:
        scores = TopPLogitsWarper(sampling.top_p)(None, scores)
    found = chances(logits, sampling)
    assert torch.allclose((found / found.sum(dim=-1, keepdim=True)).float(), scores.softmax(dim=-1), atol=1e-6)


def test_extreme_draws_and_temperatures_give_tokens_that_are_possible():
    draws = torch.tensor([0, (1 << DRAW_BITS) - 1])
    for sampling in (*WAYS, Sampling(1e-9), Sampling(10.0)):
        possible = chances(LOGITS[None], sampling)[0] > 0
        first, last = choose(LOGITS.repeat(2, 1), draws, sampling).tolist()
        assert first == int(possible.nonzero()[0])
        assert last == int(possible.nonzero()[-1])
    hopeless = torch.stack([LOGITS, LOGITS * float("nan")])
    assert choose(hopeless, draws, WAYS[0]).tolist() == [0, -1]


@pytest.mark.slow
@pytest.mark.parametrize("sampling", [Sampling(0.6, seed=3), Sampling(0.9, top_k=8, top_p=0.9)])
def test_what_a_pair_becomes_does_not_depend_on_its_companions_or_drafts(sampling: Sampling):
    model, asked = tiny("llama"), noisy(ragged(12), sampling)
    alone = [packed_greedy(model, [request], max_slots=1, drafts=False, sampling=sampling)[0] for request in asked]
    assert [each.tokens for each in alone] != [each.tokens for each in packed_greedy(model, asked)]
    ways: list[dict[str, Any]] = [
        {"max_slots": 8, "drafts": True, "prefill_tokens": 33, "step_overhead_tokens": 200},
        {"max_slots": 3, "drafts": False, "prefix": PREFIX},
        {"max_slots": 5, "drafts": True, "step_overhead_tokens": 200, "graphs": TapeGraphs()},
    ]
    for way in ways:
        assert packed_greedy(model, asked, sampling=sampling, **way) == alone
        assert sorted(packed_greedy(model, asked[::-1], sampling=sampling, **way), key=lambda each: each.key) == alone


def test_drafts_are_taken_where_the_draw_agrees():
    model, sampling = tiny("llama", initializer_range=0.1), Sampling(0.02)
    asked = noisy([Request(key, [1, 5, 6 + key], 80) for key in range(4)], sampling)
    outputs = []
    for drafts in (False, True):
        with engine_for(model, max_slots=2, drafts=drafts, step_overhead_tokens=200, sampling=sampling) as engine:
            outputs.append(sorted((each.key, each.tokens) for each in engine.run(asked)))
            counts = engine.counts
    assert outputs[0] == outputs[1]
    assert 20 < counts.accepted_tokens < counts.drafted_tokens


def test_a_temperature_near_zero_is_greedy():
    model = tiny("qwen2")
    asked = ragged(8)
    cold = packed_greedy(model, noisy(asked, Sampling(1e-7)), sampling=Sampling(1e-7))
    assert cold == packed_greedy(model, asked)


def test_memory_that_runs_out_changes_no_draw(monkeypatch: pytest.MonkeyPatch):
    model, sampling = tiny("llama"), Sampling(0.8)
    asked = noisy(ragged(8), sampling)
    wanted = packed_greedy(model, asked, sampling=sampling)
    with engine_for(model, max_slots=8, sampling=sampling) as engine:
        forward, calls = engine.runner.forward, 0

        def scarce(step: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 5:
                raise MemoryError
            return forward(step)

        monkeypatch.setattr(engine.runner, "forward", scarce)
        assert sorted(engine.run(asked), key=lambda each: each.key) == wanted


def test_plain_generate_draws_the_same_tokens(loaded: LoadedModel):
    model, sampling = tiny("llama"), Sampling(0.7, top_p=0.95)
    asked = noisy(ragged(8), sampling)
    ours = LoadedModel(model, loaded.tokenizer, CONTEXT, (EOS,))
    plain, broken = generate(
        ours,
        [list(request.prompt) for request in asked],
        [request.max_new_tokens for request in asked],
        Sampled(sampling, [request.noise for request in asked]),
    )
    assert not any(broken)
    assert plain == [each.tokens for each in packed_greedy(model, asked, sampling=sampling)]
    assert max(token for tokens in plain for token in tokens) < VOCABULARY


FRUITS = ("plums", "figs", "limes", "dates", "pears", "apples")
PAIRS = [InstructionPair(f"Name {fruit}.", "", f"A fruit is {fruit}") for fruit in FRUITS]


@pytest.mark.slow
def test_the_settings_ask_for_it(loaded: LoadedModel, tmp_path: Path):
    unsure = copy.deepcopy(loaded.model)
    with torch.no_grad():
        unsure.lm_head.weight.mul_(0.02)
    unsure.generation_config.eos_token_id = list(range(2, 12))  # outputs may end anywhere
    unsure.save_pretrained(tmp_path)
    loaded.tokenizer.save_pretrained(tmp_path)

    def lengths(**changes: Any) -> list[int]:
        settings = load_settings(
            model=str(tmp_path),
            reviser_cache_mib=8,
            max_new_tokens=60,
            **{"engine": "packed", "sampling_temperature": 0.8, "sampling_seed": 7} | changes,
        )
        engine = build_reviser(settings)
        assert engine is not None
        revisions = engine.revise([*PAIRS, PAIRS[0]])
        engine.close()
        assert revisions[0].output_tokens == revisions[-1].output_tokens
        return [each.output_tokens for each in revisions]

    drawn = lengths()
    assert lengths(engine="transformers") == drawn
    assert lengths() == drawn
    assert lengths(sampling_seed=8) != drawn
    likeliest = lengths(sampling_temperature=0.0)
    assert likeliest != drawn
    assert lengths(sampling_top_k=1) == lengths(sampling_top_p=1e-9) == likeliest


@pytest.mark.parametrize("engine", ["rules", "coach", "openai"])
def test_engines_that_can_not_sample_say_so(engine: str):
    with pytest.raises(SettingsError, match=f"SAMPLING_TEMPERATURE: the {engine} engine does not sample"):
        build_reviser(load_settings(engine=engine, sampling_temperature=0.5))
