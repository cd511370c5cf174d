"""How many tokens may go through a base at once while it is tuned, from the memory that there is.

An estimate, not a trial: the same base on a machine of the same size gets the same answer. Measured on a Llama of 135M
in float32 on a CPU: 10.7 GB at 4,096 tokens, 5.5 GB at 1,024; the estimate says 10.5 and 4.7.
"""

from pathlib import Path
from typing import Any

import torch

LEAST_TOKENS = 256
_STEP_TOKENS = 256
_USABLE = 0.7  # of what is free; the rest is for what else runs, and for what the allocator wastes
_FIXED_BYTES = 2 << 30  # workspaces of libraries, and what the allocator doesn't give back; of small models less
_HIDDEN_COPIES, _INNER_COPIES, _LOGIT_COPIES = 8, 4, 3  # tensors that the backward pass needs, a layer or in all
_PER_LORA_WEIGHT = 16  # weight, gradient and two moments in float32


def fitting_tokens(model: Any, rank: int, most: int) -> int:
    """At most `most`, in steps of 256 where it is less, and never below 256: a single pair may be longer anyway."""
    room = _USABLE * free_bytes(model.device.type) - needed_bytes(model, rank, 0)
    fitting = int(room / _token_bytes(model)) // _STEP_TOKENS * _STEP_TOKENS
    return min(most, max(fitting, LEAST_TOKENS))


def needed_bytes(model: Any, rank: int, tokens: int) -> int:
    """Beside the loaded weights, with so many tokens at once."""
    config = model.config.get_text_config()
    layers, hidden, inner = config.num_hidden_layers, config.hidden_size, _inner(config)
    lora = layers * rank * (8 * hidden + 3 * (hidden + inner))
    return min(_FIXED_BYTES, 4 * loaded_bytes(model)) + _PER_LORA_WEIGHT * lora + tokens * _token_bytes(model)


def loaded_bytes(model: Any) -> int:
    return sum(weight.numel() * weight.element_size() for weight in model.parameters())


def free_bytes(device: str) -> int:
    """What a process may still take: of the GPU, or of the machine and its control group."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    return min(_machine(), _group())


def _token_bytes(model: Any) -> int:
    config = model.config.get_text_config()
    width = _HIDDEN_COPIES * config.hidden_size + _INNER_COPIES * _inner(config)
    own = torch.finfo(model.dtype).bits // 8
    return own * config.num_hidden_layers * width + 4 * _LOGIT_COPIES * config.vocab_size


def _inner(config: Any) -> int:
    return int(getattr(config, "intermediate_size", None) or getattr(config, "n_inner", None) or 4 * config.hidden_size)


def _machine() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
    except (OSError, ValueError, StopIteration):  # not Linux
        return 8 << 30


def _group() -> int:
    """Of the control group that a container runs in; more than there is where none limits it."""
    group = Path("/sys/fs/cgroup")
    try:
        limit = (group / "memory.max").read_text(encoding="ascii").strip()
        return int(limit) - int((group / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):  # "max"
        return 1 << 62
