"""What every engine that holds a model does before and after its forwards: a pair to tokens, tokens to a revision."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, Protocol, TypeVar

from coachlm.pairs import InstructionPair
from coachlm.prompt import coach_prompt, render_pair
from coachlm.revision import Outcome, Revision
from reviser.pairs.endings import Ending, OutputWatch, TokenTexts, Watch
from reviser.pairs.finish import Finisher, Usage

log = logging.getLogger(__name__)


class TextTokens(Protocol):
    """A model's texts as tokens. Loads no model, so that engines without torch have it too."""

    @property
    def context_tokens(self) -> int:
        """How many a prompt and its answer may have together."""
        ...

    @property
    def eos_ids(self) -> tuple[int, ...]: ...

    def encode(self, text: str) -> list[int]:
        """With what the tokeniser puts around a text. Raises: TypeError, ValueError."""
        ...

    def decode(self, ids: list[int]) -> str:
        """Without special tokens."""
        ...


L = TypeVar("L", bound=TextTokens)


@dataclass(frozen=True, slots=True)
class Job:
    """A pair on its way through the model."""

    index: int  # place in the call
    raw: InstructionPair
    tokens: list[int]  # the prompt
    max_new: int
    watch: Callable[[], Watch]  # for its output


@dataclass(frozen=True, slots=True)
class JobDesk(Generic[L]):
    """Makes jobs of pairs and revisions of their outputs."""

    loaded: L
    finisher: Finisher
    max_new_tokens: int
    texts: TokenTexts = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "texts", TokenTexts(self.loaded.decode))

    def open(self, index: int, raw: InstructionPair) -> Job | Revision:
        """A revision at once for a pair that can't or mustn't be revised."""
        if self.finisher.leaks(raw):
            return self.finisher.fallback(raw, Outcome.LEAK_GUARD, "in_training_data")
        try:
            tokens = self.encode(coach_prompt(raw))
            # The coach writes the whole pair again: an answer without room for it as it is would break off.
            needed = len(self.encode(render_pair(raw)))
        except (TypeError, ValueError) as error:  # lone surrogates, for one
            log.warning("pair %s can't be tokenised: %s", raw.id, error)
            return self.finisher.fallback(raw, Outcome.FALLBACK_ERROR, "not_tokenisable")
        max_new = min(self.max_new_tokens, self.loaded.context_tokens - len(tokens))
        if max_new < needed:
            return self.finisher.fallback(raw, Outcome.FALLBACK_ERROR, "too_long", Usage(len(tokens)))
        return Job(index, raw, tokens, max_new, partial(OutputWatch, raw, self.texts))

    def close(self, job: Job, output: list[int], failure: str | None, ending: Ending | None = None) -> Revision:
        """`output` with its end-of-sequence token, if it came; `ending`: what ended it before."""
        usage = Usage(len(job.tokens), len(output))
        if failure is not None:
            return self.finisher.fallback(job.raw, Outcome.FALLBACK_ERROR, failure, usage)
        if ending is Ending.LOOPING:
            return self.finisher.fallback(job.raw, Outcome.FALLBACK_INVALID, ending.value, usage)
        if ending is Ending.SECOND_PAIR:
            return self.finisher.from_text(job.raw, self.loaded.decode(output), usage)
        if not output or output[-1] not in self.loaded.eos_ids:
            return self.finisher.fallback(job.raw, Outcome.FALLBACK_INVALID, "unfinished", usage)
        return self.finisher.from_text(job.raw, self.loaded.decode(output[:-1]), usage)

    def encode(self, text: str) -> list[int]:
        """Token ids with what the tokeniser puts in front, without the end of sequence that some put behind."""
        ids = self.loaded.encode(text)
        return ids[:-1] if ids and ids[-1] in self.loaded.eos_ids else ids

    def shared_prefix(self) -> list[int]:
        """The tokens that coach prompts start with; a tokeniser may merge the last words with what follows them."""
        one, other = (self.encode(coach_prompt(InstructionPair(word, "", word))) for word in ("Write", "7"))
        pairs = enumerate(zip(one, other, strict=False))
        return one[: next((place for place, (a, b) in pairs if a != b), 0)]
