"""What ships of a trained adapter revises as the adapter does, and is found under its name."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from coachlm.acceptance.model import AcceptanceModel, Weight, write_acceptance
from coachlm.errors import ModelError
from coachlm.pairs import content_hash
from coachlm.settings import load_settings
from recipes.coach_lm import bundle
from reviser.choosing import bundled_lm

pytest.importorskip("torch")
from reviser.engines import build_reviser
from reviser.models.adapter import TRAINING_INSTRUCTIONS, read_adapter
from tests.reviser.reciting import WORDS, raw_pair, response, save_reciting_model, save_word_adapter


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_reciting_model(tmp_path_factory.mktemp("base"))


@pytest.fixture
def shipped(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    trained = save_word_adapter(base, tmp_path / "trained", WORDS[1])
    (trained / TRAINING_INSTRUCTIONS).write_text(content_hash("Learned by heart.") + "\n")
    (trained / "optimizer.safetensors").write_bytes(b"not for shipping")
    acceptance = tmp_path / "some.json"
    write_acceptance(AcceptanceModel({"growth": Weight(0, 1, 1)}, 5.0), acceptance)
    folder = tmp_path / "coach_lm"
    bundle.main([str(trained), "--acceptance", str(acceptance), "--output", str(folder)])
    monkeypatch.setattr(bundled_lm, "FOLDER", folder)
    monkeypatch.setattr(bundled_lm, "ADAPTER", folder / "adapter")
    return folder


@pytest.mark.slow
def test_the_bundle_revises_as_the_adapter_does(base: Path, shipped: Path) -> None:
    engine = build_reviser(load_settings(engine="packed", model=str(base), adapter="bundled-lm", accept_samples=0))
    (made,) = engine.revise([raw_pair(1)])
    engine.close()
    assert made.revised.response == response(WORDS[1])
    assert made.adapter == read_adapter(shipped / "adapter").digest
    assert made.reason is not None
    assert made.reason.startswith("accepted_"), "its acceptance model chooses"


def test_nothing_but_what_an_adapter_needs_ships(shipped: Path) -> None:
    names = {path.name for path in (shipped / "adapter").iterdir()}
    assert names == {"adapter_model.safetensors", "adapter_config.json", TRAINING_INSTRUCTIONS}
    assert all(each.dtype == np.float16 for each in load_file(shipped / "adapter/adapter_model.safetensors").values())
    config = json.loads((shipped / "adapter/adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == bundle.BASE_NAME
    assert len(read_adapter(shipped / "adapter").training_instructions) == 1


def test_what_is_not_here_is_told_with_its_remedy(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled_lm, "bundled_lm_base", lambda: None)
    with pytest.raises(ModelError, match="make coach-lm"):
        build_reviser(load_settings(engine="packed", adapter="bundled-lm"))
    monkeypatch.setattr(bundled_lm, "ADAPTER", shipped / "missing")
    with pytest.raises(ModelError, match="is not here"):
        build_reviser(load_settings(engine="packed", adapter="bundled-lm"))


def test_weights_that_overflow_are_refused(tmp_path: Path, base: Path) -> None:
    from safetensors.numpy import save_file

    trained = save_word_adapter(base, tmp_path / "trained", WORDS[1])
    tensors = {name: each * 1e6 for name, each in load_file(trained / "adapter_model.safetensors").items()}
    save_file(tensors, trained / "adapter_model.safetensors")
    with pytest.raises(SystemExit, match="16 bits"):
        bundle.main([str(trained), "--output", str(tmp_path / "out")])
