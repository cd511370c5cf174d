"""Sentence models: found by folder or package, loaded from safetensors alone, vectors that don't depend on batches."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from coachlm.errors import ModelError
from reviser.sentences import folder as folders
from reviser.sentences.encoder import SentenceEncoder
from reviser.sentences.folder import find_model

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "bake", "bread", "paint", "fence", "a", "how"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    from transformers import BertConfig, BertModel, BertTokenizerFast

    place = tmp_path / "tiny"
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    BertModel(config).save_pretrained(place)
    (place / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizerFast(vocab=str(place / "vocab.txt")).save_pretrained(place)
    return place


def test_vectors_have_length_one_and_are_the_same_in_any_batch(model: Path) -> None:
    encoder = SentenceEncoder.load(str(model))
    texts = ["how bake a bread", "paint", "paint a fence how", ""]
    together = encoder.encode(texts)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.allclose(together, np.concatenate([encoder.encode([text]) for text in texts]), atol=1e-5)


def test_pickles_are_not_loaded(model: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        SentenceEncoder.load(str(model))


def test_a_package_is_found_without_being_imported(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "own_sentences"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    with zipfile.ZipFile(package / "model.zip", "w") as archive:
        for file in model.iterdir():
            archive.write(file, f"model/{file.name}")
        archive.writestr("../outside.json", json.dumps({}))
        archive.writestr("model/weights.bin", "a pickle")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(folders, "CACHE", tmp_path / "cache")
    found = Path(find_model("own-sentences-model"))
    assert SentenceEncoder.load("own-sentences").encode(["bake"]).shape == (1, 16)
    assert not (found / "weights.bin").exists()
    assert not list(tmp_path.rglob("outside.json"))


def test_what_is_nowhere_is_said() -> None:
    with pytest.raises(ModelError, match="hub id"):
        find_model("no-such-model")
    assert find_model("owner/name") == "owner/name"
