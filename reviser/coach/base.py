"""A coach's base: its files are checked against the digests that they were shipped with before any weight is read."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from coachlm.errors import ModelError
from reviser.coach.choosing import Limits
from reviser.coach.lexicon import Lexicon
from reviser.coach.network import Network, Shape
from reviser.coach.tagger import EditKind

WEIGHTS, WORDS, CONFIG, MANIFEST = "model.safetensors", "words.txt", "config.json", "coach.json"
REMEDY = "install the package again, or take COACHLM_ENGINE=rules"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A checked coach."""

    network: Network
    lexicon: Lexicon
    limits: Limits
    digest: str  # sha256 over the files' digests and the limits, hex; an adapter's own where one is merged in
    config: Mapping[str, Any]  # of transformers' `BertForMaskedLM`


def read_manifest(folder: Path) -> dict[str, Any]:
    """Raises: ModelError."""
    return _json(_bytes(folder, MANIFEST), folder / MANIFEST)


def read_base(folder: Path) -> Bundle:
    """The coach without the adapter that is shipped with it. Raises: ModelError, naming the file and the remedy."""
    manifest = read_manifest(folder)
    files = {name: _bytes(folder, name) for name in (WEIGHTS, WORDS, CONFIG)}
    digests = manifest.get("sha256")
    digests = digests if isinstance(digests, dict) else {}
    for name, content in files.items():
        if digests.get(name) != hashlib.sha256(content).hexdigest():
            raise ModelError(f"coach {folder}: {name} is not the file that was shipped (digest mismatch); {REMEDY}")
    try:
        limits = read_limits(manifest)
        lexicon = Lexicon.parse(files[WORDS].decode("utf-8"))
        config = _json(files[CONFIG], folder / CONFIG)
        network = _network(load(files[WEIGHTS]), config, len(lexicon))
    except (KeyError, ValueError, TypeError, AttributeError, SafetensorError) as error:
        raise ModelError(f"coach {folder}: its files don't fit together: {error!r}; {REMEDY}") from error
    return Bundle(network, lexicon, limits, stamp(digests, limits), config)


def stamp(digests: Mapping[str, str], limits: Limits) -> str:
    """The digest under which a coach's revisions are kept."""
    written = json.dumps([digests, limits.first, limits.further], sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()


def read_limits(manifest: Mapping[str, Any]) -> Limits:
    """Raises: KeyError, ValueError, TypeError or AttributeError, where there are none."""
    return Limits(*(_levels(manifest["limits"][name]) for name in ("first", "further")))


def _levels(found: Mapping[str, float]) -> dict[EditKind, float]:
    return {EditKind(kind): float(level) for kind, level in found.items()}


def _network(weights: Mapping[str, np.ndarray], config: Mapping[str, Any], rows: int) -> Network:
    shape = Shape(config["num_hidden_layers"], config["num_attention_heads"], config["max_position_embeddings"])
    network = Network(weights, shape)
    if network.rows.shape != (rows, config["hidden_size"]):
        raise ValueError(f"{network.rows.shape[0]} rows for {rows} words and tags")
    return network


def _bytes(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise ModelError(f"coach {folder}: {name} can't be read: {error.strerror or error}; {REMEDY}") from error


def _json(content: bytes, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError as error:
        raise ModelError(f"coach {path.parent}: {path.name} is broken: {error}; {REMEDY}") from error
    if not isinstance(found, dict):
        raise ModelError(f"coach {path.parent}: {path.name} is not a JSON object; {REMEDY}")
    return found
