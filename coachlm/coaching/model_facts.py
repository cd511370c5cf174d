"""What whoever tunes a coach and whoever runs it must see alike in a model and an adapter; loads neither."""

import hashlib
from pathlib import Path
from typing import Any

_DEFAULT_CONTEXT_TOKENS = 2048
_MODEL_SUFFIXES = frozenset({".safetensors", ".json", ".model", ".txt", ".jinja"})


def adapter_digest(folder: Path) -> str:
    """sha256 over the names, sizes and bytes of the folder's files in the order of their names, hex."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def base_digest(name: str, model: Any) -> str | None:
    """What a base is by content: `sha256:…` over a folder's weights, tokeniser and configuration, or `commit:…` of the
    hub; None where the hub named no commit."""
    folder = Path(name)
    if not folder.is_dir():
        commit = getattr(model.config, "_commit_hash", None)
        return f"commit:{commit}" if commit else None
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.suffix in _MODEL_SUFFIXES and path.is_file()):
        with path.open("rb") as file:
            digest.update(path.name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
    return f"sha256:{digest.hexdigest()}"


def context_tokens(model: Any) -> int:
    """How many tokens a prompt and its answer may have together in a transformers model."""
    config = model.config.get_text_config()
    for field in ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length"):
        value = getattr(config, field, None)
        if isinstance(value, int) and value > 0:
            return value
    return _DEFAULT_CONTEXT_TOKENS


def eos_ids(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """The tokens that end an output, the tokeniser's own first; empty where there is none."""
    configured = model.generation_config.eos_token_id
    ids = configured if isinstance(configured, list) else [configured]
    return tuple(dict.fromkeys(i for i in [tokenizer.eos_token_id, *ids] if i is not None))
