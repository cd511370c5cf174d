"""The transformers engine on a tiny random model: order, independence of companions, and every way a pair can fail."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from coachlm.errors import EngineError
from coachlm.pairs import InstructionPair, content_hash
from coachlm.prompt import render_pair
from coachlm.revision import Outcome
from reviser.generate.reviser import TransformersReviser, generate
from reviser.models.model_loading import LoadedModel
from reviser.pairs.finish import Finisher

SHORT = InstructionPair("a", "", "b")
PAIRS = [
    InstructionPair("Say it.", "", "It."),
    SHORT,
    InstructionPair("Say more of it now.", "x", "It is."),
    InstructionPair("é", "ü", "你"),
]


def engine(loaded: LoadedModel, *, batch_pairs: int = 4, max_new: int = 64, **finisher: Any) -> TransformersReviser:
    finished = Finisher(engine="transformers", **finisher)
    return TransformersReviser(loaded, finished, batch_pairs=batch_pairs, max_new_tokens=max_new)


class Scripted:
    """Stands in for the model: a function from the prompt's text to what is generated, with its end."""

    def __init__(self, loaded: LoadedModel, answer: Callable[[str], str]) -> None:
        self.device = torch.device("cpu")
        self._loaded = loaded
        self._answer = answer
        self.batches: list[int] = []
        self.padding = 0

    def generate(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: Any) -> torch.Tensor:
        tokenizer = self._loaded.tokenizer
        self.batches.append(len(input_ids))
        self.padding += int((attention_mask == 0).sum())
        prompts = [row[mask.bool()].tolist() for row, mask in zip(input_ids, attention_mask, strict=True)]
        answers = [tokenizer(self._answer(tokenizer.decode(prompt)))["input_ids"] + [2] for prompt in prompts]
        width = max(map(len, answers))
        rows = [answer + [0] * (width - len(answer)) for answer in answers]
        return torch.cat([input_ids, torch.tensor(rows)], dim=1)


def scripted(loaded: LoadedModel, answer: Callable[[str], str]) -> tuple[LoadedModel, Scripted]:
    model = Scripted(loaded, answer)
    return replace(loaded, model=model), model


def echo(prompt: str) -> str:
    return prompt.split("corrected.\n", 1)[1].strip()


def test_greedy_output_does_not_depend_on_companions(loaded: LoadedModel) -> None:
    prompts = [loaded.tokenizer(text)["input_ids"] for text in ("a", "some longer prompt", "mid one", "é" * 20)]
    limits = [9, 30, 17, 24]
    together, _ = generate(loaded, prompts, limits)
    alone = [generate(loaded, [prompt], [limit])[0][0] for prompt, limit in zip(prompts, limits, strict=True)]
    assert together == alone
    assert all(0 < len(output) <= limit for output, limit in zip(together, limits, strict=True))


def test_order_is_kept_and_an_echo_is_unchanged(loaded: LoadedModel) -> None:
    fake, model = scripted(loaded, echo)
    revisions = engine(fake, batch_pairs=2, max_new=200).revise(PAIRS)
    assert [revision.pair_id for revision in revisions] == [pair.id for pair in PAIRS]
    assert {revision.outcome for revision in revisions} == {Outcome.UNCHANGED}
    assert model.batches == [2, 2]
    for pair, revision in zip(PAIRS, revisions, strict=True):
        assert revision.output_tokens == len(render_pair(pair).encode()) + 1
        assert revision.prompt_tokens > revision.output_tokens
        assert revision.seconds > 0


def test_what_the_model_writes_becomes_the_revision(loaded: LoadedModel) -> None:
    fake, _ = scripted(loaded, lambda prompt: echo(prompt) + " Indeed so.")
    [revision] = engine(fake, max_new=200, adapter="digest").revise([SHORT])
    assert revision.outcome is Outcome.REVISED
    assert revision.revised == InstructionPair("a", "", "b Indeed so.")
    assert revision.adapter == "digest"


def test_a_random_model_yields_fallbacks_and_never_raises(loaded: LoadedModel) -> None:
    revisions = engine(loaded, batch_pairs=3, max_new=40).revise([PAIRS[0], SHORT] * 2)
    assert [revision.pair_id for revision in revisions] == [PAIRS[0].id, SHORT.id] * 2
    assert all(revision.outcome is Outcome.FALLBACK_INVALID for revision in revisions)
    assert {revision.reason for revision in revisions} <= {"unfinished", "not_a_pair"}
    assert revisions[:2] == revisions[2:]


def test_pairs_of_like_length_share_a_batch(loaded: LoadedModel) -> None:
    fake, model = scripted(loaded, echo)
    long = InstructionPair("Say more of it now", "", "It is.")
    revisions = engine(fake, batch_pairs=2, max_new=200).revise([SHORT, long, SHORT, long])
    assert [revision.revised for revision in revisions] == [SHORT, long, SHORT, long]
    assert model.padding == 0


def test_an_empty_call(loaded: LoadedModel) -> None:
    assert engine(loaded).revise([]) == []


def test_one_monstrous_pair_falls_back_alone(loaded: LoadedModel) -> None:
    monster = InstructionPair("Say it. " * 5000, "", "b")
    fake, _ = scripted(loaded, echo)
    outcomes = engine(fake, max_new=200).revise([SHORT, monster, PAIRS[0]])
    assert [revision.reason for revision in outcomes] == [None, "too_long", None]
    assert outcomes[1].outcome is Outcome.FALLBACK_ERROR
    assert outcomes[1].revised == monster


def test_a_pair_longer_than_the_limit_of_new_tokens_is_too_long(loaded: LoadedModel) -> None:
    [revision] = engine(loaded, max_new=10).revise([SHORT])
    assert revision.reason == "too_long"


def test_what_the_tokeniser_refuses_falls_back_alone(loaded: LoadedModel) -> None:
    fake, _ = scripted(loaded, echo)
    broken = InstructionPair("lone \ud800 surrogate", "", "b")
    first, second = engine(fake, max_new=200).revise([broken, SHORT])
    assert first.outcome in (Outcome.FALLBACK_ERROR, Outcome.UNCHANGED, Outcome.FALLBACK_INVALID)
    assert first.revised == broken
    assert second.outcome is Outcome.UNCHANGED


def test_memory_that_runs_out_halves_the_batch(loaded: LoadedModel) -> None:
    fake, model = scripted(loaded, echo)
    plain = model.generate

    def tight(input_ids: torch.Tensor, attention_mask: torch.Tensor, **options: Any) -> torch.Tensor:
        if len(input_ids) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return plain(input_ids, attention_mask, **options)

    model.generate = tight  # type: ignore[method-assign]
    assert {revision.outcome for revision in engine(fake, max_new=200).revise(PAIRS)} == {Outcome.UNCHANGED}


def test_a_pair_that_no_memory_holds_falls_back(loaded: LoadedModel) -> None:
    def script(prompt: str) -> str:
        if "Say more" in prompt:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return echo(prompt)

    revisions = engine(scripted(loaded, script)[0], max_new=200).revise(PAIRS)
    assert [revision.reason for revision in revisions] == [None, None, "out_of_memory", None]


def test_a_pair_that_breaks_the_engine_falls_back_alone(loaded: LoadedModel) -> None:
    def script(prompt: str) -> str:
        if "Say more" in prompt:
            raise RuntimeError("shape mismatch")
        return echo(prompt)

    revisions = engine(scripted(loaded, script)[0], max_new=200).revise(PAIRS)
    assert [revision.reason for revision in revisions] == [None, None, "engine_error", None]


def test_an_engine_that_fails_on_everything_raises(loaded: LoadedModel) -> None:
    def script(prompt: str) -> str:
        raise RuntimeError("kernel missing")

    with pytest.raises(EngineError, match="kernel missing"):
        engine(scripted(loaded, script)[0], max_new=200).revise(PAIRS)


def test_a_closed_engine_raises(loaded: LoadedModel) -> None:
    closed = engine(loaded)
    closed.close()
    with pytest.raises(EngineError, match="closed"):
        closed.revise([SHORT])


def test_logits_that_are_no_numbers_fall_back(model_folder: Any) -> None:
    from reviser.models.model_loading import load_model

    broken = load_model(str(model_folder))
    with torch.no_grad():  # one letter poisons its row
        broken.model.get_input_embeddings().weight[broken.tokenizer.convert_tokens_to_ids("Z")] = float("nan")
    first, second = engine(broken, max_new=60).revise([InstructionPair("Z", "", "b"), SHORT])
    assert (first.outcome, first.reason) == (Outcome.FALLBACK_ERROR, "nan_logits")
    assert second.reason in ("unfinished", "not_a_pair")


def test_pairs_of_the_training_data_never_reach_the_model(loaded: LoadedModel) -> None:
    fake, model = scripted(loaded, echo)
    leaked = frozenset({content_hash("a")})
    first, second = engine(fake, max_new=200, leaked=leaked).revise([SHORT, PAIRS[0]])
    assert (first.outcome, first.revised, first.output_tokens) == (Outcome.LEAK_GUARD, SHORT, 0)
    assert second.outcome is Outcome.UNCHANGED
    assert model.batches == [1]
