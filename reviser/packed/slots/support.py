"""What the packed engine can't do, found out before any request depends on it."""

import inspect
from typing import Any

from coachlm.errors import ModelError

_ROPES = ("dynamic", "longrope")  # their angles depend on the longest position of a forward, which here mixes sequences


class UnsupportedModel(ModelError):  # noqa: N818  # what it is about, not how it ends
    """The model needs something else than causal attention over slots; plain `generate` takes it."""


def check_config(model: Any, slot_tokens: int) -> None:
    """Raises: UnsupportedModel, for what the configuration gives away."""
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ())
    window = getattr(config, "sliding_window", None)
    if kinds - {"full_attention"} and not (kinds == {"sliding_attention"} and window and window >= slot_tokens):
        raise UnsupportedModel(f"{_name(model)} has layers of {', '.join(sorted(kinds))}")
    if ropes := sorted(_rope_types(config) & set(_ROPES)):
        raise UnsupportedModel(f"{_name(model)} has {', '.join(ropes)} rotary positions")
    if "logits_to_keep" not in inspect.signature(model.forward).parameters:
        raise UnsupportedModel(f"{_name(model)} can't restrict its logits to some positions")


def _rope_types(config: Any) -> set[str]:
    parameters = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    nested = [value for value in parameters.values() if isinstance(value, dict)]  # per kind of layer
    return {str(group.get("rope_type") or group.get("type")) for group in [parameters, *nested]}


def _name(model: Any) -> str:
    return type(model).__name__
