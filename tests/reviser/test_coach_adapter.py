"""The coach with an adapter: merged as PEFT merges it, stamped, guarded, followed, and refused where it doesn't fit."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.numpy import load_file, save_file
from transformers import BertForMaskedLM

from assembly.engines import build_engine
from coachlm.coaching.adapters import AdapterRecord
from coachlm.coaching.model_facts import adapter_digest
from coachlm.errors import ModelError
from coachlm.pairs import InstructionPair, content_hash
from coachlm.revision import Outcome
from coachlm.settings import load_settings
from recipes.coach.adapter import ship
from reviser.coach.adapted import with_adapter
from reviser.coach.base import MANIFEST, Bundle, read_base
from reviser.coach.bundle import ADAPTER, BUNDLE, read_bundle
from reviser.coach.choosing import NEVER, Limits
from reviser.coach.reviser import CoachReviser
from reviser.coach.tagger import EditKind
from reviser.engines import build_coach, build_reviser
from reviser.models.adapter import WEIGHTS, read_adapter
from storage.adapters.adapters import DatabaseAdapterRegistry
from storage.adapters.artifacts import AdapterArtifacts
from storage.engine.database import open_database
from tests.coaches import save_tiny_coach

PAIRS = [
    InstructionPair(f"Say what we saw on day {n}.", "", f"We bought apples, pears and tea, {n}.") for n in range(40)
]
SURE = dict.fromkeys(EditKind, 0.0)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_coach(tmp_path_factory.mktemp("coach"))


@pytest.fixture(scope="module")
def bundle(base: Path) -> Bundle:
    return read_bundle(base)


def save_coach_adapter(
    base: Path, bundle: Bundle, folder: Path, *, seed: int = 1, hashes: str = "", **lora: Any
) -> Path:
    """LoRA layers of random weights, whose coach makes every edit that it proposes."""
    model = BertForMaskedLM.from_pretrained(base, dtype=torch.float32)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = LoraConfig(r=4, lora_alpha=16, target_modules=["query", "dense"], init_lora_weights=False)
        get_peft_model(model, LoraConfig(**{**config.to_dict(), **lora})).save_pretrained(folder)  # type: ignore[arg-type]
    (folder / "README.md").unlink(missing_ok=True)
    limits = {"first": SURE, "further": SURE}
    (folder / MANIFEST).write_text(json.dumps({"base": bundle.digest, "limits": limits}), encoding="utf-8")
    (folder / "training_instructions.txt").write_text(hashes, encoding="ascii")
    return folder


@pytest.fixture
def folder(base: Path, bundle: Bundle, tmp_path: Path) -> Path:
    return save_coach_adapter(base, bundle, tmp_path / "adapter")


@pytest.mark.parametrize("rslora", [False, True])
def test_numpy_merges_what_peft_merges(base: Path, bundle: Bundle, tmp_path: Path, rslora: bool) -> None:
    folder = save_coach_adapter(base, bundle, tmp_path / "adapter", use_rslora=rslora)
    before = {name: array.copy() for name, array in bundle.network.weights.items()}
    merged = with_adapter(bundle, read_adapter(folder)).network.weights
    there = PeftModel.from_pretrained(BertForMaskedLM.from_pretrained(base, dtype=torch.float32), folder)
    weights = there.merge_and_unload().state_dict()
    changed = [name for name in merged if not np.array_equal(merged[name], before[name])]
    assert len(changed) == 1 + 3 + 1  # queries; three dense layers of the block, and that of the output
    assert all(np.abs(merged[name] - weights[name].numpy()).max() < 1e-5 for name in merged)
    assert all(np.array_equal(array, bundle.network.weights[name]) for name, array in before.items())


def test_it_is_stamped_with_the_adapters_digest_and_its_limits_are_in_force(bundle: Bundle, folder: Path) -> None:
    adapter = read_adapter(folder)
    adapted = with_adapter(bundle, adapter)
    assert adapted.digest == adapter.digest
    assert adapted.limits.first[EditKind.TYPO] == 0.0
    assert bundle.limits.first.get(EditKind.TYPO, NEVER) == NEVER
    revisions = CoachReviser(adapted).revise(PAIRS)
    assert {revision.adapter for revision in revisions} == {adapter.digest}
    assert Outcome.UNCHANGED not in {revision.outcome for revision in revisions}
    assert {revision.outcome for revision in CoachReviser(bundle).revise(PAIRS)} == {Outcome.UNCHANGED}


def test_what_it_was_trained_on_keeps_its_original(base: Path, bundle: Bundle, tmp_path: Path) -> None:
    known = content_hash(PAIRS[3].instruction) + "\n"
    folder = save_coach_adapter(base, bundle, tmp_path / "adapter", hashes=known)
    engine = build_reviser(load_settings(engine="coach", model=str(base), adapter=str(folder)))
    assert engine is not None
    revisions = engine.revise(PAIRS)
    assert [place for place, each in enumerate(revisions) if each.outcome is Outcome.LEAK_GUARD] == [3]
    assert revisions[3].revised == PAIRS[3]


def weights_of(folder: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    tensors = dict(load_file(folder / WEIGHTS))
    change(tensors)
    save_file(tensors, folder / WEIGHTS)


def config_of(folder: Path, *, name: str = "adapter_config.json", **fields: Any) -> None:
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def first(tensors: dict[str, np.ndarray]) -> str:
    return min(name for name in tensors if "lora_B" in name)


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "another base": (
        lambda folder: (folder / MANIFEST).write_text('{"base": "0123456789abcdef", "limits": {}}'),
        "was tuned on another coach, 0123456789ab, than",
    ),
    "a language model's": (lambda folder: (folder / MANIFEST).unlink(), "not one of the coach's"),
    "pickled": (
        lambda folder: (folder / WEIGHTS).rename(folder / "adapter_model.bin"),
        "is pickled and could run code",
    ),
    "cut short": (lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-9]), "is broken"),
    "no limits": (
        lambda folder: (folder / MANIFEST).write_text((folder / MANIFEST).read_text().replace("limits", "x")),
        "can't be merged",
    ),
    "no JSON": (lambda folder: (folder / MANIFEST).write_text("limits"), f"{MANIFEST} can't be read"),
    "a matrix missing": (lambda folder: weights_of(folder, lambda t: t.pop(first(t))), "matrices is missing"),
    "another shape": (
        lambda folder: weights_of(folder, lambda t: t.update({first(t): np.ones((3, 4), np.float32)})),
        r"is \(.*\) in the coach, its matrices are",
    ),
    "not a number": (
        lambda folder: weights_of(folder, lambda t: t.update({first(t): t[first(t)] * np.float32("nan")})),
        "would become NaN",
    ),
    "an embedding": (
        lambda folder: weights_of(folder, lambda t: t.update({"base_model.model.bert.x.weight": t[first(t)]})),
        "not a matrix of a linear layer",
    ),
    "DoRA": (lambda folder: config_of(folder, use_dora=True), "only plain LoRA is merged"),
    "own ranks": (lambda folder: config_of(folder, rank_pattern={"query": 8}), "only plain LoRA is merged"),
    "IA3": (lambda folder: config_of(folder, peft_type="IA3"), "only LORA adapters"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_what_does_not_fit_is_refused(bundle: Bundle, folder: Path, case: str) -> None:
    spoil, says = SPOILT[case]
    spoil(folder)
    with pytest.raises(ModelError, match=says):
        with_adapter(bundle, read_adapter(folder))


@pytest.fixture
def whole(base: Path, bundle: Bundle, tmp_path: Path) -> Path:
    """The coach with an adapter shipped beside it."""
    folder = Path(shutil.copytree(base, tmp_path / "whole"))
    known = content_hash(PAIRS[3].instruction) + "\n"
    ship(save_coach_adapter(base, bundle, tmp_path / "trained", hashes=known), folder, Limits(SURE, {}))
    return folder


def test_an_adapter_shipped_with_the_base_is_the_coach(whole: Path, bundle: Bundle, tmp_path: Path) -> None:
    found, trained = read_bundle(whole), with_adapter(bundle, read_adapter(tmp_path / "trained"))
    assert read_base(whole).digest == bundle.digest
    assert found.digest == adapter_digest(whole / ADAPTER)
    assert found.limits == Limits(SURE, {})
    assert all(np.array_equal(found.network.weights[name], array) for name, array in trained.network.weights.items())
    engine = build_reviser(load_settings(engine="coach", model=str(whole)))
    assert engine is not None
    revisions = engine.revise(PAIRS)
    assert {each.adapter for each in revisions} == {found.digest}
    assert Outcome.LEAK_GUARD not in {each.outcome for each in revisions}  # it learned nobody's revisions


def test_peoples_adapters_are_tuned_on_and_merged_into_the_coach_as_shipped(
    whole: Path, bundle: Bundle, folder: Path, tmp_path: Path
) -> None:
    coach = read_bundle(whole)
    with pytest.raises(ModelError, match="another coach"):
        build_coach(load_settings(model=str(whole)))(folder)  # of the bare base
    own = read_adapter(save_coach_adapter(whole, coach, tmp_path / "own", seed=2))
    adapted = with_adapter(coach, own).network.weights
    alone = with_adapter(bundle, read_adapter(save_coach_adapter(whole, bundle, tmp_path / "alone", seed=2)))
    name = "bert.encoder.layer.0.attention.self.query.weight"
    shipped, held = (coach.network.weights[name], bundle.network.weights[name])
    assert not np.array_equal(shipped, held)
    assert np.allclose(adapted[name] - shipped, alone.network.weights[name] - held, atol=1e-5)
    assert build_coach(load_settings(model=str(whole)))(own.folder).adapter == own.digest


SHIPPED_SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "altered": (lambda folder: config_of(folder / ADAPTER, lora_alpha=64), "digest mismatch"),
    "gone": (lambda folder: shutil.rmtree(folder / ADAPTER), "digest mismatch"),
    "a pickle beside it": (lambda folder: (folder / ADAPTER / "adapter_model.bin").touch(), "digest mismatch"),
    "its base's limits altered": (
        lambda folder: (folder / MANIFEST).write_text((folder / MANIFEST).read_text().replace("{}", '{"typo": 0.5}')),
        "another coach",
    ),
    "pickled from the start": (
        lambda folder: (
            SPOILT["pickled"][0](folder / ADAPTER),
            config_of(folder, name=MANIFEST, adapter=adapter_digest(folder / ADAPTER)),
        ),
        "is pickled",
    ),
}


@pytest.mark.parametrize("case", SHIPPED_SPOILT)
def test_a_shipped_adapter_that_was_changed_is_refused(whole: Path, case: str) -> None:
    spoil, says = SHIPPED_SPOILT[case]
    spoil(whole)
    with pytest.raises(ModelError, match=rf"{says}.*COACHLM_ENGINE=rules"):
        read_bundle(whole)


@pytest.mark.slow
def test_the_package_ships_a_base_and_an_adapter_that_peft_merges_alike() -> None:
    found, there = read_bundle(), BertForMaskedLM.from_pretrained(BUNDLE, dtype=torch.float32)
    assert found.digest == read_adapter(BUNDLE / ADAPTER).digest != read_base(BUNDLE).digest
    weights = PeftModel.from_pretrained(there, BUNDLE / ADAPTER).merge_and_unload().state_dict()
    assert all(np.abs(array - weights[name].numpy()).max() < 1e-5 for name, array in found.network.weights.items())


def test_another_coach_refuses_it(folder: Path, tmp_path: Path) -> None:
    other = save_tiny_coach(tmp_path / "other", seed=5)
    with pytest.raises(ModelError, match="another coach"):
        build_coach(load_settings(model=str(other)))(folder)


def test_the_bundled_coach_takes_the_place_of_a_model_that_is_none(folder: Path, model_folder: Path) -> None:
    """COACHLM_MODEL may name a language model for other engines."""
    assert build_coach(load_settings(model=str(model_folder)))(None).adapter == read_bundle().digest
    with pytest.raises(ModelError, match="another coach"):
        build_coach(load_settings(model=str(model_folder)))(folder)


@pytest.mark.slow
def test_it_follows_the_registry(base: Path, bundle: Bundle, tmp_path: Path, database_url: str) -> None:
    database = open_database(database_url)
    registry, shelf = DatabaseAdapterRegistry(database), AdapterArtifacts(str(tmp_path / "shelf"), tmp_path / "cache")
    digests: list[str] = []
    for seed in (1, 2, 3, 4):
        folder = save_coach_adapter(base, bundle, tmp_path / str(seed), seed=seed)
        if seed == 3:  # another base's
            (folder / MANIFEST).write_text((folder / MANIFEST).read_text().replace(bundle.digest, "f" * 64))
        digests.append(read_adapter(folder).digest)
        registry.register(AdapterRecord(digests[-1], str(base), bundle.digest, shelf.publish(folder)), "test")
        registry.record_gate(digests[-1], {"reason": "test"}, passed=True)
    altered = tmp_path / "shelf" / digests[3]
    weights_of(altered, lambda tensors: tensors.update({first(tensors): tensors[first(tensors)] * 2}))
    settings = load_settings(
        engine="coach",
        model=str(base),
        adapter="registry",
        adapters_url=str(tmp_path / "shelf"),
        adapters_cache=str(tmp_path / "worker"),
        registry_poll_seconds=0,
    )
    engine = build_engine(settings, database)
    assert engine is not None

    def stamps() -> set[str | None]:
        revisions = engine.revise(PAIRS)
        assert [revision.pair_id for revision in revisions] == [pair.id for pair in PAIRS]
        return {revision.adapter for revision in revisions}

    assert stamps() == {bundle.digest}
    assert engine.adapter == bundle.digest
    registry.promote(digests[0], "olga")
    assert stamps() == {digests[0]}
    registry.start_canary(digests[1], 0.5, "olga")
    assert stamps() == set(digests[:2])
    share = {each.pair_id for each in engine.revise(PAIRS) if each.adapter == digests[1]}
    assert share == {each.pair_id for each in engine.revise(PAIRS[::-1]) if each.adapter == digests[1]}
    registry.roll_back("olga")
    for refused in digests[2:]:  # what worked goes on
        registry.promote(refused, "olga")
        assert stamps() == {digests[0]}
    engine.close()
    database.close()
