"""Graphs without CUDA: records the operations of a run and repeats them on the same memory, as a CUDA graph does.

Whatever was read by Python during the recording is frozen; an operation that needs an answer from the device, or brings
new numbers to it, is refused as CUDA refuses it in a capture.
"""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

_FORBIDDEN = ("aten._local_scalar_dense", "aten.nonzero", "aten.lift_fresh", "aten.masked_select", "aten.equal")


class Tape(TorchDispatchMode):
    """One recording."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[tuple[Any, Any, Any, list[torch.Tensor]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if str(func).startswith(_FORBIDDEN):
            raise RuntimeError(f"{func} is not permitted in a capture")
        kept_args, kept_kwargs = tree_map_only(torch.Tensor, _address, (args, kwargs or {}))
        out = func(*args, **(kwargs or {}))
        self._calls.append((func, kept_args, kept_kwargs, [_address(each) for each in _tensors(out)]))
        return out

    def replay(self) -> None:
        with torch.inference_mode():
            for func, args, kwargs, kept in self._calls:
                for old, new in zip(kept, _tensors(func(*args, **kwargs)), strict=True):
                    if old.data_ptr() != new.data_ptr():
                        old.copy_(new)


class TapeGraphs:
    """See `reviser.packed.graphs.Graphs`."""

    def __init__(self) -> None:
        self.captures = 0
        self.replays = 0

    def capture(self, run: Callable[[], None]) -> Callable[[], None]:
        with patch("torch.cuda.is_current_stream_capturing", return_value=True), Tape() as tape:
            run()
        self.captures += 1

        def replay() -> None:
            self.replays += 1
            tape.replay()

        return replay


def _address(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor's memory, whatever its holder points at later."""
    return tensor.detach()


def _tensors(out: Any) -> list[torch.Tensor]:
    return [each for each in (out if isinstance(out, tuple | list) else [out]) if isinstance(each, torch.Tensor)]
