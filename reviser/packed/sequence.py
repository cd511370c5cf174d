"""What a request asks, what it has become so far, and how it ended."""

from collections.abc import Sequence as Tokens
from dataclasses import dataclass, field
from enum import StrEnum

from reviser.packed.drafts import NgramIndex


@dataclass(frozen=True, slots=True)
class Request:
    """A prompt to continue; `key` is the caller's own and comes back with the completion."""

    key: int
    prompt: Tokens[int]
    max_new_tokens: int
    adapter: str | None = None  # whose weights continue it, see `Engine.hold`; None: the model's own
    noise: int = 0  # where its draws come from, see `Sampling.noise`


class Failure(StrEnum):
    """Why a request has no usable output; the others are unharmed."""

    NO_PROMPT = "no_prompt"
    TOO_LONG = "too_long"  # the prompt leaves no room in a slot, or no token was allowed
    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105  # a prompt's id is outside the model's vocabulary
    NAN_LOGITS = "nan_logits"
    OUT_OF_MEMORY = "out_of_memory"


@dataclass(frozen=True, slots=True)
class Completion:
    """The new tokens, with the end-of-sequence token if it came; on a failure, those made before it."""

    key: int
    tokens: list[int]
    failure: Failure | None = None


@dataclass(slots=True)
class Sequence:
    """A request on its way: `tokens[:cached]` have their keys and values in the slot."""

    request: Request
    slot: int
    cached: int
    max_tokens: int  # prompt and output together
    tokens: list[int] = field(init=False)
    ngrams: NgramIndex | None = None  # over `tokens`; None where drafts are off

    def __post_init__(self) -> None:
        self.tokens = list(self.request.prompt)
        if self.ngrams is not None:
            self.ngrams.grow(self.tokens)

    @property
    def output(self) -> list[int]:
        return self.tokens[len(self.request.prompt) :]

    @property
    def waiting(self) -> int:
        """How many tokens are not in the cache yet; 1 while decoding."""
        return len(self.tokens) - self.cached

    @property
    def room(self) -> int:
        """How many more tokens it may emit."""
        return self.max_tokens - len(self.tokens)

    def append(self, tokens: list[int]) -> None:
        self.tokens += tokens
        if self.ngrams is not None:
            self.ngrams.grow(self.tokens)
