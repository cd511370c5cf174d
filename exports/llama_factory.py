"""`dataset_info.json`, by which LLaMA-Factory finds the files of an export and reads them.

Source: LLaMA-Factory, data/README.md and its converters.
"""

import json
from pathlib import Path
from typing import Any

from exports.choices.export_formats import ExportFormat
from exports.choices.splits import TRAIN
from exports.manifest import Manifest

INFO_NAME = "dataset_info.json"
NAME = "coachlm"
_CHAT = {"messages": "conversations", "system": "system", "tools": "tools"}
_SHAPES: dict[str, dict[str, Any]] = {
    ExportFormat.ALPACA: {"columns": {"prompt": "instruction", "query": "input", "response": "output"}},
    ExportFormat.JSONL: {"columns": {"prompt": "instruction", "query": "input", "response": "output"}},
    ExportFormat.SHAREGPT: {"formatting": "sharegpt", "columns": _CHAT},
    ExportFormat.SHAREGPT_DPO: {
        "formatting": "sharegpt",
        "ranking": True,
        "columns": {**_CHAT, "chosen": "chosen", "rejected": "rejected"},
    },
    ExportFormat.SHAREGPT_KTO: {"formatting": "sharegpt", "columns": {**_CHAT, "kto_tag": "kto_tag"}},
}


def render_info(manifest: Manifest) -> str | None:
    """The file's text; None, where LLaMA-Factory doesn't read the format as it is."""
    shape = _SHAPES.get(manifest.format)
    if shape is None:
        return None
    entries = {_entry(file.split): {"file_name": file.name, **shape} for file in manifest.files}
    return json.dumps(entries, indent=2) + "\n"


def is_ours(path: Path) -> bool:
    """Whether the file names data sets of an export and no others."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and all(name == NAME or name.startswith(f"{NAME}_") for name in found)


def _entry(split: str | None) -> str:
    return NAME if split in (None, TRAIN) else f"{NAME}_{split}"
