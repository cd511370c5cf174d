"""How many tokens a run may take, what it has taken, and whether another request still fits."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from coachlm.instructing import Spending


class SpentError(Exception):
    """The next request doesn't fit into what is left."""


@dataclass(slots=True)
class Claim:
    """Tokens set aside for one request."""

    tokens: int
    used: Spending = field(default_factory=Spending)


class Budget:
    """Used from one event loop alone. Once a request didn't fit, none is let through any more."""

    def __init__(self, tokens: int = 0) -> None:
        """0: no limit."""
        self.tokens = tokens
        self.spending = Spending()
        self._claimed = 0
        self._is_spent = False

    def remedy(self) -> str:
        used = self.spending
        return (
            f"the budget of {self.tokens:,} tokens is used up ({used.prompt_tokens:,} in prompts, "
            f"{used.output_tokens:,} in answers); what was revised is kept: run the same command again to go on, with "
            "--budget-tokens for as many more"
        )

    @contextmanager
    def claim(self, tokens: int) -> Iterator[Claim]:
        """Sets tokens aside while a request is under way. Raises: SpentError."""
        taken = self.spending.tokens + self._claimed
        if self.tokens and (self._is_spent or taken + tokens > self.tokens):
            self._is_spent = True
            raise SpentError
        self._claimed += tokens
        claim = Claim(tokens)
        try:
            yield claim
        finally:
            self._claimed -= tokens
            self.spending += claim.used
