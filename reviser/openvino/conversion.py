"""From a transformers model to a folder that the engine `openvino` serves: traced, checked, adapter merged in.

The only place of the engine that needs torch. A folder is there whole or not at all.
"""

# See docs/decisions/0134-own-conversion.md

import logging
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

from coachlm.coaching.model_facts import base_digest
from coachlm.errors import ModelError
from coachlm.machine.files import scratch_folder
from coachlm.pairs import InstructionPair
from coachlm.prompt import coach_prompt
from reviser.models.adapter import TRAINING_INSTRUCTIONS, Adapter
from reviser.models.model_loading import LoadedModel, load_model
from reviser.openvino.compression import compress
from reviser.openvino.folder import (
    MODEL,
    TOKENIZER,
    WEIGHTS,
    ConvertedModel,
    Manifest,
    partial_folder,
    read_converted,
    read_tokenizer,
    write_manifest,
)
from reviser.openvino.graph import cache_layers, cache_shape, trace
from reviser.openvino.probing import check_graph, probe_error
from reviser.openvino.runtime import import_genai, import_openvino
from reviser.packed.slots.support import check_config

_SAMPLES = (
    coach_prompt(InstructionPair("Name 3 fruits.", "", "Äpfel, 梨,  and 🍌 .")),
    " do n't , I 'm here ?\n\n\tx  y\u00a0z",
    "",
)
log = logging.getLogger(__name__)


def convert(
    name: str,
    target: Path,
    *,
    revision: str | None = None,
    trust_remote_code: bool = False,
    adapter: Adapter | None = None,
    int8: bool = False,
) -> ConvertedModel:
    """Write the model of a folder or hub id, with the adapter merged in, as `target`.

    Raises: ModelError, naming what was wrong and the remedy.
    """
    import_genai()  # told before the model is loaded
    if target.exists():
        raise ModelError(f"{target} is there already; give another folder, or remove it")
    loaded = load_model(name, revision=revision, trust_remote_code=trust_remote_code, adapter=adapter, on_cpu=True)
    check_config(loaded.model, loaded.context_tokens)
    try:
        with scratch_folder(partial_folder(target, os.getpid())) as partial:
            partial.mkdir(parents=True)
            _write(loaded, partial, revision, adapter, int8)
            partial.rename(target)
    except OSError as error:
        raise ModelError(f"the converted model can't be written to {target}: {error}; make room") from error
    return read_converted(target)


def _write(loaded: LoadedModel, folder: Path, revision: str | None, adapter: Adapter | None, int8: bool) -> None:
    _write_tokenizer(loaded, folder / TOKENIZER)
    layers = cache_layers(loaded.model)
    graph = trace(loaded.model, layers)
    check_graph(graph, loaded)
    if int8:
        log.info("%d matrices in int8", compress(graph))
    import_openvino().save_model(graph, str(folder / MODEL), compress_to_fp16=False)
    loaded.model.config.save_pretrained(folder)
    loaded.model.generation_config.save_pretrained(folder)
    if adapter is not None:
        hashes = "".join(f"{each}\n" for each in sorted(adapter.training_instructions))
        (folder / TRAINING_INSTRUCTIONS).write_text(hashes, encoding="ascii")
        for name, content in adapter.prompting.files().items():
            (folder / name).write_bytes(content)
    write_manifest(
        folder,
        Manifest(
            base=str(Path(loaded.name).absolute()) if Path(loaded.name).is_dir() else loaded.name,
            base_revision=revision,
            base_digest=base_digest(loaded.name, loaded.model),
            adapter=None if adapter is None else adapter.digest,
            numbers="int8" if int8 else "float32",
            context_tokens=loaded.context_tokens,
            vocabulary=loaded.model.get_input_embeddings().num_embeddings,
            eos_ids=loaded.eos_ids,
            cache=cache_shape(layers),
            weights_bytes=(folder / WEIGHTS).stat().st_size,
            probe_error=probe_error(folder, loaded, int8),
            versions={each: version(each) for each in ("openvino", "openvino-genai", "transformers", "torch")},
            chat_frame=loaded.frame,
        ),
    )


def _write_tokenizer(loaded: LoadedModel, path: Path) -> None:
    """The tokeniser as one file of the `tokenizers` package, if that says the same as transformers does."""
    backend: Any = getattr(loaded.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(
            f"model {loaded.name}: its tokeniser has no fast form (tokenizer.json), which the openvino engine reads; "
            "take COACHLM_ENGINE=packed"
        )
    backend.save(str(path))
    alone = read_tokenizer(path)
    for text in _SAMPLES:
        ids = loaded.encode(text)
        if alone.encode(text).ids != ids or alone.decode(ids, skip_special_tokens=True) != loaded.decode(ids):
            raise ModelError(
                f"model {loaded.name}: without transformers its tokeniser reads or writes {text[:20]!r} otherwise; "
                "take COACHLM_ENGINE=packed"
            )
