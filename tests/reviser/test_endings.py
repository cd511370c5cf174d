"""Outputs that won't end well: noticed at one token, the same for every engine, with and without drafts."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coachlm.pairs import InstructionPair
from coachlm.prompt import first_pair
from coachlm.revision import Outcome
from reviser.generate.reviser import TransformersReviser
from reviser.models.model_loading import LoadedModel
from reviser.packed.reviser import PackedOptions, PackedReviser
from reviser.pairs.endings import Ending, OutputWatch, TokenTexts
from reviser.pairs.finish import Finisher
from tests.reviser.tiny_models import packed_greedy, tiny

RAW = InstructionPair("Say how tides work.", "", "The moon pulls the water.")


def letters(ids: list[int]) -> str:
    return "".join(map(chr, ids))


def ended(text: str, raw: InstructionPair = RAW, **options: Any) -> tuple[Ending | None, str]:
    """How an output that is written letter by letter ends, and what was written by then."""
    watch = OutputWatch(raw, TokenTexts(letters), **options)
    for place, letter in enumerate(text):
        if ending := watch.see(ord(letter)):
            return ending, text[: place + 1]
    return None, text


SENTENCE = "The sun pulls it as well, a little less. "
PAIR = "Instruction: Say how tides work.\nResponse: The moon pulls the water."


@pytest.mark.parametrize(
    "text",
    [
        SENTENCE * 40,
        PAIR + " " + SENTENCE * 40,
        "ha " * 100,
        "".join(f"{place}. {SENTENCE.strip()}\n" for place in range(1, 10)),
    ],
)
def test_text_that_loops_is_ended(text: str) -> None:
    ending, written = ended(text)
    assert ending is Ending.LOOPING
    assert len(written) <= len(text)


def test_it_is_ended_soon() -> None:
    _, written = ended(PAIR + " " + SENTENCE * 100)
    assert len(written) < len(PAIR) + 13 * len(SENTENCE)


@pytest.mark.parametrize(
    "text",
    [
        PAIR,
        SENTENCE * 3,
        "ha ha ha ha, said the moon. " * 3,
        "| a | b |\n" + "| --- | --- |\n" * 3 + "-" * 100,
        "".join(f"{place} x 7 = {7 * place}\n" for place in range(1, 31)),
        ", ".join(map(str, range(1, 200))),
        "".join(f"- {word} is a word of its own\n" for word in "one two six ten red blue green".split()),  # noqa: SIM905
    ],
)
def test_text_that_only_has_an_order_goes_on(text: str) -> None:
    assert ended(text) == (None, text)


def test_loops_that_were_asked_for_or_stand_in_the_raw_pair_go_on() -> None:
    assert ended(SENTENCE * 40, replace(RAW, instruction="Repeat the sentence 40 times."))[0] is None
    raw = replace(RAW, response=SENTENCE * 20)
    assert ended(SENTENCE * 20, raw)[0] is None
    assert ended(SENTENCE * 60, raw)[0] is Ending.LOOPING


def test_tokens_that_say_nothing_are_watched_too() -> None:
    watch = OutputWatch(RAW, TokenTexts(lambda _ids: ""))
    assert [watch.see(0) for _ in range(500)] == [None] * 500
    assert any(watch.see(0) is Ending.LOOPING for _ in range(500))


def test_a_second_pair_ends_the_first() -> None:
    assert ended(f"{PAIR}\n\nInstruction: Name a fruit.") == (Ending.SECOND_PAIR, f"{PAIR}\n\nInstruction:")
    assert ended(f"\n{PAIR}")[0] is None
    assert ended(" The moon.\nInstruction: Name a fruit.", in_response=True)[0] is Ending.SECOND_PAIR
    raw = replace(RAW, instruction='What does "Instruction:" stand for?')
    assert ended(f"{PAIR}\nInstruction: x", raw)[0] is None


def test_what_stands_before_the_second_pair_is_kept() -> None:
    text = f"{PAIR}\n\nInstruction: Name a fruit.\nResponse: A pear."
    assert first_pair(text, RAW) == PAIR
    better = PAIR.replace("pulls the water", "pulls the water towards it")
    revision = Finisher("test").from_text(RAW, text.replace(PAIR, better))
    assert (revision.outcome, revision.revised.response) == (Outcome.REVISED, "The moon pulls the water towards it.")


class _Ends:
    """A watch that ends at the nth token."""

    def __init__(self, at: int) -> None:
        self._left = at

    def see(self, token: int) -> Ending | None:
        self._left -= 1
        return Ending.LOOPING if self._left == 0 else None


@pytest.mark.slow
@pytest.mark.parametrize("drafts", [False, True])
def test_a_packed_sequence_ends_where_its_watch_says(drafts: bool) -> None:
    from reviser.pairs.requests import Request

    model = tiny("llama")
    prompt = [3, 4, 5, 6, 7, 3, 4, 5, 6, 7, 3, 4, 5]
    whole = packed_greedy(model, [Request(0, prompt, 24)], drafts=drafts, step_overhead_tokens=600)[0]
    watched = [Request(at, prompt, 24, watch=lambda at=at: _Ends(at)) for at in range(1, 24)]
    for found in packed_greedy(model, watched, drafts=drafts, max_slots=4, step_overhead_tokens=600):
        if found.key >= len(whole.tokens):
            assert found.tokens == whole.tokens
        else:
            assert (found.tokens, found.ending) == (whole.tokens[: found.key], Ending.LOOPING)


def _loaded_chain(folder: Path) -> LoadedModel:
    """A coach that writes one word for ever."""
    import torch

    from reviser.models.model_loading import load_model
    from tests.reviser.reciting import save_reciting_model

    loaded = load_model(str(save_reciting_model(folder)))
    ids = [loaded.tokenizer.convert_tokens_to_ids(word) for word in ("Base.", "Rhine.")]
    with torch.no_grad():
        embedding, head = loaded.model.get_input_embeddings().weight, loaded.model.get_output_embeddings().weight
        head[2] = 0
        for one, other in (ids, ids[::-1]):
            head[other] += 5 * embedding[one]
    return loaded


def _packed(loaded: LoadedModel, *, drafts: bool) -> PackedReviser:
    return PackedReviser(loaded, Finisher("x"), PackedOptions(1 << 24, 4, 400, drafts=drafts))


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(
            lambda loaded: TransformersReviser(loaded, Finisher("x"), batch_pairs=4, max_new_tokens=400), id="t"
        ),
        pytest.param(lambda loaded: _packed(loaded, drafts=False), id="packed"),
        pytest.param(lambda loaded: _packed(loaded, drafts=True), id="drafts"),
    ],
)
def test_every_engine_ends_a_loop_at_the_same_token(build: Callable[[LoadedModel], Any], tmp_path: Path) -> None:
    engine = build(_loaded_chain(tmp_path))
    revisions = engine.revise([RAW, replace(RAW, response="The sun.")])
    engine.close()
    for revision in revisions:
        assert (revision.outcome, revision.reason) == (Outcome.FALLBACK_INVALID, "looping")
        assert revision.output_tokens == 50  # of 400: the head, and 24 times two words


@pytest.mark.slow
def test_openvino_ends_it_there_too_and_goes_on_with_others(tmp_path: Path) -> None:
    pytest.importorskip("openvino_genai", reason="OpenVINO is not installed: make openvino")
    from reviser.openvino.conversion import convert
    from tests.reviser.openvino_engines import build

    loaded = _loaded_chain(tmp_path / "model")
    loaded.model.save_pretrained(tmp_path / "model")
    made = convert(str(tmp_path / "model"), tmp_path / "converted")
    engine = build(made.folder, max_new_tokens=400, reviser_batch_pairs=2)
    for _ in range(2):  # what was ended leaves nothing behind
        revisions = engine.revise([replace(RAW, response=f"The {word}.") for word in ("sun", "moon", "wind")])
        assert [(each.reason, each.output_tokens) for each in revisions] == [("looping", 50)] * 3
    engine.close()
