"""Steps of fixed shapes: recorded once, replayed with new numbers, and nothing comes out otherwise."""

import logging
from collections import Counter
from collections.abc import Callable

import pytest
import torch

from reviser.packed.static_runner import GRAPH_TOKENS, padded
from reviser.packed.step_cost import FixedCost
from reviser.packed.tile_attention import most_tiles
from reviser.pairs.requests import Request
from tests.reviser.tape import TapeGraphs
from tests.reviser.test_packed import PREFIX, ragged
from tests.reviser.tiny_models import (
    CONTEXT,
    FAMILIES,
    assert_same_or_tied,
    engine_for,
    own_greedy,
    packed_greedy,
    tiny,
)

pytestmark = pytest.mark.slow

WAYS = [(1, True, PREFIX, 5), (8, False, PREFIX, 40), (8, True, (), 33)]  # slots, drafts, prefix, prompt tokens a step


@pytest.mark.parametrize("family", FAMILIES)
def test_replayed_steps_answer_as_generate_does(family: str):
    model, asked = tiny(family), ragged(8, longest=40)
    own = [own_greedy(model, request.prompt, request.max_new_tokens) for request in asked]
    for slots, drafts, prefix, prefill in WAYS:
        graphs = TapeGraphs()
        ended = packed_greedy(
            model,
            asked,
            prefix,
            max_slots=slots,
            drafts=drafts,
            prefill_tokens=prefill,
            step_overhead_tokens=200,
            graphs=graphs,
        )
        assert graphs.replays > graphs.captures > 1
        for request, ours, wanted in zip(asked, ended, own, strict=True):
            assert ours.failure is None
            assert_same_or_tied(model, request.prompt, ours.tokens, wanted)


def test_drafts_are_verified_where_they_are_computed():
    model = tiny("llama", initializer_range=0.02)  # says one token for ever
    asked = [Request(key, [1, 5, 6 + key], 60) for key in range(3)]
    counts = []
    for graphs in (None, TapeGraphs()):
        with engine_for(model, max_slots=3, step_overhead_tokens=200, graphs=graphs) as engine:
            engine.run(asked)
            counts.append(engine.counts)
    assert counts[0] == counts[1]
    assert counts[1].accepted_tokens > 60


class Noted(FixedCost):
    """Keeps what was measured."""

    def __init__(self) -> None:
        super().__init__(200)
        self.steps: list[tuple[int, int]] = []

    def observe(self, rows: int, draft_tokens: int, seconds: float) -> None:
        self.steps.append((rows, draft_tokens))


def test_what_replayed_steps_take_is_measured_and_what_captures_take_is_not():
    noted = []
    graphs = TapeGraphs()
    for each in (None, graphs):
        with engine_for(tiny("llama"), max_slots=4, graphs=each) as engine:
            assert engine.scheduler.gate is not None
            engine.scheduler.gate.cost = Noted()
            engine.run(ragged(12))
            noted.append(Counter(engine.scheduler.gate.cost.steps))
    captures = noted[0] - noted[1]
    assert noted[1] <= noted[0]
    assert 0 < captures.total() <= graphs.captures < noted[1].total()


def test_padding_writes_to_no_slot():
    model, graphs = tiny("llama"), TapeGraphs()
    with engine_for(model, max_slots=4, drafts=False, graphs=graphs) as engine:
        engine.run([Request(0, [1, 5, 6], 20)])
        slots = engine.runner.cache.slots
    assert graphs.replays > 10
    used = 3 + len(own_greedy(model, [1, 5, 6], 20)) - 1
    assert slots[:, :, 0, :, :used].any(dim=-1).all()
    assert not slots[:, :, 0, :, used:].any()
    assert not slots[:, :, 1:].any()


class NoGraphs:
    """A device that has none."""

    def capture(self, run: Callable[[], None]) -> Callable[[], None]:
        run()
        raise RuntimeError("operation not permitted when stream is capturing")


def test_where_nothing_can_be_captured_steps_go_on(caplog: pytest.LogCaptureFixture):
    model, asked = tiny("llama"), ragged(6)
    with caplog.at_level(logging.WARNING):
        ended = packed_greedy(model, asked, max_slots=3, graphs=NoGraphs())
    assert [each.tokens for each in ended] == [own_greedy(model, r.prompt, r.max_new_tokens) for r in asked]
    assert [record.message for record in caplog.records] == [
        "steps go on without graphs, which can't be captured here: operation not permitted when stream is capturing"
    ]


def test_after_memory_ran_out_all_graphs_are_made_anew(monkeypatch: pytest.MonkeyPatch):
    model, asked, graphs = tiny("llama"), ragged(6), TapeGraphs()
    with engine_for(model, max_slots=4, graphs=graphs) as engine:
        assert engine.runner.static is not None
        for request in asked:
            engine.add(request)
        for _ in range(6):
            engine.step()
        assert engine.runner.static.captured == graphs.captures > 1

        def scarce(step):
            raise torch.OutOfMemoryError("no room")

        with monkeypatch.context() as patch:
            patch.setattr(engine.runner, "forward", scarce)
            engine.step()
        assert engine.runner.static.captured == 0
        ended = {each.key: each.tokens for each in engine.run([])}
    for key, tokens in ended.items():
        assert tokens == own_greedy(model, asked[key].prompt, asked[key].max_new_tokens)


def test_steps_longer_than_graphs_are_for_are_not_captured():
    model, graphs = tiny("llama", max_position_embeddings=2048), TapeGraphs()
    asked = [Request(key, [1, 5 + key] + [7 + place % 40 for place in range(700)], 2) for key in range(2)]
    with engine_for(
        model, max_slots=2, slot_tokens=1024, prefill_tokens=GRAPH_TOKENS + 1, drafts=False, graphs=graphs
    ) as engine:
        ended = {each.key: each.tokens for each in engine.run(asked)}
        assert engine.runner.static is not None
        assert max(bucket.tokens for _, bucket in engine.runner.static._replays) <= GRAPH_TOKENS
    assert ended == {request.key: own_greedy(model, request.prompt, 2) for request in asked}


def test_lengths_are_padded_little_and_seldom_to_something_new():
    lengths = [padded(count) for count in range(GRAPH_TOKENS + 1)]
    assert all(length >= count for count, length in enumerate(lengths))
    assert all(length <= 1.5 * count for count, length in enumerate(lengths) if count > 6)
    assert len(set(lengths)) < 16
    assert lengths == sorted(lengths)


def test_tiles_are_as_many_as_the_worst_step_cuts():
    sizes = [1, 2, 16, 17, 40]
    for size in (1, 4, 16):
        tiles = sum(-(-count // size) for count in sizes)
        assert tiles <= most_tiles(sum(sizes), len(sizes), size) <= sum(sizes)


def test_slots_of_any_length_share_few_buckets():
    model, graphs = tiny("llama"), TapeGraphs()
    with engine_for(model, max_slots=4, slot_tokens=CONTEXT, drafts=False, prefill_tokens=16, graphs=graphs) as engine:
        engine.run(ragged(40))
    assert graphs.captures < 12
    assert graphs.replays > 8 * graphs.captures
