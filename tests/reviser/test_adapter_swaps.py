"""Adapters swapped under load: each output is the one that the named adapter's own merged model gives."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import peft
import pytest
import torch

from coachlm.coaching.adapters import InForce
from coachlm.errors import EngineError, ModelError, StoreError
from reviser.following.adapting import AdaptingReviser
from reviser.models.adapter import Adapter, read_adapter
from reviser.models.adapter_weights import AdapterWeights
from reviser.models.model_loading import LoadedModel, load_model
from reviser.packed.engine import Engine, EngineOptions
from reviser.packed.reviser import PackedOptions, PackedReviser
from reviser.pairs.finish import Finisher
from reviser.pairs.requests import Request
from tests.reviser.reciting import BASE_WORD, WORDS, Registry, raw_pair, record, save_reciting_model, save_word_adapter
from tests.reviser.tape import TapeGraphs
from tests.reviser.tiny_models import CONTEXT, EOS, assert_same_or_tied, own_greedy, tiny

pytestmark = pytest.mark.slow

PREFIX = [1, 7, 8, 9, 10, 11]
OPTIONS = PackedOptions(cache_bytes=1 << 24, max_slots=6, max_new_tokens=200)


def random_adapter(folder: Path, seed: int, **changes: Any) -> Adapter:
    model = tiny("llama")
    torch.manual_seed(seed)
    config = peft.LoraConfig(
        **{"r": 2, "lora_alpha": 8, "target_modules": "all-linear", "init_lora_weights": False} | changes
    )
    peft.get_peft_model(model, config).save_pretrained(folder)
    return read_adapter(folder)


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> list[Adapter]:
    return [random_adapter(tmp_path_factory.mktemp("adapter"), seed) for seed in range(3)]


def merged(adapter: Adapter) -> Any:
    return peft.PeftModel.from_pretrained(tiny("llama"), str(adapter.folder)).merge_and_unload()


def weights_for(model: Any) -> AdapterWeights:
    return AdapterWeights(LoadedModel(model, None, CONTEXT, (EOS,)))


def test_a_switch_gives_the_merged_weights_and_back_the_golden_ones_bit_for_bit(adapters: list[Adapter]):
    model = tiny("llama")
    golden = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    weights = weights_for(model)
    wanted = {adapter.digest: merged(adapter).state_dict() for adapter in adapters} | {None: golden}
    draw = random.Random(0)
    for adapter in adapters:
        weights.add(adapter)
    for _ in range(30):
        digest = draw.choice(list(wanted))
        weights.switch(digest)
        found = model.state_dict()
        assert found.keys() == wanted[digest].keys()
        assert all(torch.equal(found[name], tensor) for name, tensor in wanted[digest].items())
    held = weights.nbytes
    weights.drop(adapters[0].digest)
    assert weights.nbytes == held * 2 // 3
    weights.switch(None)
    assert all(torch.equal(tensor, golden[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bias": "lora_only", "target_modules": ["q_proj"]}, "biases"),
        ({"modules_to_save": ["lm_head"]}, "adds or resizes lm_head"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*tie")
def test_an_adapter_that_is_more_than_lora_is_refused_and_nothing_has_changed(
    tmp_path: Path, changes: dict[str, Any], message: str
):
    model = tiny("llama", attention_bias=True, tie_word_embeddings=True)
    golden = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    torch.manual_seed(5)
    base = tiny("llama", attention_bias=True, tie_word_embeddings=True)
    config = peft.LoraConfig(**{"r": 2, "target_modules": ["q_proj"], "init_lora_weights": False} | changes)
    peft.get_peft_model(base, config).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=message):
        weights_for(model).add(read_adapter(tmp_path))
    assert all(torch.equal(tensor, golden[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("graphs", [None, TapeGraphs()], ids=["free", "static"])
def test_a_hundred_swaps_between_the_steps_of_running_requests(adapters: list[Adapter], graphs: Any):
    """The adapters reach into attention: keys of another adapter's, or its prefix, would change the output.

    A graph of another adapter, or of one that was let go and came back, computes with weights that are not its own.
    """
    model, draw = tiny("llama"), random.Random(0)
    weights = weights_for(model)
    models = {adapter.digest: merged(adapter) for adapter in adapters} | {None: tiny("llama")}
    prompts = [PREFIX * (n % 2) + [draw.randrange(3, 61) for _ in range(draw.randint(1, 30))] for n in range(6)]
    own = {
        (digest, n): own_greedy(each, prompt, 12) for digest, each in models.items() for n, prompt in enumerate(prompts)
    }
    assert len({tuple(tokens) for tokens in own.values()}) > 18, "adapters must be told apart by their outputs"
    options = EngineOptions(
        cache_bytes=1 << 24, max_slots=5, slot_tokens=CONTEXT, prefill_tokens=16, adapters=3, graphs=graphs
    )
    engine = Engine(model, (EOS,), options, PREFIX, weights.switch)
    given: dict[int, tuple[str | None, int]] = {}
    ended: dict[int, list[int]] = {}

    def step() -> None:
        for each in engine.step():
            assert each.failure is None
            ended[each.key] = each.tokens

    held: list[str] = []
    for swap in range(100):
        new = adapters[swap % 3]
        under_way = {given[key][0] for key in given.keys() - ended.keys()}
        for digest in [digest for digest in held if digest not in under_way]:
            held.remove(digest)
            engine.drop(digest)
            for tensor in weights._sets[digest].values():
                tensor.fill_(float("nan"))  # what becomes of its memory is nobody's business
            weights.drop(digest)
        if new.digest not in held:
            weights.add(new)
            engine.hold(new.digest)
            held.append(new.digest)
        for _ in range(2):
            key, place, adapter = len(given), draw.randrange(6), draw.choice([*held, new.digest, None])
            given[key] = (adapter, place)
            assert engine.add(Request(key, prompts[place], 12, adapter)) is None
            step()
        step()
    while not engine.idle:
        step()
    assert graphs is None or graphs.replays > graphs.captures > 3
    engine.close()
    assert ended.keys() == given.keys()
    for key, (adapter, place) in given.items():
        assert_same_or_tied(models[adapter], prompts[place], ended[key], own[adapter, place])


@pytest.fixture(scope="module")
def reciting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_reciting_model(tmp_path_factory.mktemp("reciting"))


@pytest.fixture(scope="module")
def words(reciting: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Adapter]:
    """By the word that an adapter recites."""
    folders = {word: save_word_adapter(reciting, tmp_path_factory.mktemp("word"), word) for word in WORDS}
    return {word: read_adapter(folder) for word, folder in folders.items()}


@pytest.fixture
def registry(words: dict[str, Adapter]) -> Registry:
    return Registry(words)


@pytest.fixture
def reviser(reciting: Path, registry: Registry) -> Iterator[AdaptingReviser]:
    made = AdaptingReviser(
        PackedReviser(load_model(str(reciting)), Finisher("packed"), OPTIONS),
        registry.in_force,
        registry.fetch,
        poll_seconds=0,
    )
    yield made
    made.close()


PAIRS = [raw_pair(number) for number in range(40)]


def test_the_registry_is_followed_between_steps(
    reviser: AdaptingReviser, registry: Registry, words: dict[str, Adapter]
):
    assert registry.check(reviser.revise(PAIRS)) == {BASE_WORD}
    registry.force = InForce(record(words["Ebro"]))
    assert registry.check(reviser.revise(PAIRS)) == {"Ebro"}
    assert reviser.adapter == words["Ebro"].digest
    registry.force = InForce(record(words["Ebro"]), record(words["Oder"], 0.5))
    assert registry.check(reviser.revise(PAIRS)) == {"Ebro", "Oder"}
    registry.force = StoreError("the database is away")
    assert registry.check(reviser.revise(PAIRS)) == {"Ebro", "Oder"}
    registry.force = InForce()
    assert registry.check(reviser.revise(PAIRS)) == {BASE_WORD}
    reviser.close()
    assert reviser.name == "packed"
    with pytest.raises(EngineError, match="closed"):
        reviser.revise(PAIRS)


def test_a_hundred_swaps_while_pairs_flow_lose_none_and_stamp_each_right(
    reviser: AdaptingReviser, registry: Registry, words: dict[str, Adapter]
):
    draw, taken, made = random.Random(0), 0, []

    def source() -> Iterator[Any]:
        nonlocal taken
        for number in range(400):
            if number % 4 == 0:  # the slots are full of what an earlier adapter began
                current, canary = draw.sample(sorted(words), 2)
                share = draw.choice([0.0, 0.3])
                registry.force = InForce(
                    record(words[current]) if draw.random() < 0.9 else None,
                    record(words[canary], share) if share else None,
                )
            taken += 1
            yield raw_pair(number)

    made = list(reviser.revise_stream(source()))
    assert taken == 400
    assert sorted(each.pair_id for each in made) == sorted(raw_pair(number).id for number in range(400))
    assert registry.check(made) == {BASE_WORD, *WORDS}


@pytest.mark.parametrize("harm", ["altered", "another base", "gone"])
def test_an_adapter_that_can_not_be_taken_stops_nobody(
    reviser: AdaptingReviser, registry: Registry, words: dict[str, Adapter], tmp_path: Path, harm: str
):
    registry.force = InForce(record(words["Ebro"]))
    registry.check(reviser.revise(PAIRS))
    bad = random_adapter(tmp_path / "bad", 7)
    registry.folders[bad.digest] = bad.folder
    match harm:
        case "altered":
            (bad.folder / "README.md").write_text("changed")
        case "gone":
            registry.folders[bad.digest] = tmp_path / "nothing"
    registry.force = InForce(record(bad), record(bad, 0.5))
    assert registry.check(reviser.revise(PAIRS)) == {"Ebro"}
    registry.force = InForce(record(words["Tiber"]), record(bad, 0.5))
    assert registry.check(reviser.revise(PAIRS)) == {"Tiber"}


def test_an_adapter_that_there_is_no_memory_for_stops_nobody(
    reviser: AdaptingReviser, registry: Registry, words: dict[str, Adapter], monkeypatch: pytest.MonkeyPatch
):
    registry.force = InForce(record(words["Ebro"]))
    stream = reviser.revise_stream(iter(PAIRS))
    made = [next(stream)]  # the slots are full
    runner = reviser._engine._opened().engine.runner
    logits, ebro = runner._logits, words["Ebro"].digest

    def scarce(spans: Any) -> Any:
        if reviser._engine._opened().weights._active != ebro:
            raise torch.OutOfMemoryError("no room")
        return logits(spans)

    monkeypatch.setattr(runner, "_logits", scarce)
    registry.force = InForce(record(words["Oder"]))
    made += stream
    assert len(made) == len(PAIRS)
    assert registry.check(made) == {"Ebro"}
    monkeypatch.undo()
    assert registry.check(reviser.revise(PAIRS)) == {"Oder"}


def test_a_stream_that_is_left_gives_its_adapters_free(
    reviser: AdaptingReviser, registry: Registry, words: dict[str, Adapter]
):
    registry.force = InForce(record(words["Ebro"]))
    stream = reviser.revise_stream(iter(PAIRS))
    registry.check([next(stream)])
    stream.close()
    registry.force = InForce(record(words["Oder"]))
    assert registry.check(reviser.revise(PAIRS)) == {"Oder"}
    assert not reviser._engine.is_busy_with(words["Ebro"].digest)
    assert words["Ebro"].digest not in reviser._engine._opened().stream.desks
