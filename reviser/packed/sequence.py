"""What a request asks, what it has become so far, and how it ended."""

from dataclasses import dataclass, field

from reviser.packed.drafts import NgramIndex
from reviser.pairs.requests import Request


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
