"""Where, and in which numbers, a base computes."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Precision:
    """Where and in which numbers the base computes; LoRA weights and the optimizer are float32 everywhere."""

    device: str
    dtype: torch.dtype
    reason: str


def choose_precision() -> Precision:
    """bfloat16 on a GPU that proves able, else float32. Never bfloat16 on a CPU: where the machine advertises an
    instruction that it does not grant, trying it would kill the process."""
    if not torch.cuda.is_available():
        return Precision("cpu", torch.float32, "float32 on the CPU: bfloat16 is slower there, or not granted at all")
    try:
        ones = torch.ones(64, 64, device="cuda", dtype=torch.bfloat16)
        able = torch.cuda.is_bf16_supported(including_emulation=False) and bool((ones @ ones == 64).all())
    except RuntimeError as error:
        return Precision("cuda", torch.float32, f"float32: a bfloat16 product failed on the GPU ({first_line(error)})")
    if not able:
        return Precision("cuda", torch.float32, "float32: the GPU has no bfloat16, and float16 would overflow")
    return Precision("cuda", torch.bfloat16, "bfloat16: the GPU computed a product in it correctly")


def first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).strip() or 'no message').splitlines()[0]}"
