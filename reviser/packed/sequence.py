"""What a request asks, what it has become so far, and how it ended."""

from dataclasses import dataclass, field

from reviser.packed.drafts import NgramIndex
from reviser.pairs.endings import Ending, Watch
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
    watch: Watch | None = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = list(self.request.prompt)
        self.watch = self.request.watch() if self.request.watch is not None else None
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

    def watched(self, tokens: list[int]) -> tuple[list[int], Ending | None]:
        """The new tokens up to the one with which the output has to end, and why it has to."""
        if self.watch is not None:
            for place, token in enumerate(tokens):
                if ending := self.watch.see(token):
                    return tokens[: place + 1], ending
        return tokens, None

    def append(self, tokens: list[int]) -> None:
        self.tokens += tokens
        if self.ngrams is not None:
            self.ngrams.grow(self.tokens)
