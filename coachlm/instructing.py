"""Which coach made a revision: one that was tuned for it, or a chat model that was told how."""

from dataclasses import dataclass
from typing import Literal

Coach = Literal["tuned", "instructed"]
_PREFIX = "instr-"
_DIGITS = 26


def instructed_id(digest: str) -> str:
    """What stands in the place of an adapter's digest for a coach that was told what to do: `digest`, hex, is over
    everything it was told, its model's name included."""
    return _PREFIX + digest[:_DIGITS]


def coach_of(adapter: str | None) -> Coach:
    """By what a revision says of its adapter."""
    return "instructed" if adapter is not None and adapter.startswith(_PREFIX) else "tuned"


@dataclass(frozen=True, slots=True)
class Spending:
    """What requests cost, or will."""

    requests: int = 0
    from_cache: int = 0  # answered without asking
    prompt_tokens: int = 0
    output_tokens: int = 0

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.output_tokens

    def __add__(self, other: "Spending") -> "Spending":
        return Spending(
            self.requests + other.requests,
            self.from_cache + other.from_cache,
            self.prompt_tokens + other.prompt_tokens,
            self.output_tokens + other.output_tokens,
        )
