"""A converted model's folder: what it was made of, so that an engine can check it, and its tokeniser."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from coachlm.coaching.model_facts import gguf_remedy
from coachlm.coaching.prompting import PAPER, ChatFrame, Prompting
from coachlm.errors import ModelError
from coachlm.machine import extras
from reviser.models.adapter import TRAINING_INSTRUCTIONS, recorded_prompting, training_instructions

MANIFEST = "coachlm_model.json"
MODEL = "openvino_model.xml"
WEIGHTS = "openvino_model.bin"
TOKENIZER = "tokenizer.json"
_FORMAT = 1

NumberFormat = Literal["float32", "int8"]


@dataclass(frozen=True, slots=True)
class CacheShape:
    """What one token keeps while its sequence is under way, over all layers."""

    vectors: int  # keys and values of all heads
    values: int  # numbers in them

    def token_bytes(self, bits: int) -> int:
        """8 bits keep a scale and a zero point a vector, at most 16 bytes with what groups of keys share."""
        return self.values * bits // 8 + (16 * self.vectors if bits == 8 else 0)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is written beside a converted model."""

    base: str  # folder or hub id
    base_revision: str | None
    base_digest: str | None  # as in the adapter registry
    adapter: str | None  # digest of the one that is merged in
    numbers: NumberFormat  # of the weights
    context_tokens: int
    vocabulary: int
    eos_ids: tuple[int, ...]
    cache: CacheShape
    weights_bytes: int
    probe_error: float  # how far its log likelihoods were from the original's on a coach prompt, on average
    versions: dict[str, str] = field(default_factory=dict)  # of the packages that made it
    chat_frame: ChatFrame | None = None  # of the base's chat template


@dataclass(frozen=True, slots=True)
class ConvertedModel:
    """A checked folder. Implements `reviser.pairs.jobs.TextTokens`."""

    folder: Path
    manifest: Manifest
    tokenizer: Any  # of the package `tokenizers`
    training_instructions: frozenset[str]  # see `Adapter`
    prompting: Prompting = PAPER  # of the adapter that is merged in

    @property
    def frame(self) -> ChatFrame | None:
        return self.manifest.chat_frame

    @property
    def context_tokens(self) -> int:
        return self.manifest.context_tokens

    @property
    def eos_ids(self) -> tuple[int, ...]:
        return self.manifest.eos_ids

    def encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text).ids

    def encode_plain(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True)


def read_tokenizer(path: Path) -> Any:
    """A `tokenizers.Tokenizer`. Raises: ModelError."""
    if problem := extras.OPENVINO.lack("the openvino engine needs", "tokenizers"):
        raise ModelError(problem)
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the Rust side raises plain Exception
        raise ModelError(f"{path} can't be read: {error}; convert the model again") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def write_manifest(folder: Path, manifest: Manifest) -> None:
    text = json.dumps({"format": _FORMAT, **asdict(manifest)}, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(f"{text}\n", encoding="utf-8")


def read_converted(folder: Path) -> ConvertedModel:
    """Raises: ModelError, naming the file and the remedy."""
    if remedy := gguf_remedy(str(folder)):
        raise ModelError(f"{remedy}; then `coachlm convert FOLDER OUTPUT` for the openvino engine")
    if not folder.is_dir():
        raise ModelError(f"model {folder}: no such folder; `coachlm convert MODEL {folder}` makes one")
    manifest = _manifest(folder)
    for name in (MODEL, WEIGHTS, TOKENIZER, *([TRAINING_INSTRUCTIONS] if manifest.adapter else [])):
        if not (folder / name).is_file():
            raise ModelError(f"model {folder}: {name} is missing; convert the model again")
    found = (folder / WEIGHTS).stat().st_size
    if found != manifest.weights_bytes:
        raise ModelError(
            f"model {folder}: {WEIGHTS} has {found:,} bytes and not {manifest.weights_bytes:,}: it was cut short or "
            "altered; convert the model again"
        )
    leaked = training_instructions(folder) if manifest.adapter else frozenset[str]()
    prompting = recorded_prompting(folder) if manifest.adapter else PAPER
    return ConvertedModel(folder, manifest, read_tokenizer(folder / TOKENIZER), leaked, prompting)


def _manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"model {folder} is not a converted one ({MANIFEST} is missing): run `coachlm convert {folder} OUTPUT` and "
            "give COACHLM_MODEL the output"
        ) from None
    except (OSError, ValueError) as error:
        raise ModelError(f"model {folder}: {MANIFEST} can't be read: {error}; convert the model again") from error
    try:
        if values.pop("format") != _FORMAT:
            raise ValueError("it is of another version of CoachLM")
        values["eos_ids"] = tuple(values["eos_ids"])
        values["cache"] = CacheShape(**values["cache"])
        frame = values.get("chat_frame")
        values["chat_frame"] = None if frame is None else ChatFrame(**frame)
        return Manifest(**values)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"model {folder}: {MANIFEST} is not usable: {error}; convert the model again") from error


def partial_folder(target: Path, process_id: int | None) -> Path:
    """Where a process writes before all is there."""
    return target.with_name(f".{target.name}.{process_id}")
