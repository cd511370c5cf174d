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


def is_gguf(name: str) -> bool:
    """Whether a path is a file in llama.cpp's format."""
    path = Path(name)
    try:
        with path.open("rb") as file:
            return file.read(4) == b"GGUF"
    except OSError:
        return path.suffix.lower() == ".gguf" and path.exists()


def gguf_remedy(name: str) -> str | None:
    """What to do with a GGUF file, or a folder of nothing else, where a transformers folder is wanted; None for
    anything else."""
    file, folder = Path(name), Path(name)
    if folder.is_dir():
        found = [] if (folder / "config.json").exists() else sorted(folder.glob("*.gguf"))
        if not found:
            return None
        file = found[0]
    elif not is_gguf(name):
        return None
    return f"{file} is a GGUF file, which can't be used as it is: `coachlm convert {file} FOLDER`, and give that folder"


def context_tokens(model: Any) -> int:
    """How many tokens a prompt and its answer may have together in a transformers model."""
    config = model.config.get_text_config()
    for field in ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length"):
        value = getattr(config, field, None)
        if isinstance(value, int) and value > 0:
            return value
    return _DEFAULT_CONTEXT_TOKENS


def eos_ids(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """The tokens that end an output; empty where there is none.

    The tokeniser's own comes first, unless the generation configuration knows others alone: then that is believed, see
    `lost_end`.
    """
    own, configured = tokenizer.eos_token_id, _configured_ends(model)
    first, then = ([own], configured) if own in configured or not configured else (configured, [own])
    return tuple(dict.fromkeys(i for i in [*first, *then] if i is not None))


def lost_end(model: Any, tokenizer: Any) -> str | None:
    """What is wrong where tokeniser and generation configuration name different ends: a conversion lost one, most often
    (of GGUF files, for one), and a coach that was tuned on it would learn to end with the wrong token."""
    own, configured = tokenizer.eos_token_id, _configured_ends(model)
    if own is None or not configured or own in configured:
        return None
    theirs, ours = (tokenizer.convert_ids_to_tokens(i) for i in (configured[0], own))
    return (
        f"its tokeniser ends texts with {ours!r} and its generation configuration with {theirs!r}; if that is right, "
        f"set eos_token to {theirs!r} in tokenizer_config.json, else eos_token_id in generation_config.json"
    )


def _configured_ends(model: Any) -> list[int]:
    configured = model.generation_config.eos_token_id
    return [i for i in (configured if isinstance(configured, list) else [configured]) if i is not None]
