"""Whether a converted model is the one that the settings or the registry mean."""

from pathlib import Path

from coachlm.coaching.adapters import AdapterRecord
from coachlm.errors import ModelError
from reviser.models.adapter import read_adapter
from reviser.openvino.folder import ConvertedModel


def check_adapter(model: ConvertedModel, folder: Path | None) -> None:
    """A named adapter must be the one that is merged in; where none is named, the model's own will do.

    Raises: ModelError.
    """
    if folder is None:
        return
    named, merged = read_adapter(folder).digest, model.manifest.adapter
    if named != merged:
        raise ModelError(
            f"model {model.folder} was converted {_with(merged)}, and COACHLM_ADAPTER is {named[:12]}: run `coachlm "
            f"convert {model.manifest.base} OUTPUT --adapter {folder}` and give COACHLM_MODEL the output"
        )


def check_base_alone(model: ConvertedModel) -> None:
    """Raises: ModelError, where an adapter is merged in already."""
    if model.manifest.adapter is not None:
        raise ModelError(
            f"model {model.folder} was converted {_with(model.manifest.adapter)}; COACHLM_ADAPTER=registry needs the "
            f"base alone: coachlm convert {model.manifest.base} OUTPUT"
        )


def check_base_of(record: AdapterRecord, model: ConvertedModel) -> None:
    """Raises: ModelError, where an adapter of the registry is for another base."""
    if record.base_digest != model.manifest.base_digest:
        raise ModelError(
            f"adapter {record.digest[:12]} belongs to {record.base}, and {model.folder} was converted from another "
            f"base, {model.manifest.base}"
        )


def _with(adapter: str | None) -> str:
    return "without an adapter" if adapter is None else f"with adapter {adapter[:12]}"
