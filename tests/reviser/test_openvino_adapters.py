"""The engine `openvino` behind the registry: an adapter is converted once, by a process of its own; pairs flow on."""

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coachlm.coaching.adapters import AdapterRecord, InForce
from coachlm.errors import ModelError
from reviser.engines import build_adapting
from reviser.following.adapting import AdaptingReviser
from reviser.models.adapter import TRAINING_INSTRUCTIONS, Adapter, read_adapter
from reviser.openvino.adapters import KEPT, AdapterConversions
from reviser.openvino.folder import MANIFEST, ConvertedModel
from tests.reviser.conftest import save_adapter, save_model
from tests.reviser.openvino_engines import settings
from tests.reviser.reciting import BASE_WORD, Registry, raw_pair, record, save_word_adapter

pytestmark = pytest.mark.slow

pytest.importorskip("openvino_genai", reason="OpenVINO is not installed: make openvino")

PAIRS = [raw_pair(number) for number in range(20)]
SECONDS = 120  # a busy machine


@pytest.fixture(scope="module")
def words(reciting_converted: ConvertedModel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Adapter]:
    base = Path(reciting_converted.manifest.base)
    return {
        word: read_adapter(save_word_adapter(base, tmp_path_factory.mktemp(word), word)) for word in ("Ebro", "Oder")
    }


@pytest.fixture
def registry(words: dict[str, Adapter]) -> Registry:
    return Registry(words)


def following(model: ConvertedModel, registry: Registry, cache: Path) -> AdaptingReviser:
    given = settings(model.folder, adapters_cache=str(cache), registry_poll_seconds=0.001, reviser_batch_pairs=8)
    engine = build_adapting(given, registry.in_force, registry.fetch)
    assert isinstance(engine, AdaptingReviser)
    return engine


def own(adapter: Adapter, model: ConvertedModel, share: float = 0.0) -> AdapterRecord:
    return replace(record(adapter, share), base_digest=str(model.manifest.base_digest))


def test_pairs_flow_while_an_adapter_is_converted_and_it_is_converted_once(
    reciting_converted: ConvertedModel,
    registry: Registry,
    words: dict[str, Adapter],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    model, ebro = reciting_converted, own(words["Ebro"], reciting_converted)
    other = read_adapter(save_adapter(save_model(tmp_path / "other"), tmp_path / "adapter"))
    registry.folders[other.digest] = other.folder
    engine = following(model, registry, tmp_path / "cache")
    assert registry.check(engine.revise(PAIRS)) == {BASE_WORD}
    registry.force = InForce(ebro, own(other, model, 0.5))
    seen = [registry.check(engine.revise(PAIRS))]
    deadline = time.monotonic() + SECONDS
    while (seen[-1] != {"Ebro"} or "can't be converted" not in caplog.text) and time.monotonic() < deadline:
        time.sleep(0.05)
        seen.append(registry.check(engine.revise(PAIRS)))
    assert (seen[0], seen[-1]) == ({BASE_WORD}, {"Ebro"})
    assert {word for words in seen for word in words} == {BASE_WORD, "Ebro"}
    assert engine.adapter == ebro.digest
    assert "is being converted and taken when that is done" in caplog.text
    assert f"{other.folder} can't be converted: " in caplog.text
    assert caplog.text.count("for another base") == 1
    assert engine.load().steps > 0
    registry.force = InForce()
    assert registry.check(engine.revise(PAIRS)) == {BASE_WORD}
    engine.close()
    monkeypatch.setattr("reviser.openvino.adapters.multiprocessing", None)  # from here on nothing can be converted
    registry.force = InForce(ebro)
    again = following(model, registry, tmp_path / "cache")
    assert registry.check(again.revise(PAIRS)) == {"Ebro"}
    again.close()


@pytest.fixture
def conversions(reciting_converted: ConvertedModel, tmp_path: Path) -> Iterator[AdapterConversions]:
    made = AdapterConversions(reciting_converted, tmp_path / "cache")
    yield made
    made.close()


def test_a_conversion_that_dies_is_told_and_not_begun_again(
    conversions: AdapterConversions, words: dict[str, Adapter], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match="is being converted"):
        conversions.converted(words["Ebro"], wait=False)
    (under_way,) = conversions._under_way.values()
    os.kill(under_way.process.pid, signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(ModelError, match=r"can't be converted: the process .* died \(exit code -9\)"):
            conversions.converted(words["Ebro"], wait=True)
    with pytest.raises(ModelError, match="is being converted"):
        conversions.converted(words["Oder"], wait=False)
    (under_way,) = conversions._under_way.values()
    conversions.close()
    assert not under_way.process.is_alive()
    assert list((tmp_path / "cache").iterdir()) == []
    monkeypatch.setattr("coachlm.machine.extras.find_spec", lambda name: None if name == "torch" else name)
    with pytest.raises(
        ModelError, match=rf"needs torch: .* coachlm convert .* --adapter {words['Oder'].folder} --int8"
    ):
        conversions.converted(words["Oder"], wait=True)


def test_what_the_cache_holds_is_checked(
    conversions: AdapterConversions, reciting_converted: ConvertedModel, words: dict[str, Adapter]
) -> None:
    ebro = words["Ebro"]
    target = conversions._folder(ebro)
    shutil.copytree(reciting_converted.folder, target)
    (target / TRAINING_INSTRUCTIONS).touch()
    manifest = json.loads((target / MANIFEST).read_text()) | {"adapter": ebro.digest}
    (target / MANIFEST).write_text(json.dumps(manifest))
    assert conversions.converted(ebro, wait=False).manifest.adapter == ebro.digest
    changes: list[dict[str, Any]] = [{"base_digest": "sha256:x"}, {"adapter": None}, {"numbers": "float32"}]
    for change in changes:
        (target / MANIFEST).write_text(json.dumps(manifest | change))
        with pytest.raises(ModelError, match=r"was converted from another base or adapter .*; remove it"):
            conversions.converted(ebro, wait=False)


def test_converted_adapters_that_were_not_taken_for_long_make_room(
    conversions: AdapterConversions, words: dict[str, Adapter], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    for age in range(1, KEPT + 2):
        folder = cache / f"{age:064d}-of-a-base"
        folder.mkdir(parents=True)
        (folder / MANIFEST).touch()
        os.utime(folder / MANIFEST, (0, time.time() - age))
    (cache / "somebodys-own").mkdir()
    ebro = conversions.converted(words["Ebro"], wait=True)
    left = {folder.name for folder in cache.iterdir()}
    assert left == {ebro.folder.name, "somebodys-own", *(f"{age:064d}-of-a-base" for age in range(1, KEPT))}
    long_ago = time.time() - 1_000_000
    os.utime(ebro.folder / MANIFEST, (long_ago, long_ago))
    conversions.converted(words["Ebro"], wait=True)  # taken again
    conversions.converted(words["Oder"], wait=True)
    assert ebro.folder.is_dir()
    assert not (cache / f"{KEPT - 1:064d}-of-a-base").exists()


def test_a_base_of_its_own_is_needed(
    reciting_converted: ConvertedModel, registry: Registry, words: dict[str, Adapter], tmp_path: Path
) -> None:
    registry.force = InForce(record(words["Ebro"]))  # of another base, by its record
    engine = following(reciting_converted, registry, tmp_path / "cache")
    assert registry.check(engine.revise(PAIRS)) == {BASE_WORD}
    assert not (tmp_path / "cache").exists()
    engine.close()
