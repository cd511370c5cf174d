"""Where a run goes on after a kill: LoRA weights, optimizer moments and random states of a step in one safetensors
file. Nothing is pickled, so a checkpoint from elsewhere can't run anything."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from coachlm.errors import TrainingError
from coachlm.machine.files import whole_file

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")
_KEPT = 2
"""The newest and one to fall back on when the disk spoilt it."""


class Checkpoints:
    """The checkpoints of one run in a folder; written whole or not at all."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder = folder
        self._fingerprint = fingerprint

    def save(self, step: int, weights: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer) -> None:
        """`step`: how many are done. Raises: TrainingError, when the disk is full; earlier checkpoints stay."""
        tensors: dict[str, torch.Tensor] = {f"weight.{name}": weight for name, weight in weights.items()}
        for name, weight in weights.items():
            tensors |= {f"{moment}.{name}": optimizer.state[weight][moment] for moment in _MOMENTS}
        tensors["random.cpu"] = torch.get_rng_state()
        if torch.cuda.is_available():
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        path = self._folder / f"step-{step:08d}.safetensors"
        write_tensors(path, plain, {"step": str(step), "fingerprint": self._fingerprint})
        for old in self._files()[_KEPT:]:
            old.unlink()

    def restore(self, weights: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer) -> int:
        """Put the newest readable checkpoint in force; how many steps are done, 0 when there is none.

        Raises: TrainingError, when the folder's checkpoints are another run's.
        """
        for path in self._files():
            try:
                tensors, header = _read(path)
            except (SafetensorError, OSError):
                continue
            if header.get("fingerprint") != self._fingerprint:
                raise TrainingError(
                    f"{path} belongs to a run with another base, data or settings; run that again as it was, "
                    "or give another output folder"
                )
            _put_back(tensors, weights, optimizer)
            return int(header["step"])
        return 0

    def clear(self) -> None:
        for path in self._files():
            path.unlink()

    def _files(self) -> list[Path]:
        """Newest first."""
        return sorted(self._folder.glob("step-*.safetensors"), reverse=True)


def write_tensors(path: Path, tensors: dict[str, torch.Tensor], header: dict[str, str] | None = None) -> None:
    """Atomic and durable. Raises: TrainingError, when the file can't be written; nothing is left of it then."""
    try:
        with whole_file(path, durable=True) as partial:
            save_file(tensors, partial, metadata=header)
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{path} can't be written: {error}; make room and run the same again to go on") from error


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118


def _put_back(
    tensors: dict[str, torch.Tensor], weights: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer
) -> None:
    state: dict[int, dict[str, Any]] = {}
    with torch.no_grad():
        for place, (name, weight) in enumerate(weights.items()):
            weight.copy_(tensors[f"weight.{name}"])
            state[place] = {moment: tensors[f"{moment}.{name}"] for moment in _MOMENTS}
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])
