"""Writing a whole model: weights, configuration and tokeniser in a folder that appears whole or not at all."""

import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from coachlm.errors import TrainingError
from coachlm.machine.files import scratch_folder


def publish_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Replaces what an earlier attempt left. Raises: TrainingError."""
    try:
        with scratch_folder(folder.with_name(f".{folder.name}.partial")) as partial:
            model.config.use_cache = True
            model.save_pretrained(partial, safe_serialization=True)
            tokenizer.save_pretrained(partial)
            shutil.rmtree(folder, ignore_errors=True)
            partial.replace(folder)
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{folder}: the model can't be written: {error}; make room and run again") from error
