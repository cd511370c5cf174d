"""The arms of a sweep, and what became of each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arm:
    """One run of the sweep, and its figures."""

    base: str
    alpha: float  # 0: the base as it is, untuned
    trained_on: int = 0
    adapter: str | None = None
    nll: float | None = None  # nats per token of the experts' held-out text
    edit_distance_left: float | None = None  # characters a pair, from the output to the experts' text
    invalid_share: float | None = None
    unchanged_share: float | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
    """All arms on the same held-out pairs; raw pairs for comparison."""

    arms: tuple[Arm, ...]
    held_out: int
    edit_distance_raw: float
