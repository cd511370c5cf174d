"""Model and adapter folders: what is refused, and that the message names the file and the remedy."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from coachlm.coaching.model_facts import adapter_digest
from coachlm.errors import ModelError
from coachlm.pairs import content_hash
from reviser.models.adapter import read_adapter
from reviser.models.model_loading import load_model
from tests.reviser.conftest import save_adapter, save_model


@pytest.fixture
def model_copy(model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_folder, tmp_path / "model"))


@pytest.fixture
def adapter_copy(adapter_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(adapter_folder, tmp_path / "adapter"))


def test_a_model_is_loaded_in_float32_on_the_cpu(loaded: Any, model_folder: Path) -> None:
    if not torch.cuda.is_available():
        assert loaded.model.dtype == torch.float32
        with pytest.raises(ModelError, match="DTYPE=bfloat16: there is no GPU here"):
            load_model(str(model_folder), dtype="bfloat16")
    assert loaded.context_tokens == 256
    assert loaded.eos_ids == (2,)
    assert loaded.tokenizer.padding_side == "left"


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pth"])
def test_pickled_weights_are_refused_unread(model_copy: Path, name: str) -> None:
    (model_copy / "model.safetensors").rename(model_copy / name)
    with pytest.raises(ModelError, match=rf"{name} is pickled .* save_pretrained"):
        load_model(str(model_copy))


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("config.json", "config.json is missing"),
        ("model.safetensors", r"no \*.safetensors"),
        ("tokenizer.json", "can't be loaded|no tokeniser"),
    ],
)
def test_missing_files_are_named(model_copy: Path, missing: str, message: str) -> None:
    (model_copy / missing).unlink()
    with pytest.raises(ModelError, match=message):
        load_model(str(model_copy))


def test_a_broken_model_is_a_model_error(model_copy: Path) -> None:
    (model_copy / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{broken}")
    with pytest.raises(ModelError, match="can't be loaded"):
        load_model(str(model_copy))


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        load_model(str(tmp_path / "nothing"))


@pytest.mark.parametrize("revision", [None, "main", "v1.0", "abc123"])
def test_remote_code_needs_a_full_commit(model_folder: Path, revision: str | None) -> None:
    with pytest.raises(ModelError, match="COACHLM_MODEL_REVISION to be a full commit"):
        load_model(str(model_folder), revision=revision, trust_remote_code=True)


def test_an_adapter_is_merged(model_folder: Path, adapter_folder: Path, loaded: Any) -> None:
    adapted = load_model(str(model_folder), adapter=read_adapter(adapter_folder))
    layer = "model.layers.0.self_attn.{}.weight"
    before, after = loaded.model.state_dict(), adapted.model.state_dict()
    assert before.keys() == after.keys()
    assert not torch.equal(before[layer.format("q_proj")], after[layer.format("q_proj")])
    assert torch.equal(before[layer.format("k_proj")], after[layer.format("k_proj")])


def test_an_adapter_of_another_base_is_refused(model_folder: Path, tmp_path: Path) -> None:
    other = save_model(tmp_path / "other", hidden=48)
    adapter = read_adapter(save_adapter(other, tmp_path / "adapter"))
    with pytest.raises(ModelError, match=r"for another base .* 32 wide there, the adapter 48; .* trained on .*other"):
        load_model(str(model_folder), adapter=adapter)


def test_an_adapter_for_layers_that_are_not_there_is_refused(model_folder: Path, adapter_copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = adapter_copy / "adapter_model.safetensors"
    save_file({name.replace("layers.1.", "layers.7."): tensor for name, tensor in load_file(path).items()}, path)
    with pytest.raises(ModelError, match=r"layers\.7\..* has no such layer"):
        load_model(str(model_folder), adapter=read_adapter(adapter_copy))


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("adapter_config.json", None, "adapter_config.json is missing"),
        ("adapter_config.json", "{", "can't be read"),
        ("adapter_config.json", "[]", "not a JSON object"),
        ("adapter_config.json", '{"peft_type": "PREFIX_TUNING"}', "only LORA"),
        ("adapter_model.safetensors", None, "adapter_model.safetensors is missing"),
        ("adapter_model.safetensors", "garbage", "is broken"),
        ("training_instructions.txt", "not a hash", "content hashes"),
        ("training_instructions.json", "{", "can't be read"),
        ("training_instructions.json", "[1]", "content hashes"),
        ("training_instructions.json", "{}", "content hashes"),
    ],
)
def test_broken_adapters_are_refused(adapter_copy: Path, file: str, text: str | None, message: str) -> None:
    path = adapter_copy / file
    if text is None:
        path.unlink()
    else:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        read_adapter(adapter_copy)


def test_a_pickled_adapter_is_refused(adapter_copy: Path) -> None:
    (adapter_copy / "adapter_model.safetensors").rename(adapter_copy / "adapter_model.bin")
    with pytest.raises(ModelError, match=r"adapter_model\.bin is pickled"):
        read_adapter(adapter_copy)


def test_no_adapter_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        read_adapter(tmp_path / "nothing")


def test_the_digest_tells_contents_and_names_but_not_places(adapter_folder: Path, adapter_copy: Path) -> None:
    digest = adapter_digest(adapter_folder)
    assert adapter_digest(adapter_copy) == digest
    (adapter_copy / "README.md").write_text("other", encoding="utf-8")
    assert adapter_digest(adapter_copy) != digest


def test_training_instructions_in_either_form(adapter_copy: Path) -> None:
    hashes = [content_hash("one"), content_hash("two")]
    assert read_adapter(adapter_copy).training_instructions == frozenset()
    (adapter_copy / "training_instructions.json").write_text(json.dumps(hashes), encoding="utf-8")
    assert read_adapter(adapter_copy).training_instructions == set(hashes)
    (adapter_copy / "training_instructions.txt").write_text("\n".join(hashes[:1]), encoding="utf-8")
    assert read_adapter(adapter_copy).training_instructions == set(hashes[:1])
