"""A LoRA adapter folder: its checks before any weight is read, its content digest, what it was trained on."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from coachlm.coaching.model_facts import adapter_digest
from coachlm.coaching.prompting import PAPER, PROMPT_FILE, Prompting, read_prompting
from coachlm.errors import ModelError

WEIGHTS = "adapter_model.safetensors"
TRAINING_INSTRUCTIONS = "training_instructions.txt"
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_HASH_LENGTH = 32
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Adapter:
    """A checked adapter folder."""

    folder: Path
    digest: str  # sha256 over its files, hex
    base: str | None  # what it says it was trained on: a hub id or a folder
    training_instructions: frozenset[str]  # `content_hash` of each instruction it was trained on
    shapes: dict[str, tuple[int, ...]]  # of each tensor
    prompting: Prompting = PAPER  # how it was asked while it was trained


def read_adapter(folder: Path) -> Adapter:
    """Raises: ModelError, naming the file and the remedy."""
    if not folder.is_dir():
        raise ModelError(f"adapter {folder}: no such folder; COACHLM_ADAPTER takes the folder that training wrote")
    config = _config(folder)
    if str(config.get("peft_type", "")).upper() != "LORA":
        raise ModelError(f"adapter {folder}: peft_type is {config.get('peft_type')!r}; only LORA adapters are served")
    return Adapter(
        folder=folder,
        digest=adapter_digest(folder),
        base=config.get("base_model_name_or_path") or None,
        training_instructions=training_instructions(folder),
        shapes=_shapes(folder),
        prompting=recorded_prompting(folder),
    )


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "adapter_config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"adapter {folder}: adapter_config.json is missing; save it with save_pretrained") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"adapter {folder}: adapter_config.json can't be read: {error}") from error
    if not isinstance(config, dict):
        raise ModelError(f"adapter {folder}: adapter_config.json is not a JSON object; save it with save_pretrained")
    return config


def _shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    path = folder / WEIGHTS
    if not path.is_file():
        refuse_pickles(folder, "save the adapter with safe_serialization")
        raise ModelError(f"adapter {folder}: {WEIGHTS} is missing; save the adapter with save_pretrained")
    try:
        with safe_open(path, framework="np") as tensors:
            return {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModelError(f"adapter {folder}: {WEIGHTS} is broken: {error}; copy or train it again") from error


def recorded_prompting(folder: Path) -> Prompting:
    """Raises: ModelError, where the folder's file of it can't be read."""
    try:
        return read_prompting(folder)
    except (OSError, ValueError) as error:
        raise ModelError(f"adapter {folder}: {PROMPT_FILE} can't be read: {error}; train it again") from error


def refuse_pickles(folder: Path, remedy: str) -> None:
    """Raises: ModelError, when the folder holds pickled weights: loading them could run anything."""
    pickled = sorted(path.name for pattern in _PICKLED for path in folder.glob(pattern))
    if pickled:
        raise ModelError(
            f"{folder}: {pickled[0]} is pickled and could run code when loaded; {remedy} (.safetensors) and remove it"
        )


def training_instructions(folder: Path) -> frozenset[str]:
    """Hashes from `training_instructions.txt` (one a line) or `training_instructions.json` (a list); else none."""
    text, listed = folder / TRAINING_INSTRUCTIONS, folder / "training_instructions.json"
    try:
        if text.is_file():
            hashes = text.read_text(encoding="ascii").split()
        elif listed.is_file():
            hashes = json.loads(listed.read_text(encoding="ascii"))
        else:
            log.info("adapter %s names no training instructions: the leak guard has nothing to check", folder)
            return frozenset()
    except (OSError, ValueError) as error:
        raise ModelError(f"adapter {folder}: its training instructions can't be read: {error}") from error
    if not isinstance(hashes, list) or not all(_is_hash(value) for value in hashes):
        raise ModelError(
            f"adapter {folder}: its training instructions must be a list of {_HASH_LENGTH}-digit content hashes"
        )
    return frozenset(hashes)


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and len(value) == _HASH_LENGTH and set(value) <= set("0123456789abcdef")
