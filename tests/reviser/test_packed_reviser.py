"""The packed engine as a `Reviser`: the same revisions as the plain engine's, one for each pair, in order."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import ByteLevelBPETokenizer
from transformers import PreTrainedTokenizerFast

from coachlm.errors import EngineError
from coachlm.pairs import InstructionPair, content_hash
from coachlm.prompt import coach_prompt, render_pair
from coachlm.revision import Outcome, Revision
from coachlm.settings import Settings, load_settings
from reviser.engines import build_reviser
from reviser.generate.reviser import TransformersReviser
from reviser.models.model_loading import LoadedModel
from reviser.packed.reviser import PackedOptions, PackedReviser
from reviser.packed.scheduler import Step
from reviser.pairs.finish import Finisher
from tests.reviser.conftest import save_model, save_tokenizer
from tests.reviser.tiny_models import tiny

pytestmark = pytest.mark.slow

PAIRS = [
    InstructionPair(f"Name {number} fruits that grow in {place}.", "", f"{fruit} and others grow in {place}")
    for number, place, fruit in (
        (2, "Spain", "oranges"),
        (3, "Norway", "apples, pears"),
        (4, "Kenya", "mangos"),
        (5, "the Alps, high above the valleys and far away from any road", "berries"),
    )
]
LONG = InstructionPair("Shorten the text.", "word " * 400, "It is a word.")
BETTER = {pair.id: InstructionPair(pair.instruction, "", f"{pair.response}, in most years.") for pair in PAIRS}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    trained = ByteLevelBPETokenizer()
    texts = [coach_prompt(pair) for pair in PAIRS] * 2
    trained.train_from_iterator(texts, vocab_size=400, special_tokens=["<pad>", "<s>", "</s>"], show_progress=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>", padding_side="left"
    )


@pytest.fixture
def loaded(tokenizer: Any) -> LoadedModel:
    model = tiny("llama", vocab_size=len(tokenizer), max_position_embeddings=320)
    return LoadedModel(model, tokenizer, context_tokens=320, eos_ids=(tokenizer.eos_token_id,))


OPTIONS = PackedOptions(cache_bytes=1 << 24, max_slots=2, max_new_tokens=120)


def packed(loaded: LoadedModel, finisher: Finisher | None = None) -> PackedReviser:
    return PackedReviser(loaded, finisher or Finisher("packed", adapter="d1"), OPTIONS)


def says(reviser: PackedReviser, output: Callable[[int], str], tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the model answer request `key` with `output(key)`."""
    engine = reviser._opened().engine
    forward = engine.runner.forward

    def forced(step: Step) -> list[list[int | None]]:
        answers = forward(step)
        for row, answer in zip(step.rows, answers, strict=True):
            wanted = [*tokenizer(output(row.sequence.request.key))["input_ids"], tokenizer.eos_token_id]
            done = len(row.sequence.output)
            part = wanted[done : done + len(answer)]
            answer[: len(part)] = part
        return answers

    monkeypatch.setattr(engine.runner, "forward", forced)


def told(revision: Revision) -> tuple[object, ...]:
    return (revision.pair_id, revision.revised, revision.outcome, revision.reason, revision.output_tokens)


def test_the_same_revisions_as_the_plain_engine(loaded: LoadedModel):
    pairs = [*PAIRS, LONG, PAIRS[0], InstructionPair("\ud800", "", "lone surrogate")]
    plain = TransformersReviser(loaded, Finisher("transformers"), batch_pairs=1, max_new_tokens=120).revise(pairs)
    reviser = packed(loaded)
    ours = reviser.revise(pairs)
    assert [told(each) for each in ours] == [told(each) for each in plain]
    assert {each.engine for each in ours} == {"packed"}
    assert {each.adapter for each in ours} == {"d1"}
    assert ours[4].reason == "too_long"
    assert reviser.counts.prefix_tokens > 20 * len(PAIRS)
    reviser.close()


def test_what_the_model_writes_becomes_the_revision(
    loaded: LoadedModel, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
):
    reviser = packed(loaded)
    pairs = [*PAIRS, PAIRS[1]]
    outputs = [
        render_pair(BETTER[PAIRS[0].id]),
        render_pair(PAIRS[1]),
        "no pair at all",
        *(render_pair(BETTER[p.id]) for p in pairs[3:]),
    ]
    says(reviser, outputs.__getitem__, tokenizer, monkeypatch)
    revisions = reviser.revise(pairs)
    kinds = [Outcome.REVISED, Outcome.UNCHANGED, Outcome.FALLBACK_INVALID, Outcome.REVISED, Outcome.REVISED]
    assert [each.outcome for each in revisions] == kinds
    assert revisions[0].revised == BETTER[PAIRS[0].id]
    assert revisions[4].revised == BETTER[PAIRS[1].id]
    assert [each.pair_id for each in revisions] == [pair.id for pair in pairs]


def test_pairs_of_the_training_data_keep_their_original(loaded: LoadedModel):
    leaked = frozenset({content_hash(PAIRS[1].instruction)})
    revisions = packed(loaded, Finisher("packed", leaked=leaked)).revise(PAIRS[:2])
    assert revisions[1].outcome is Outcome.LEAK_GUARD
    assert revisions[0].outcome is not Outcome.LEAK_GUARD


def test_a_failed_forward_fails_the_call_and_not_the_next_one(
    loaded: LoadedModel, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
):
    reviser = packed(loaded)
    wanted = [told(each) for each in reviser.revise(PAIRS)]

    def broken(step: Step) -> list[list[int | None]]:
        raise RuntimeError("the device is gone")

    with monkeypatch.context() as patch:
        patch.setattr(reviser._opened().engine.runner, "forward", broken)
        with pytest.raises(EngineError, match="the device is gone"):
            reviser.revise(PAIRS)
    assert [told(each) for each in reviser.revise(PAIRS)] == wanted


def test_no_pairs_and_a_closed_engine(loaded: LoadedModel):
    reviser = packed(loaded)
    assert reviser.revise([]) == []
    reviser.close()
    reviser.close()
    assert (reviser.name, reviser.adapter) == ("packed", "d1")
    with pytest.raises(EngineError, match="closed"):
        reviser.revise(PAIRS)


def settings_for(folder: Path) -> Settings:
    return load_settings(engine="packed", model=str(folder), reviser_cache_mib=8, max_new_tokens=64)


def test_the_settings_name_it(tmp_path: Path):
    reviser = build_reviser(settings_for(save_model(tmp_path)))
    assert isinstance(reviser, PackedReviser)
    assert [each.engine for each in reviser.revise(PAIRS[:1])] == ["packed"]
    reviser.close()


def test_a_model_it_can_not_do_falls_back_to_plain_generate(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    size = save_tokenizer(tmp_path)
    tiny("bloom", vocab_size=size).save_pretrained(tmp_path)
    reviser = build_reviser(settings_for(tmp_path))
    assert isinstance(reviser, TransformersReviser)
    assert reviser.name == "transformers"
    assert "can't be set" in caplog.text


def test_a_stream_gives_the_same_revisions_and_takes_pairs_only_as_it_has_room(loaded: LoadedModel):
    engine = packed(loaded)
    whole = {each.pair_id: (each.revised, each.outcome, each.reason) for each in engine.revise([*PAIRS, LONG])}
    taken: list[str] = []
    ended: list[Revision] = []

    def source():
        for pair in [LONG, *PAIRS, *PAIRS]:
            assert len(taken) - len(ended) <= 2 * OPTIONS.max_slots + 1  # in slots, one load ahead, this one
            taken.append(pair.id)
            yield pair

    for each in engine.revise_stream(source()):
        ended.append(each)
    assert sorted(each.pair_id for each in ended) == sorted(taken)
    assert all(whole[each.pair_id] == (each.revised, each.outcome, each.reason) for each in ended)
    assert list(engine.revise_stream([])) == []
    engine.close()


def test_a_stream_that_is_left_forgets_what_was_under_way(loaded: LoadedModel):
    engine = packed(loaded)
    stream = engine.revise_stream(iter(PAIRS))
    next(stream)
    stream.close()
    assert [each.pair_id for each in engine.revise(PAIRS[:1])] == [PAIRS[0].id]
    engine.close()
