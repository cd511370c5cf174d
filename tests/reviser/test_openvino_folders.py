"""Conversion, its command, and what the engine `openvino` says of folders that it can't serve."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from coachlm.errors import ModelError, SettingsError
from coachlm.settings import load_settings
from reviser.engines import build_reviser
from reviser.models.adapter import read_adapter
from reviser.openvino.folder import MANIFEST, MODEL, TOKENIZER, WEIGHTS, ConvertedModel
from tests.command_line import main
from tests.reviser.conftest import save_adapter, save_model, save_tokenizer
from tests.reviser.openvino_engines import settings
from tests.reviser.tiny_models import tiny

pytest.importorskip("openvino_genai", reason="OpenVINO is not installed: make openvino")

from reviser.openvino.conversion import convert

pytestmark = pytest.mark.slow

Harm = Callable[[Path], object]


def _changed(**values: object) -> Harm:
    def change(folder: Path) -> None:
        manifest = json.loads((folder / MANIFEST).read_text())
        (folder / MANIFEST).write_text(json.dumps(manifest | values))

    return change


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (shutil.rmtree, "no such folder; `coachlm convert MODEL"),
        (lambda folder: (folder / MANIFEST).unlink(), "is not a converted one .* run `coachlm convert"),
        (lambda folder: (folder / MANIFEST).write_text("{"), "can't be read: .*; convert the model again"),
        (lambda folder: (folder / MANIFEST).write_text("[]"), "is not usable"),
        (_changed(format=99), "another version of CoachLM"),
        (_changed(more="x"), "is not usable"),
        (_changed(adapter="f" * 64), "training_instructions.txt is missing"),
        (lambda folder: (folder / MODEL).unlink(), f"{MODEL} is missing"),
        (lambda folder: (folder / MODEL).write_text("<net"), "can't be opened by OpenVINO"),
        (lambda folder: os.truncate(folder / WEIGHTS, 1000), "has 1,000 bytes .* cut short"),
        (lambda folder: (folder / TOKENIZER).write_text("{}"), f"{TOKENIZER} can't be read"),
    ],
)
def test_broken_folders_are_refused(copied: Path, harm: Harm, message: str) -> None:
    harm(copied)
    with pytest.raises(ModelError, match=message):
        build_reviser(settings(copied))


def test_a_plain_model_is_told_how_to_be_converted(model_folder: Path) -> None:
    with pytest.raises(ModelError, match=rf"run `coachlm convert {model_folder} OUTPUT`"):
        build_reviser(settings(model_folder))


def test_settings_that_do_not_fit_are_refused(converted: ConvertedModel, adapter_folder: Path) -> None:
    with pytest.raises(SettingsError, match="COACHLM_MODEL: a folder that `coachlm convert` made"):
        build_reviser(load_settings(engine="openvino"))  # type: ignore[call-arg]
    with pytest.raises(SettingsError, match=r"COACHLM_REVISER_INT8 is set .* convert it with --int8"):
        build_reviser(settings(converted.folder, reviser_int8=True))
    remedy = rf"without an adapter, and COACHLM_ADAPTER is .* OUTPUT --adapter {adapter_folder}"
    with pytest.raises(ModelError, match=remedy):
        build_reviser(settings(converted.folder, adapter=str(adapter_folder)))


def test_where_something_is_not_installed(
    converted: ConvertedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coachlm.machine.extras.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="needs openvino_genai: run `make openvino`"):
        build_reviser(settings(converted.folder))
    refused = CliRunner().invoke(main, ["convert", converted.manifest.base, str(tmp_path / "out")])
    assert refused.exit_code == 1
    assert "converting needs torch, transformers, peft: run `make reviser`" in " ".join(refused.stderr.split())


def test_what_can_not_be_converted_is_refused_and_leaves_nothing(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "made" / "model"
    sliding = tmp_path / "sliding"
    tiny("mistral", vocab_size=save_tokenizer(sliding), sliding_window=16).save_pretrained(sliding)
    with pytest.raises(ModelError, match=r"logits came out .* apart; take COACHLM_ENGINE=packed"):
        convert(str(sliding), target)
    mamba = tmp_path / "mamba"
    size = save_tokenizer(mamba)
    tiny("mamba", vocab_size=size, num_attention_heads=None).save_pretrained(mamba)
    with pytest.raises(ModelError, match="has layers of linear_attention"):
        convert(str(mamba), target)
    other = read_adapter(save_adapter(save_model(tmp_path / "other", hidden=48), tmp_path / "adapter"))
    with pytest.raises(ModelError, match="for another base"):
        convert(str(model_folder), target, adapter=other)
    monkeypatch.setattr("reviser.openvino.probing._PROBE_ERROR", {False: 0.0, True: 0.0})
    with pytest.raises(ModelError, match="log likelihoods came out"):
        convert(str(model_folder), target)
    assert not any(target.parent.iterdir())
    target.mkdir()
    refused = CliRunner().invoke(main, ["convert", str(model_folder), str(target)])
    assert refused.exit_code == 1
    assert "is there already" in " ".join(refused.stderr.split())
