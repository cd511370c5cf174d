"""What every engine that holds a model does before and after its forwards: a pair to tokens, tokens to a revision."""

import logging
from dataclasses import dataclass

from coachlm.pairs import InstructionPair
from coachlm.prompt import coach_prompt, render_pair
from coachlm.revision import Outcome, Revision
from reviser.finish import Finisher, Usage
from reviser.model_loading import LoadedModel

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A pair on its way through the model."""

    index: int  # place in the call
    raw: InstructionPair
    tokens: list[int]  # the prompt
    max_new: int


@dataclass(frozen=True, slots=True)
class JobDesk:
    """Makes jobs of pairs and revisions of their outputs."""

    loaded: LoadedModel
    finisher: Finisher
    max_new_tokens: int

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
        return Job(index, raw, tokens, max_new)

    def close(self, job: Job, output: list[int], failure: str | None) -> Revision:
        """`output` with its end-of-sequence token, if it came."""
        usage = Usage(len(job.tokens), len(output))
        if failure is not None:
            return self.finisher.fallback(job.raw, Outcome.FALLBACK_ERROR, failure, usage)
        if not output or output[-1] not in self.loaded.eos_ids:
            return self.finisher.fallback(job.raw, Outcome.FALLBACK_INVALID, "unfinished", usage)
        text = self.loaded.tokenizer.decode(output[:-1], skip_special_tokens=True)
        return self.finisher.from_text(job.raw, text, usage)

    def encode(self, text: str) -> list[int]:
        """Token ids with what the tokeniser puts in front, without the end of sequence that some put behind."""
        ids: list[int] = self.loaded.tokenizer(text, verbose=False)["input_ids"]
        return ids[:-1] if ids and ids[-1] in self.loaded.eos_ids else ids

    def shared_prefix(self) -> list[int]:
        """The tokens that coach prompts start with; a tokeniser may merge the last words with what follows them."""
        one, other = (self.encode(coach_prompt(InstructionPair(word, "", word))) for word in ("Write", "7"))
        pairs = enumerate(zip(one, other, strict=False))
        return one[: next((place for place, (a, b) in pairs if a != b), 0)]
