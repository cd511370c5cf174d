"""Building engines from settings: what is missing is told with its remedy."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from coachlm.errors import ModelError, SettingsError
from coachlm.settings import Settings, load_settings
from reviser import build_reviser
from reviser.engines import graphs_for
from reviser.packed.graphs import CudaGraphs, Rerun


def settings(**values: object) -> Settings:
    return load_settings(**values)  # type: ignore[call-arg]


def test_importing_the_room_loads_no_engine() -> None:
    code = "import sys, reviser; print([m for m in ('torch', 'transformers', 'symspellpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_none_is_no_engine() -> None:
    with pytest.raises(SettingsError, match="engine `none` revises nothing; choose `rules`"):
        build_reviser(settings(engine="none"))


def test_rules_need_no_model() -> None:
    engine = build_reviser(settings(engine="rules"))
    assert engine is not None
    assert (engine.name, engine.adapter) == ("rules", None)


def test_transformers_need_a_model() -> None:
    with pytest.raises(SettingsError, match="COACHLM_MODEL"):
        build_reviser(settings(engine="transformers"))


def test_missing_packages_are_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coachlm.machine.extras.find_spec", lambda name: None if name == "torch" else object())
    with pytest.raises(ModelError, match="needs torch: run `make reviser`"):
        build_reviser(settings(engine="transformers", model="x"))


def test_the_whole_engine_from_settings(model_folder: Path, adapter_folder: Path) -> None:
    engine = build_reviser(settings(engine="transformers", model=str(model_folder), adapter=str(adapter_folder)))
    assert engine is not None
    assert engine.name == "transformers"
    assert engine.adapter is not None
    assert len(engine.adapter) == 64
    engine.close()
    engine.close()


@pytest.mark.parametrize(
    ("asked", "device", "captured"),
    [("auto", "cpu", False), ("off", "cuda", False), ("auto", "cuda", True), ("on", "cuda", True)],
)
def test_steps_are_captured_on_a_gpu(asked: str, device: str, captured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.graph_pool_handle", lambda: (0, 1))
    graphs = graphs_for(settings(engine="packed", reviser_graphs=asked), device)
    assert isinstance(graphs, CudaGraphs) is captured
    assert captured or graphs is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"reviser_graphs": "on"}, "GRAPHS=on needs an NVIDIA GPU"),
        ({"reviser_attention": "triton"}, "ATTENTION=triton needs"),
        ({"reviser_graphs": "off", "reviser_attention": "triton"}, "ATTENTION=triton needs"),
    ],
)
def test_what_needs_a_gpu_is_refused_without_one(model_folder: Path, values: dict[str, str], message: str) -> None:
    if not torch.cuda.is_available():
        with pytest.raises(SettingsError, match=message):
            build_reviser(settings(engine="packed", model=str(model_folder), **values))


def test_what_a_gpu_computes_in_is_handed_on(model_folder: Path) -> None:
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="DTYPE=bfloat16: there is no GPU"):
            build_reviser(settings(engine="packed", model=str(model_folder), reviser_dtype="bfloat16"))


@pytest.mark.parametrize(("asked", "engine"), [("triton", "transformers"), ("auto", "packed"), ("sdpa", "packed")])
def test_a_kernel_that_was_asked_for_and_does_not_work_is_no_reason_to_stop(
    model_folder: Path, asked: str, engine: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("reviser.engines.graphs_for", lambda *_: Rerun())
    monkeypatch.setattr("reviser.packed.tile_attention.probe_kernel", lambda *_: "it is broken")
    reviser = build_reviser(settings(engine="packed", model=str(model_folder), reviser_attention=asked))
    assert reviser is not None
    assert reviser.name == engine
    assert ("it is broken" in caplog.text) is (asked != "sdpa")
    reviser.close()
