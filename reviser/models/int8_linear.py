"""Linear layers in int8 on the CPU: a fraction of the time and a quarter of the memory, for a little precision.

A weight has one scale an output, an input one scale a token, so what a token becomes does not depend on which others
are computed with it: whole numbers add up to the same in any order.
"""

import logging
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn

from reviser.models.kernel_norms import use_kernel

log = logging.getLogger(__name__)

_STEPS = 127
_STEPS_WITHOUT_VNNI = 63  # older processors add products of 8 bits in 16 bits, which overflow


@dataclass(frozen=True, slots=True)
class UnitRows:
    """Inputs, each row divided by its largest number's size."""

    unit: torch.Tensor  # (…, I), between -1 and 1
    largest: torch.Tensor  # (…, 1)


class LastInput:
    """Gives layers that get the same tensor one after another (queries, keys, values) the same unit rows."""

    def __init__(self) -> None:
        self._of: torch.Tensor | None = None
        self._rows: UnitRows | None = None

    def rows(self, inputs: torch.Tensor) -> UnitRows:
        if self._rows is None or self._of is not inputs:
            self._rows, self._of = _unit_rows(inputs), inputs
        return self._rows

    def forget(self) -> None:
        """A tensor that is kept is memory that is kept, and could be written to."""
        self._of = self._rows = None


class Int8Linear(nn.Module):
    """Computes what `linear` did, nearly."""

    def __init__(self, linear: nn.Linear, last_input: LastInput | None = None) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self._packed = _pack(linear.weight)
        self._bias = None if linear.bias is None else linear.bias.detach().clone()
        self._steps = _input_steps()
        self._last_input = last_input or LastInput()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """(…, in_features) → (…, out_features)."""
        rows = self._last_input.rows(inputs)
        product = _product(rows.unit, self._packed, self._steps).mul_(rows.largest)
        return product if self._bias is None else product.add_(self._bias)


def quantise(model: Any) -> int:
    """Exchange the model's linear layers, that which makes logits too; gives how many. Its norms go to a kernel.

    Raises: RuntimeError or AttributeError, where this build of torch has no int8 products.
    """
    found = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    last_input = LastInput()
    for name, module in found:
        holder, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(holder), attribute, Int8Linear(module, last_input))
    use_kernel(model)
    model.register_forward_hook(lambda *_: last_input.forget())
    return len(found)


def _unit_rows(inputs: torch.Tensor) -> UnitRows:
    kernel = _kernel()
    if kernel is None or inputs.dtype != torch.float32 or inputs.requires_grad:
        largest = inputs.abs().amax(dim=-1, keepdim=True).clamp_min(1e-12)  # NaN stays NaN
        return UnitRows(inputs / largest, largest)
    rows = inputs.reshape(-1, inputs.shape[-1]).contiguous().numpy()  # (N, I)
    unit, largest = np.empty_like(rows), np.empty((len(rows), 1), np.float32)
    kernel(rows, unit, largest[:, 0])
    shape = inputs.shape
    return UnitRows(torch.from_numpy(unit).view(shape), torch.from_numpy(largest).view(*shape[:-1], 1))


def _pack(weight: torch.Tensor) -> Any:
    weight = weight.detach().float()  # (O, I)
    scales = weight.abs().amax(dim=1).clamp_min(1e-12).double() / _STEPS  # (O,)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it may move to another package one day
        zeros = torch.zeros(len(scales), dtype=torch.int64)
        rounded = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
        return torch.ops.quantized.linear_prepack(rounded, None)


def _product(inputs: torch.Tensor, packed: Any, steps: int) -> torch.Tensor:
    """`inputs` lie between -1 and 1."""
    # By its overload, which saves torch looking for it at each of some sixty calls a step.
    multiply = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32.default
    return multiply(inputs, 1 / steps, steps + 1, packed)


@cache
def _kernel() -> Any:
    """The same in one pass; None where it doesn't run."""
    try:
        from reviser.models.cpu_kernels import to_unit

        to_unit(np.ones((1, 2), np.float32), np.ones((1, 2), np.float32), np.ones(1, np.float32))
    except Exception as error:  # noqa: BLE001  # a compiler may raise anything
        log.warning("int8 goes a step slower, since the kernels for CPUs do not work here: %s", error)
        return None
    return to_unit


@cache
def _input_steps() -> int:
    """As many as this processor can add up without overflow, found out on the largest sum there is."""
    largest = torch.ones(1, 1024)
    right = torch.isclose(_product(largest, _pack(largest), _STEPS), torch.tensor(1024.0))
    return _STEPS if bool(right.all()) else _STEPS_WITHOUT_VNNI
