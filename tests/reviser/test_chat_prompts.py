"""Engines ask as adapters were trained: in the base's chat template or with the paper's prompt, side by side."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from coachlm.coaching.prompting import PAPER, ChatFrame, Prompting
from coachlm.errors import ModelError
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome
from coachlm.settings import load_settings
from reviser.engines import build_reviser
from reviser.generate.reviser import TransformersReviser
from reviser.models.adapter import read_adapter
from reviser.models.model_loading import LoadedModel, load_model
from reviser.packed.reviser import PackedOptions, PackedReviser
from reviser.pairs.finish import Finisher
from reviser.pairs.jobs import Job, JobDesk
from reviser.pairs.prompts import Asking
from tests.reviser.conftest import save_adapter, save_model

TEMPLATE = (
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}</s>{% endfor %}{% if add_generation_prompt %}[a]{% endif %}"
)
FRAME = ChatFrame("[user]", "</s>[a]", "</s>")
PAIRS = [InstructionPair("Say it.", "", "It."), InstructionPair("a", "", "b"), InstructionPair("é", "ü", "你")]


@pytest.fixture(scope="module")
def chatting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_model(tmp_path_factory.mktemp("chatting"))
    config = json.loads((folder / "config.json").read_text()) | {"max_position_embeddings": 512}
    (folder / "config.json").write_text(json.dumps(config))
    told = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(told | {"chat_template": TEMPLATE}))
    return folder


@pytest.fixture(scope="module")
def in_chat(chatting: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_adapter(chatting, tmp_path_factory.mktemp("adapter"))
    for name, content in Prompting(FRAME).files().items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What engines ask, in order."""
    found: list[str] = []
    plain = JobDesk.open

    def spy(desk: Any, index: int, raw: InstructionPair) -> Any:
        opened = plain(desk, index, raw)
        if isinstance(opened, Job):
            found.append(desk.loaded.tokenizer.decode(opened.tokens))
        return opened

    monkeypatch.setattr(JobDesk, "open", spy)
    return found


def build(folder: Path, engine: str = "packed", **options: Any) -> Any:
    return build_reviser(load_settings(engine=engine, model=str(folder), max_new_tokens=64, **options))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["packed", "transformers"])
def test_a_base_is_asked_in_its_template_unless_told_otherwise(engine: str, chatting: Path, asked: list[str]) -> None:
    assert load_model(str(chatting)).frame == FRAME
    for style, wanted in (("auto", Prompting(FRAME)), ("chat", Prompting(FRAME)), ("paper", PAPER)):
        asked.clear()
        build(chatting, engine, prompt_style=style).revise(PAIRS[:1])
        assert asked == [wanted.text(PAIRS[0])]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["packed", "transformers"])
def test_an_adapter_is_asked_as_it_was_trained(
    engine: str, chatting: Path, in_chat: Path, adapter_folder: Path, asked: list[str]
) -> None:
    build(chatting, engine, adapter=str(in_chat)).revise(PAIRS[:1])
    build(chatting, engine, adapter=str(adapter_folder)).revise(PAIRS[:1])  # of 0.1.0: it says nothing
    assert asked == [Prompting(FRAME).text(PAIRS[0]), PAPER.text(PAIRS[0])]
    with pytest.raises(ModelError, match="trained with the chat prompt"):
        build(chatting, engine, adapter=str(in_chat), prompt_style="paper")


def test_a_plain_base_has_no_template(model_folder: Path) -> None:
    with pytest.raises(ModelError, match="no chat template"):
        build(model_folder, prompt_style="chat")


def test_adapters_of_both_kinds_serve_side_by_side(
    chatting: Path, in_chat: Path, adapter_folder: Path, asked: list[str]
) -> None:
    engine = build(chatting)
    adapters = [read_adapter(in_chat), read_adapter(adapter_folder)]
    for adapter in adapters:
        engine.hold(adapter)
    digests = iter([adapter.digest for adapter in adapters] * 2)
    made = engine.revise([*PAIRS[:2], *PAIRS[:2]], lambda _: next(digests))
    assert asked == [Prompting(FRAME).text(PAIRS[0]), PAPER.text(PAIRS[1])] * 2
    assert [each.adapter for each in made] == [adapter.digest for adapter in adapters] * 2
    engine.close()


@pytest.mark.parametrize("prefill", [False, True])
def test_engines_write_the_same_in_a_template(chatting: Path, in_chat: Path, prefill: bool) -> None:
    adapter = read_adapter(in_chat)
    plain = TransformersReviser(
        _loaded(chatting, in_chat),
        Finisher("x"),
        batch_pairs=2,
        max_new_tokens=64,
        prompting=adapter.prompting,
        prefill=prefill,
    )
    packed = PackedReviser(
        _loaded(chatting, in_chat),
        Finisher("x"),
        PackedOptions(1 << 24, 2, 64, asking=Asking("auto", prefill)),
        adapter.prompting,
    )
    ours, theirs = packed.revise(PAIRS), plain.revise(PAIRS)
    told = [(each.revised, each.outcome, each.reason, each.output_tokens) for each in ours]
    assert told == [(each.revised, each.outcome, each.reason, each.output_tokens) for each in theirs]
    packed.close()


def _loaded(base: Path, adapter: Path) -> LoadedModel:
    return load_model(str(base), adapter=read_adapter(adapter))


def test_a_prefilled_pair_keeps_instruction_and_input(asked: list[str], tmp_path: Path) -> None:
    """The reciting model writes its whole pair wherever it is asked; here that is all the response."""
    from tests.reviser.reciting import save_reciting_model

    folder = save_reciting_model(tmp_path / "model")
    raw = InstructionPair("Name a river of  Europe.", "of\nany length", "One river of Europe is the Rhine.")
    [made] = build(folder, reviser_prefill=True).revise([raw])
    assert asked[0].endswith("Input: of\nany length\nResponse:")
    assert (made.revised.instruction, made.revised.input) == (raw.instruction, raw.input)


def test_text_that_would_end_its_own_turn_is_not_asked(tmp_path: Path, chatting: Path) -> None:
    folder = Path(shutil.copytree(chatting, tmp_path / "marked"))
    raw = InstructionPair("What does </s> mean?", "", "An end.")
    [made] = build(folder).revise([raw])
    assert (made.outcome, made.reason) == (Outcome.FALLBACK_ERROR, "template_marker")
    [plain] = build(folder, prompt_style="paper").revise([raw])
    assert plain.reason != "template_marker"


def test_a_lost_end_token_is_noticed(chatting: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = Path(shutil.copytree(chatting, tmp_path / "lost"))
    told = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(told | {"eos_token": "<s>"}))
    assert load_model(str(folder)).eos_ids == (2, 1)
    assert "ends texts with '<s>' and its generation configuration with '</s>'" in caplog.text
    assert load_model(str(chatting)).eos_ids == (2,)
