"""A model's RMS norms on a CPU by one kernel instead of eight small operations, which with few rows cost as much as the
layers' products.
"""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

log = logging.getLogger(__name__)

_TOLERANCE = 1e-5  # of a row's largest number


@dataclass(frozen=True, slots=True)
class KernelNorm:
    """What a norm's `forward` does: each row over its root mean square, times the weight."""

    own: Any  # that forward, for what isn't float32
    weight: np.ndarray  # (W,) float32
    epsilon: np.float32  # added to the mean square
    kernel: Any

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """(…, W) → (…, W)."""
        if rows.dtype != torch.float32 or rows.requires_grad:
            return self.own(rows)
        out = torch.empty(rows.shape)
        flat = rows.reshape(-1, len(self.weight)).contiguous()
        self.kernel(flat.numpy(), self.weight, self.epsilon, out.view(flat.shape).numpy())
        return out


def use_kernel(model: Any) -> int:
    """Let the kernel do what the model's norms do, where it comes to the same on random rows; gives how many."""
    try:
        from reviser.models.cpu_kernels import normalise

        found = [(module, _kernel_norm(module, normalise)) for module in model.modules() if _is_rms_norm(module)]
    except Exception as error:  # noqa: BLE001  # a compiler may raise anything
        log.warning("norms by torch, since the kernels for CPUs do not work here: %s", error)
        return 0
    for norm, replacement in found:
        if replacement is not None:
            norm.forward = replacement
    return sum(replacement is not None for _, replacement in found)


def _is_rms_norm(module: nn.Module) -> bool:
    weight = getattr(module, "weight", None)
    return type(module).__name__.endswith("RMSNorm") and weight is not None and weight.dtype == torch.float32


def _kernel_norm(norm: Any, kernel: Any) -> KernelNorm | None:
    """Its weight is what it makes of ones: some add one to what they store. None for a norm that does otherwise."""
    epsilon = getattr(norm, "variance_epsilon", getattr(norm, "eps", None)) or 0.0
    width = norm.weight.shape[-1]
    draws = torch.Generator().manual_seed(0)
    rows = torch.randn((3, width), generator=draws) * torch.tensor([[0.01], [1.0], [100.0]])
    with torch.no_grad():
        weight = norm(torch.ones(1, width))[0] * (1 + epsilon) ** 0.5
        found = KernelNorm(norm.forward, weight.contiguous().numpy(), np.float32(epsilon), kernel)
        wanted = norm(rows)
        apart = (found(rows) - wanted).abs()
    same = bool((apart.amax(-1) <= _TOLERANCE * wanted.abs().amax(-1)).all())
    if not same:
        log.info("%s is left to torch: the kernel comes to something else", type(norm).__name__)
    return found if same else None
