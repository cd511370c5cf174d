"""The coach with a LoRA adapter merged into its weights, by numpy alone."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from coachlm.errors import ModelError
from reviser.coach.base import MANIFEST, Bundle, read_limits
from reviser.coach.network import Network
from reviser.models.adapter import WEIGHTS, Adapter

_MATRIX = re.compile(r"base_model\.model\.(?P<layer>.+)\.lora_(?P<side>[AB])\.weight")
_PLAIN = {"use_dora": False, "bias": "none", "fan_in_fan_out": False, "modules_to_save": None}
_PATTERNS = ("rank_pattern", "alpha_pattern", "layer_replication", "trainable_token_indices")


def with_adapter(bundle: Bundle, adapter: Adapter) -> Bundle:
    """The same coach with the adapter's weights and limits, under the adapter's digest; the one given stays as it is.

    Raises: ModelError, naming the file, what doesn't fit and the remedy.
    """
    _check_base(bundle, adapter)
    config, manifest = _json(adapter, "adapter_config.json"), _json(adapter, MANIFEST)
    try:
        limits = read_limits(manifest)
        scale = _scale(config)
        weights = dict(bundle.network.weights)
        for layer, sides in _matrices(load_file(adapter.folder / WEIGHTS)).items():
            weights[f"{layer}.weight"] = _merged(weights, layer, sides, scale)
    except (KeyError, ValueError, TypeError, AttributeError, SafetensorError) as error:
        raise ModelError(
            f"adapter {adapter.folder} can't be merged into the coach: {error}; train it with `coachlm train`"
        ) from error
    return replace(bundle, network=Network(weights, bundle.network.shape), limits=limits, digest=adapter.digest)


def _check_base(bundle: Bundle, adapter: Adapter) -> None:
    """A coach's adapter says itself by digest which coach it was tuned on."""
    if not (adapter.folder / MANIFEST).is_file():
        raise ModelError(
            f"adapter {adapter.folder} is not one of the coach's (it has no {MANIFEST}; it says it was trained on "
            f"{adapter.base or 'nothing'}): take the engine of its base, or train one with `coachlm train --base coach`"
        )
    base = _json(adapter, MANIFEST).get("base")
    if base != bundle.digest:
        raise ModelError(
            f"adapter {adapter.folder} was tuned on another coach, {str(base)[:12]}, than {bundle.digest[:12]}; "
            "train it again with `coachlm train --base coach`, or give COACHLM_MODEL the folder of that coach"
        )


def _scale(config: Mapping[str, Any]) -> float:
    """Source: PEFT's LoRA layers. Raises: ValueError, for what is more than plain LoRA."""
    odd = [name for name, plain in _PLAIN.items() if (config.get(name) or plain) != plain]
    if odd := odd + [name for name in _PATTERNS if config.get(name)]:
        raise ValueError(f"{odd[0]} is {config[odd[0]]!r} in its configuration, and only plain LoRA is merged here")
    rank = config["r"]
    return config["lora_alpha"] / (rank**0.5 if config.get("use_rslora") else rank)


def _matrices(tensors: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Layer → side (A or B) → matrix. Raises: ValueError, for a tensor that is none."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, tensor in tensors.items():
        if (match := _MATRIX.fullmatch(name)) is None:
            raise ValueError(f"{name} is not a matrix of a linear layer")
        found.setdefault(match["layer"], {})[match["side"]] = tensor.astype(np.float32)
    return found


def _merged(weights: Mapping[str, np.ndarray], layer: str, sides: Mapping[str, np.ndarray], scale: float) -> np.ndarray:
    """W + scale · B A. Raises: ValueError."""
    held = weights.get(f"{layer}.weight")
    if held is None or f"{layer}.bias" not in weights or set(sides) != {"A", "B"}:
        raise ValueError(f"{layer} is not a linear layer of the coach, or one of its matrices is missing")
    down, up = sides["A"], sides["B"]
    if down.ndim != 2 or up.ndim != 2 or (*up.shape[:1], *down.shape[1:]) != held.shape or up.shape[1] != len(down):
        raise ValueError(f"{layer} is {held.shape} in the coach, its matrices are {up.shape} and {down.shape}")
    change = np.float32(scale) * (up @ down)
    if not np.isfinite(change).all():
        raise ValueError(f"{layer} would become NaN")
    return held + change


def _json(adapter: Adapter, name: str) -> dict[str, Any]:
    try:
        found = json.loads((adapter.folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"adapter {adapter.folder}: {name} can't be read: {error}; train it again") from error
    if not isinstance(found, dict):
        raise ModelError(f"adapter {adapter.folder}: {name} is not a JSON object; train it again")
    return found
