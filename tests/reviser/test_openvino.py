"""The engine `openvino` on tiny converted models: what comes out is the original's, and whatever is wrong is told."""

import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from coachlm.errors import EngineError, ModelError
from coachlm.pairs import InstructionPair, content_hash
from coachlm.protocols.revising import StreamingReviser
from coachlm.revision import Outcome, Revision
from reviser.engines import build_reviser
from reviser.generate.reviser import TransformersReviser
from reviser.models.adapter import read_adapter
from reviser.models.model_loading import load_model
from reviser.openvino.folder import WEIGHTS, ConvertedModel, read_converted
from reviser.openvino.reviser import OpenvinoReviser
from reviser.pairs.finish import Finisher
from reviser.pairs.requests import Completion, Failure, Request
from tests.command_line import main
from tests.reviser.conftest import save_tokenizer
from tests.reviser.openvino_engines import build, settings
from tests.reviser.reciting import BASE_WORD, raw_pair, response
from tests.reviser.tiny_models import EOS, TIE, assert_same_or_tied, own_greedy, tiny

pytest.importorskip("openvino_genai", reason="OpenVINO is not installed: make openvino")

from reviser.openvino.conversion import convert
from reviser.openvino.decoder import DecoderOptions, GenaiDecoder

pytestmark = pytest.mark.slow

SHORT = InstructionPair("a", "", "b")
SEEN = InstructionPair("Known from training.", "", "b")
PAIRS = [
    InstructionPair("Say it.", "", "It."),
    SHORT,
    InstructionPair("\ud800", "", "lone surrogate"),
    InstructionPair("é", "ü", "你"),
    InstructionPair("Shorten the text.", "word " * 60, "It is a word."),
    SHORT,
    SEEN,
]


def told(revision: Revision) -> tuple[object, ...]:
    return (revision.pair_id, revision.revised, revision.outcome, revision.reason, revision.output_tokens)


def decoded(model: ConvertedModel, requests: list[Request], **options: Any) -> list[Completion]:
    """In the order of the keys."""
    decoder = GenaiDecoder(model, DecoderOptions(**{"cache_bytes": 1 << 24, "slots": 8} | options))
    try:
        return sorted(decoder.stream(requests), key=lambda ended: ended.key)
    finally:
        decoder.close()


def assert_greedy(model: Any, prompt: list[int], output: list[int], limit: int) -> None:
    """Each token is the model's likeliest after those before it, or ties with that."""
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([[*prompt, *output]])).logits[0, len(prompt) - 1 : -1]
    behind = logits.max(dim=-1).values - logits[torch.arange(len(output)), torch.tensor(output)]
    assert float((behind / logits.abs().amax(dim=-1)).max()) < TIE
    assert EOS not in output[:-1]
    assert output[-1] == EOS or len(output) == limit


@pytest.mark.parametrize("family", ["llama", "gpt2", "phi3"])
def test_greedy_output_equals_generate(family: str, tmp_path: Path) -> None:
    model = tiny(family, vocab_size=save_tokenizer(tmp_path))
    model.save_pretrained(tmp_path)
    draw = random.Random(0)
    prompts = [[draw.randrange(3, 250) for _ in range(draw.randrange(1, 60))] for _ in range(32)]
    made = convert(str(tmp_path), tmp_path / "converted")
    ended = decoded(made, [Request(key, prompt, 20 + key) for key, prompt in enumerate(prompts)])
    for key, prompt in enumerate(prompts):
        if family == "llama":
            assert_same_or_tied(model, prompt, ended[key].tokens, own_greedy(model, prompt, 20 + key))
        else:  # the same by one forward
            assert_greedy(model, prompt, ended[key].tokens, 20 + key)
    assert made.manifest.probe_error < 1e-4


def test_int8_says_nearly_the_same(model_folder: Path, tmp_path: Path, converted: ConvertedModel) -> None:
    """Random weights are the harshest case: logits lie close together."""
    small = convert(str(model_folder), tmp_path / "int8", int8=True)
    draw = random.Random(0)
    requests = [Request(key, [draw.randrange(3, 250) for _ in range(40)], 1) for key in range(64)]
    same = [a.tokens == b.tokens for a, b in zip(decoded(converted, requests), decoded(small, requests), strict=True)]
    assert sum(same) > 48
    assert 1e-4 < small.manifest.probe_error < 0.5
    assert small.manifest.weights_bytes < converted.manifest.weights_bytes / 2


def test_the_same_revisions_as_the_plain_engine(model_folder: Path, adapter_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(adapter_folder, tmp_path / "adapter"))
    (folder / "training_instructions.json").write_text(json.dumps([content_hash(SEEN.instruction)]), encoding="utf-8")
    adapter = read_adapter(folder)
    arguments = ["convert", str(model_folder), str(tmp_path / "model"), "--adapter", str(folder), "--json"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) | {"numbers": "float32", "adapter": adapter.digest} == json.loads(done.stdout)
    made = read_converted(tmp_path / "model")
    loaded = load_model(str(model_folder), adapter=adapter)
    plain = TransformersReviser(
        loaded, Finisher("x", adapter.digest, adapter.training_instructions), batch_pairs=1, max_new_tokens=64
    ).revise(PAIRS)
    engine = build_reviser(settings(made.folder, adapter=str(folder), reviser_batch_pairs=2))
    assert isinstance(engine, StreamingReviser)
    ours = engine.revise(PAIRS)
    assert [told(each) for each in ours] == [told(each) for each in plain]
    assert {(each.engine, each.adapter) for each in ours} == {("openvino", adapter.digest)}
    assert [each.reason for each in ours if each.outcome is Outcome.FALLBACK_ERROR] == ["not_tokenisable", "too_long"]
    assert [each.pair_id for each in ours if each.outcome is Outcome.LEAK_GUARD] == [SEEN.id]
    own = build_reviser(settings(made.folder))  # the converted folder knows its adapter without the adapter's folder
    assert own is not None
    assert [(told(each), each.adapter) for each in own.revise([SEEN])] == [(told(ours[-1]), adapter.digest)]
    streamed = list(engine.revise_stream(iter(PAIRS)))
    assert sorted(map(told, streamed), key=str) == sorted(map(told, ours), key=str)
    assert engine.revise([]) == []
    engine.close()
    engine.close()
    assert (engine.name, engine.adapter) == ("openvino", adapter.digest)
    with pytest.raises(EngineError, match="closed"):
        engine.revise(PAIRS)


def test_what_the_model_writes_becomes_the_revision(reciting_converted: ConvertedModel) -> None:
    engine = build(reciting_converted.folder, reviser_int8=True, reviser_batch_pairs=16)
    revisions = engine.revise([raw_pair(number) for number in range(40)])
    assert {(each.outcome, each.revised.response) for each in revisions} == {(Outcome.REVISED, response(BASE_WORD))}
    assert [each.pair_id for each in revisions] == [raw_pair(number).id for number in range(40)]
    assert {each.output_tokens for each in revisions} == {4}
    load = engine.load()
    assert (load.places, load.drafted_tokens) == (16 * load.steps, 0)
    assert 40 * 4 <= load.rows <= load.places


def test_revising_needs_no_torch_and_reports_to_nobody(reciting_converted: ConvertedModel, tmp_path: Path) -> None:
    raw = raw_pair(1)
    code = f"""
import sys
from coachlm.pairs import InstructionPair
from coachlm.settings import load_settings
from reviser import build_reviser
engine = build_reviser(load_settings(engine="openvino", model={str(reciting_converted.folder)!r}))
print(engine.revise([InstructionPair({raw.instruction!r}, "", {raw.response!r})])[0].outcome)
print(sorted(sys.modules.keys() & {{"torch", "transformers", "peft"}}), sys.modules["openvino_telemetry"])
"""
    environment = os.environ | {"HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, cwd=tmp_path
    )
    assert done.stdout.splitlines() == ["revised", "[] None"]
    assert list(tmp_path.iterdir()) == []  # nothing that OpenVINO would remember somebody by


def test_requests_that_can_not_be_taken_harm_no_other(converted: ConvertedModel) -> None:
    good = Request(0, [1, 5, 6, 7], 20)
    (alone,) = decoded(converted, [good])
    bad = [Request(1, [], 5), Request(2, [5] * 250, 7), Request(3, [5, 100_000], 5), Request(4, [-1], 5)]
    bad.append(Request(5, [5], 0))
    ended = decoded(converted, [*bad, good, replace(good, key=6)])
    failures = [Failure.NO_PROMPT, Failure.TOO_LONG, *[Failure.UNKNOWN_TOKEN] * 2, Failure.TOO_LONG]
    assert [each.failure for each in ended] == [None, *failures, None]
    assert ended[0].tokens == ended[6].tokens == alone.tokens


def test_every_end_that_the_manifest_names_ends_an_output(converted: ConvertedModel) -> None:
    good = Request(0, [1, 5, 6, 7], 20)
    (alone,) = decoded(converted, [good])
    end = alone.tokens[3]
    (cut,) = decoded(replace(converted, manifest=replace(converted.manifest, eos_ids=(end,))), [good])
    assert cut.tokens == alone.tokens[: alone.tokens.index(end) + 1]


def test_what_is_abandoned_is_not_computed_to_its_end(converted: ConvertedModel) -> None:
    long = Request(1, [1, 9, 9], 200)
    (alone,) = decoded(converted, [long])
    assert len(alone.tokens) > 40
    decoder = GenaiDecoder(converted, DecoderOptions(1 << 24, 2))
    assert next(iter(decoder.stream([Request(0, [1, 5, 6, 7], 2), long]))).key == 0
    pipeline = decoder._pipelines[None]
    pipeline._pipeline = counting = Counting(pipeline._pipeline)
    decoder.abandon()
    assert counting.steps <= 2
    assert list(decoder.stream([long])) == [alone]
    decoder.close()


class Counting:
    """A pipeline of GenAI whose steps are counted."""

    def __init__(self, pipeline: Any) -> None:
        self.steps = 0
        self._pipeline = pipeline

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipeline, name)

    def step(self) -> None:
        self.steps += 1
        self._pipeline.step()


def test_a_small_cache_delays_and_a_tiny_one_falls_back(converted: ConvertedModel) -> None:
    block = 32 * converted.manifest.cache.token_bytes(32)
    requests = [Request(key, [5 + key] * 100, 20) for key in range(6)]
    wanted = decoded(converted, requests)
    assert {each.failure for each in wanted} == {None}
    assert decoded(converted, requests, cache_bytes=5 * block) == wanted
    ended = decoded(converted, [*requests[:2], Request(9, [5, 6], 20)], cache_bytes=2 * block)
    assert [each.failure for each in ended] == [Failure.OUT_OF_MEMORY, Failure.OUT_OF_MEMORY, None]
    with pytest.raises(ModelError, match=r"holds no block .* COACHLM_REVISER_CACHE_MIB more"):
        decoded(converted, requests, cache_bytes=block - 1)


@pytest.mark.parametrize("half", [False, True])
def test_the_cache_stays_within_its_budget(
    reciting_converted: ConvertedModel, converted: ConvertedModel, half: bool
) -> None:
    for model in (reciting_converted, converted):
        engine = OpenvinoReviser(model, DecoderOptions(1 << 20, 4, half_cache=half), 64)
        engine.revise(PAIRS[:2])
        assert 1 << 19 < engine.cache_bytes <= 1 << 20
        engine.close()


def test_logits_that_are_no_numbers_fall_back(converted: ConvertedModel, copied: Path) -> None:
    (wanted,) = build(converted.folder).revise([PAIRS[0]])
    _poison(copied, converted.manifest.base, "Z")
    first, second = build(copied).revise([InstructionPair("Z", "", "b"), PAIRS[0]])
    assert (first.outcome, first.reason) == (Outcome.FALLBACK_INVALID, "unfinished")
    assert told(second) == told(wanted)


def _poison(folder: Path, base: str, letter: str) -> None:
    """Make the embedding of a letter not a number, behind the manifest's back."""
    loaded = load_model(base)
    row = loaded.model.get_input_embeddings().weight[loaded.tokenizer.convert_tokens_to_ids(letter)].detach().numpy()
    weights = (folder / WEIGHTS).read_bytes()
    assert weights.count(row.tobytes()) == 1
    (folder / WEIGHTS).write_bytes(weights.replace(row.tobytes(), row.dtype.type("nan").tobytes() * len(row)))


def test_a_failed_step_fails_the_call_and_not_the_next_one(
    converted: ConvertedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = OpenvinoReviser(converted, DecoderOptions(1 << 22, 2), 64)
    wanted = [told(each) for each in engine.revise(PAIRS)]
    pipeline = next(iter(engine._opened().decoder._pipelines.values()))

    class Broken:
        def __getattr__(self, name: str) -> Any:
            return getattr(healthy, name)

        def step(self) -> None:
            raise RuntimeError("the kernel is gone")

    healthy = pipeline._pipeline
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "_pipeline", Broken())
        with pytest.raises(EngineError, match="the kernel is gone; COACHLM_ENGINE=packed"):
            engine.revise(PAIRS)
    assert [told(each) for each in engine.revise(PAIRS)] == wanted
    stream = engine.revise_stream(iter(PAIRS * 3))
    next(stream)
    stream.close()  # what was under way is forgotten
    assert not engine.is_busy_with("x")
    assert [told(each) for each in engine.revise(PAIRS)] == wanted
    engine.close()
