"""One real language model all the way: a GGUF file becomes a folder, is tuned for two steps, and all engines then write
the same. SmolLM2-135M-Instruct, from a package that `make test` installs for its file alone."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from safetensors import safe_open

from coachlm.coaching.prompting import read_prompting
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome
from coachlm.settings import load_settings
from recipes.coach_lm.base import base_file
from reviser.engines import build_reviser
from reviser.pairs.jobs import JobDesk
from tests.command_line import main

SOURCE = base_file()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(SOURCE is None, reason="SmolLM2 is not installed: scripts/need-smollm2"),
]
REVISED = [
    (
        ("what is 3 + 4", "", "7"),
        ("What is 3 + 4?", "", "3 + 4 = 7: counting on four from three gives 4, 5, 6, 7."),
    ),
    (
        ("name colours", "", "red blue"),
        ("Name two colours.", "", "Two colours are:\n\n1. red\n2. blue"),
    ),
    (
        ("is ice cold", "", "yes"),
        ("Is ice cold?", "", "Yes. Ice is frozen water, and water freezes at 0 °C."),
    ),
    (
        ("opposite of big", "", "small"),
        ("What is the opposite of big?", "", "The opposite of *big* is *small*."),
    ),
]
PAIRS = [
    InstructionPair("what is 2 + 6", "", "8"),
    InstructionPair("Name a fruit", "", "apple"),
    InstructionPair("is fire hot", "", "yes"),
    InstructionPair("Put it in upper case.", "hello", "HELLO"),
]


def coachlm(*arguments: object) -> Any:
    found = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real")


@pytest.fixture(scope="module")
def base(workplace: Path) -> Path:
    made = coachlm("convert", SOURCE, workplace / "base")
    assert (made["end_token"], made["has_chat_template"]) == ("<|im_end|>", True)
    return Path(made["folder"])


@pytest.fixture(scope="module")
def adapter(base: Path, workplace: Path) -> Path:
    data = workplace / "revisions.jsonl"
    names = ("instruction", "input", "output")
    rows = [
        {side: dict(zip(names, pair, strict=True)) for side, pair in zip(("raw", "revised"), both, strict=True)}
        for both in REVISED
    ]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    options = ("--alpha", 1, "--epochs", 1, "--batch", 2, "--rank", 4, "--learning-rate", 1e-3)
    made = coachlm("train", "--base", base, "--data", data, "--output", workplace / "run", *options)
    assert (made["metrics"]["steps"], made["recipe"]["prompt_style"], made["left_out"]) == (2, "chat", {})
    return Path(made["adapter_folder"])


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """What engines wrote, token by token, by pair."""
    found: dict[str, list[int]] = {}
    close = JobDesk.close

    def spy(desk: Any, job: Any, output: list[int], *rest: Any) -> Any:
        found[job.raw.id] = list(output)
        return close(desk, job, output, *rest)

    monkeypatch.setattr(JobDesk, "close", spy)
    return found


def test_the_folder_holds_no_pickle_and_ends_texts_as_the_file_says(base: Path) -> None:
    assert {path.suffix for path in base.iterdir()} <= {".json", ".jinja", ".safetensors", ".txt"}
    told = json.loads((base / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert (told["eos_token"], told["clean_up_tokenization_spaces"]) == ("<|im_end|>", False)
    assert json.loads((base / "generation_config.json").read_text(encoding="utf-8"))["eos_token_id"] == 2
    with safe_open(base / "model.safetensors", framework="np") as tensors:
        assert len(list(tensors.keys())) == 272


def test_the_adapter_says_how_it_was_asked(adapter: Path) -> None:
    frame = read_prompting(adapter).frame
    assert frame is not None
    assert frame.before.endswith("<|im_start|>user\n")
    assert (frame.after, frame.ending) == ("<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>\n")


@pytest.mark.parametrize("prefill", [False, True])
def test_every_engine_writes_the_same(
    base: Path, adapter: Path, workplace: Path, outputs: dict[str, list[int]], prefill: bool
) -> None:
    pytest.importorskip("openvino_genai", reason="OpenVINO is not installed: make openvino")
    converted = workplace / "converted"
    if not converted.exists():
        coachlm("convert", base, converted, "--adapter", adapter)
    written, revisions = {}, {}
    for engine, model in (("packed", base), ("transformers", base), ("openvino", converted)):
        options: dict[str, Any] = {"engine": engine, "model": str(model), "adapter": str(adapter)}
        reviser = build_reviser(
            load_settings(**options, max_new_tokens=64, reviser_cache_mib=256, reviser_prefill=prefill)
        )
        assert reviser is not None
        outputs.clear()
        made = reviser.revise(PAIRS)
        reviser.close()
        written[engine] = dict(outputs)
        revisions[engine] = [(each.revised, each.outcome, each.reason, each.output_tokens) for each in made]
    assert len(written["packed"]) == len(PAIRS)
    assert written["packed"] == written["transformers"] == written["openvino"]
    assert revisions["packed"] == revisions["transformers"] == revisions["openvino"]
    if prefill:
        for raw, (revised, _, _, _) in zip(PAIRS, revisions["packed"], strict=True):
            assert (revised.instruction, revised.input) == (raw.instruction, raw.input)
        assert {outcome for _, outcome, _, _ in revisions["packed"]} <= {Outcome.REVISED, Outcome.UNCHANGED}
