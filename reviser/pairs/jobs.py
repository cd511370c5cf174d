"""What every engine that holds a model does before and after its forwards: a pair to tokens, tokens to a revision."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, Protocol, TypeVar

from coachlm.coaching.prompting import PAPER, Prompting
from coachlm.pairs import InstructionPair
from coachlm.prompt import given_fields, render_pair
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

    def encode_plain(self, text: str) -> list[int]:
        """Without anything put around it. Raises: TypeError, ValueError."""
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
    prompting: Prompting = PAPER
    prefill: bool = False  # instruction and input are given, the model writes the response alone
    texts: TokenTexts = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "texts", TokenTexts(self.loaded.decode))

    def open(self, index: int, raw: InstructionPair) -> Job | Revision:
        """A revision at once for a pair that can't or mustn't be revised."""
        if self.finisher.leaks(raw):
            return self.finisher.fallback(raw, Outcome.LEAK_GUARD, "in_training_data")
        if self.prompting.is_broken_by(raw):
            return self.finisher.fallback(raw, Outcome.FALLBACK_ERROR, "template_marker")
        try:
            prompt, given = self.prompt(raw), self._given(raw)
            # The coach writes the whole pair again: an answer without room for it as it is would break off.
            needed = len(self.encode(render_pair(raw))) - len(given)
        except (TypeError, ValueError) as error:  # lone surrogates, for one
            log.warning("pair %s can't be tokenised: %s", raw.id, error)
            return self.finisher.fallback(raw, Outcome.FALLBACK_ERROR, "not_tokenisable")
        tokens = prompt + given
        max_new = min(self.max_new_tokens - len(given), self.loaded.context_tokens - len(tokens))
        if max_new < needed:
            return self.finisher.fallback(raw, Outcome.FALLBACK_ERROR, "too_long", Usage(len(tokens)))
        return Job(index, raw, tokens, max_new, partial(OutputWatch, raw, self.texts, in_response=self.prefill))

    def close(self, job: Job, output: list[int], failure: str | None, ending: Ending | None = None) -> Revision:
        """`output` with its end-of-sequence token, if it came; `ending`: what ended it before."""
        usage = Usage(len(job.tokens), len(output))
        if failure is not None:
            return self.finisher.fallback(job.raw, Outcome.FALLBACK_ERROR, failure, usage)
        if ending is Ending.LOOPING:
            return self.finisher.fallback(job.raw, Outcome.FALLBACK_INVALID, ending.value, usage)
        if ending is Ending.SECOND_PAIR:
            return self._finished(job.raw, self.loaded.decode(output), usage)
        if not output or output[-1] not in self.loaded.eos_ids:
            return self.finisher.fallback(job.raw, Outcome.FALLBACK_INVALID, "unfinished", usage)
        return self._finished(job.raw, self.loaded.decode(output[:-1]), usage)

    def _finished(self, raw: InstructionPair, text: str, usage: Usage) -> Revision:
        finish = self.finisher.from_response if self.prefill else self.finisher.from_text
        return finish(raw, text, usage)

    def prompt(self, raw: InstructionPair) -> list[int]:
        """A chat template says itself what a text begins with; around the paper's prompt the tokeniser puts it."""
        text = self.prompting.text(raw)
        return self.encode(text) if self.prompting.frame is None else self.loaded.encode_plain(text)

    def _given(self, raw: InstructionPair) -> list[int]:
        return self.loaded.encode_plain(given_fields(raw)) if self.prefill else []

    def encode(self, text: str) -> list[int]:
        """Token ids with what the tokeniser puts in front, without the end of sequence that some put behind."""
        ids = self.loaded.encode(text)
        return ids[:-1] if ids and ids[-1] in self.loaded.eos_ids else ids

    def shared_prefix(self) -> list[int]:
        """The tokens that coach prompts start with; a tokeniser may merge the last words with what follows them."""
        one, other = (self.prompt(InstructionPair(word, "", word)) for word in ("Write", "7"))
        pairs = enumerate(zip(one, other, strict=False))
        return one[: next((place for place, (a, b) in pairs if a != b), 0)]
