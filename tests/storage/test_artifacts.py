"""Published adapter folders: what comes back is what went out, or nothing."""

from pathlib import Path

import pytest

from coachlm.coaching.model_facts import adapter_digest
from coachlm.errors import StoreError
from storage.adapters.artifacts import AdapterArtifacts


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    (folder / "deep").mkdir(parents=True)
    (folder / "adapter_config.json").write_text("{}")
    (folder / "deep" / "adapter_model.safetensors").write_bytes(b"\x00" * 1000)
    return folder


@pytest.fixture(params=["folder", "url", "memory"])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> AdapterArtifacts:
    shared = tmp_path / "shared"
    roots = {"folder": str(shared), "url": f"file://{shared}/", "memory": f"memory://{tmp_path.name}"}
    return AdapterArtifacts(roots[request.param], tmp_path / "cache")


def test_a_folder_comes_back_as_it_was_published(artifacts: AdapterArtifacts, adapter: Path, tmp_path: Path):
    url = artifacts.publish(adapter)
    assert artifacts.publish(adapter) == url
    elsewhere = AdapterArtifacts("unused", tmp_path / "another cache")
    folder = elsewhere.fetch(url, adapter_digest(adapter))
    assert adapter_digest(folder) == adapter_digest(adapter)
    assert elsewhere.fetch(url, adapter_digest(adapter)) == folder
    assert [path.name for path in (tmp_path / "another cache").iterdir()] == [adapter_digest(adapter)]


@pytest.mark.parametrize("harm", ["altered", "cut", "added", "gone"])
def test_an_altered_folder_is_never_given_out(tmp_path: Path, adapter: Path, harm: str):
    artifacts = AdapterArtifacts(str(tmp_path / "shared"), tmp_path / "cache")
    digest = adapter_digest(adapter)
    url = artifacts.publish(adapter)
    weights = Path(url) / "deep" / "adapter_model.safetensors"
    match harm:
        case "altered":
            weights.write_bytes(b"\x01" * 1000)
        case "cut":
            weights.write_bytes(b"\x00" * 999)
        case "added":
            weights.with_name("extra.bin").write_bytes(b"")
        case "gone":
            for path in (weights, Path(url) / "adapter_config.json"):
                path.unlink()
    fresh = AdapterArtifacts("unused", tmp_path / "another cache")
    with pytest.raises(StoreError, match=r"altered or cut short|can't be fetched"):
        fresh.fetch(url, digest)
    assert not (tmp_path / "another cache" / digest).exists()


def test_an_altered_copy_in_the_cache_is_fetched_anew(tmp_path: Path, adapter: Path):
    artifacts = AdapterArtifacts(str(tmp_path / "shared"), tmp_path / "cache")
    digest = adapter_digest(adapter)
    url = artifacts.publish(adapter)
    kept = artifacts.fetch(url, digest)
    (kept / "adapter_config.json").write_text('{"evil": 1}')
    assert adapter_digest(artifacts.fetch(url, digest)) == digest


def test_a_place_that_is_no_file_system_is_named_without_its_password(tmp_path: Path, adapter: Path):
    artifacts = AdapterArtifacts("nothing://user:hunter2@host/adapters", tmp_path)
    with pytest.raises(StoreError, match="nothing://host") as caught:
        artifacts.publish(adapter)
    assert "hunter2" not in str(caught.value)
