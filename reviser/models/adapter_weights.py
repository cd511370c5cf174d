"""A model's weights under several adapters: each merged from the golden ones, switched between forwards.

A set holds only what its adapter changes. Switching points the model's parameters to other tensors and copies nothing;
the golden tensors are never written to, so no number of swaps makes them drift.
"""

import copy
from typing import Any

import torch
from peft import PeftModel

from coachlm.errors import ModelError
from reviser.models.adapter import Adapter
from reviser.models.model_loading import LoadedModel, check_base, first_line


class AdapterWeights:
    """Golden weights and one merged set an adapter. Not for several threads."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._parameters: dict[str, torch.nn.Parameter] = dict(loaded.model.named_parameters())
        self._golden = {name: parameter.data for name, parameter in self._parameters.items()}
        self._sets: dict[str | None, dict[str, torch.Tensor]] = {None: {}}
        self._active: str | None = None

    @property
    def nbytes(self) -> int:
        """What the sets take beside the golden weights."""
        return sum(tensor.nbytes for each in self._sets.values() for tensor in each.values())

    def add(self, adapter: Adapter) -> None:
        """Merge an adapter; the active weights stay as they are. Raises: ModelError, nothing has changed then."""
        check_base(self._loaded.model, self._loaded.name, adapter)
        try:
            merged = self._merged(adapter)
        except Exception as error:  # PEFT raises nearly anything
            raise ModelError(f"adapter {adapter.folder} can't be merged: {first_line(error)}") from error
        if odd := [name for name, tensor in merged.items() if not self._fits(name, tensor)]:
            raise ModelError(
                f"adapter {adapter.folder} adds or resizes {odd[0]}; serve it alone: COACHLM_ADAPTER=its folder"
            )
        self._sets[adapter.digest] = {
            name: tensor for name, tensor in merged.items() if tensor.data_ptr() != self._golden[name].data_ptr()
        }

    def switch(self, digest: str | None) -> None:
        """Let the model compute with an adapter that was added; None: with the golden weights."""
        if digest == self._active:
            return
        wanted = self._sets[digest]
        for name in {**self._sets.get(self._active, {}), **wanted}:
            self._parameters[name].data = wanted.get(name, self._golden[name])
        self._active = digest

    def drop(self, digest: str) -> None:
        if self._active == digest:
            self.switch(None)
        self._sets.pop(digest, None)

    def _merged(self, adapter: Adapter) -> dict[str, torch.Tensor]:
        """All parameters after PEFT merged the adapter into a copy of the modules that shares the golden tensors."""
        if _bias(adapter):
            raise ValueError("it trains biases, which PEFT would write over the base's")
        shared: dict[int, Any] = {
            id(parameter): torch.nn.Parameter(self._golden[name], requires_grad=False)
            for name, parameter in self._parameters.items()
        }
        shared |= {id(buffer): buffer for buffer in self._loaded.model.buffers()}
        skeleton = copy.deepcopy(self._loaded.model, shared)
        # Safe merging checks for NaN, and adds to a copy: what is shared stays.
        merged = PeftModel.from_pretrained(skeleton, str(adapter.folder)).merge_and_unload(safe_merge=True)
        return {name: parameter.data for name, parameter in merged.named_parameters()}

    def _fits(self, name: str, tensor: torch.Tensor) -> bool:
        return name in self._golden and tensor.shape == self._golden[name].shape


def _bias(adapter: Adapter) -> bool:
    return any(name.endswith(".bias") for name in adapter.shapes)
