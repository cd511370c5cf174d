"""Which approved revisions a coach is shown: similar ones, and none that gives the pair away."""

import json
from pathlib import Path

import pytest

from coachlm.errors import ModelError
from coachlm.pairs import InstructionPair, content_hash
from coachlm.revision import Outcome
from coachlm.settings import load_settings
from reviser.engines import BUILDERS, build_reviser
from reviser.instructed.examples import Example, ExampleStore, bundled_examples, withheld_instructions
from reviser.instructed.in_process import Told, ToldFinisher
from reviser.instructed.prompts import Instructions
from reviser.pairs.finish import Usage
from tests.reviser.conftest import save_model
from tests.reviser.test_chat_prompts import TEMPLATE


def example(instruction: str, material: str = "", conversation: str = "") -> Example:
    raw = InstructionPair(instruction, material, "Yes.")
    return Example(raw, InstructionPair(instruction, material, "Yes, indeed."), conversation)


TEA = [example(f"How long does {kind} tea steep?") for kind in ("green", "black", "white")]
OTHERS = [example(f"Who painted picture {number}?") for number in range(5)]


def test_the_most_similar_stands_last_and_the_unlike_nowhere():
    store = ExampleStore([*OTHERS, *TEA])
    found = store.nearest(InstructionPair("How long does black tea with milk steep?", "", ""), 2)
    assert len(found) == 2
    assert found[-1] == TEA[1]
    assert store.nearest(InstructionPair("zzz", "", ""), 3) == []
    assert store.nearest(InstructionPair("tea", "", ""), 0) == []


def test_nothing_gives_the_pair_away():
    raw = InstructionPair("How long does black tea steep?", "", "Three minutes.")
    later = InstructionPair(
        "And with cold water, how long does it steep?", f"User: {TEA[0].raw.instruction}", "An hour."
    )
    held = [
        example(" How long does black tea steep? "),
        example("How long does tea steep in Wales?", "", "talk-1"),
        *TEA,
    ]
    store = ExampleStore(held, lambda pair_id: "talk-1" if pair_id == raw.id else "")
    assert [each.raw.instruction for each in store.nearest(raw, 9)] == [TEA[2].raw.instruction, TEA[0].raw.instruction]
    assert TEA[0] not in store.nearest(later, 9)
    withheld = ExampleStore(TEA, withheld=frozenset({content_hash(TEA[0].raw.instruction)}))
    assert len(withheld) == 2


def test_the_bundled_examples_hold_none_of_the_test_set():
    held = bundled_examples()
    assert len(held) > 1_000
    assert len(withheld_instructions()) > 150
    hidden = withheld_instructions()
    store = ExampleStore(held, withheld=hidden)
    assert len(store) > 1_000
    for each in held[:20]:
        assert content_hash(each.raw.instruction) not in {
            content_hash(shown.raw.instruction) for shown in store.nearest(each.raw, 3)
        }


def test_another_word_makes_another_coach():
    plain = Instructions()
    ids = {
        plain.coach_id("m"),
        plain.coach_id("n"),
        Instructions(guidelines="Be brief.").coach_id("m"),
        Instructions(shown=2).coach_id("m"),
        Instructions(form="fields").coach_id("m"),
    }
    assert len(ids) == 5
    assert plain.coach_id("m") == Instructions().coach_id("m")
    assert len({each[:12] for each in ids}) == 5  # as pages show them


def test_marks_are_never_in_the_texts():
    words = iter(["held", "free"])
    raw = InstructionPair("This text is held here.", "", "x")
    text = Instructions(form="fields").text(raw, [], lambda: next(words))
    assert "<<pair held" in text
    assert "<<pair held>>" not in text


@pytest.fixture(scope="module")
def chatting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_model(tmp_path_factory.mktemp("chatting"))
    config = json.loads((folder / "config.json").read_text()) | {"max_position_embeddings": 8192}
    (folder / "config.json").write_text(json.dumps(config))
    told = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(told | {"chat_template": TEMPLATE}))
    return folder


@pytest.mark.parametrize("engine", ["packed", "transformers"])
def test_models_in_process_are_told_in_their_template(engine: str, chatting: Path, tmp_path: Path):
    settings = load_settings(engine=engine, model=str(chatting), coach="instructed", max_new_tokens=64, coach_shown=1)
    reviser = build_reviser(settings, ExampleStore(TEA))
    try:
        (made,) = reviser.revise([InstructionPair("Tea?", "", "b")])
    finally:
        reviser.close()
    assert made.adapter is not None
    assert made.adapter.startswith("instr-")
    assert made.prompt_tokens > 1_000  # rules, rubric and an example, letter by letter
    with pytest.raises(ModelError, match="chat template"):
        build_reviser(load_settings(engine=engine, model=str(save_model(tmp_path)), coach="instructed"))


def test_what_a_model_in_process_says_is_cleaned():
    told = Told(Instructions(form="fields"), ExampleStore([]))
    finisher = told.finisher("packed", "m", 0.0)
    raw = InstructionPair("How long does tea steep?", "", "Three minutes")
    text = "Here's the improved version:\n\nInstruction: How long does tea steep?\nResponse: About three minutes."
    made = finisher.from_text(raw, text, Usage(7, 5))
    assert (made.outcome, made.revised.response, made.output_tokens) == (Outcome.REVISED, "About three minutes.", 5)
    assert finisher.from_response(raw, "Sure! Here's the revised response: Three.").revised.response == "Three."
    assert finisher.from_text(raw, "Fine.").reason == "not_a_pair"
    assert isinstance(finisher, ToldFinisher)


def test_every_engine_that_can_be_told_has_its_builder():
    from coachlm.coaching.engines import engine_names
    from reviser.engines import BUILDERS_OF_INSTRUCTED

    assert set(BUILDERS_OF_INSTRUCTED) == set(engine_names(lambda engine: engine.instructed)) <= set(BUILDERS)
