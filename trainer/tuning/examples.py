"""An expert revision as tokens: the coach prompt, and the revised pair that alone is learnt.

Prompt and target are tokenised apart, as an engine does that is given the prompt and has to go on from there; the
prompt without the end of sequence that some tokenisers add, the target with one, so that the coach learns to stop.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from coachlm.coaching.prompting import PAPER, Prompting
from coachlm.pairs import InstructionPair, content_hash
from coachlm.prompt import render_pair
from trainer.plan.revisions import ExpertRevision


class LeftOut(StrEnum):
    """Why a chosen revision is not trained on."""

    TOO_LONG = "too_long"  # prompt and target together exceed the context; a cut target would teach breaking off
    EMPTY = "empty"  # the revised instruction or response: an engine would refuse such an output
    NOT_TOKENISABLE = "not_tokenisable"
    TEMPLATE_MARKER = "template_marker"  # the pair holds what the chat template marks turns with


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids, 4 bytes each: sets of a million fit into memory."""

    prompt: "array[int]"
    target: "array[int]"  # ends with the end of sequence
    pair_id: str  # of the raw pair
    instruction_hash: str  # of the raw instruction; an adapter's leak guard knows it by this
    weight: float = 1.0  # of its loss

    def __len__(self) -> int:
        return len(self.prompt) + len(self.target)

    @property
    def targets(self) -> int:
        return len(self.target)


class Encoder:
    """Turns revisions into examples for one model."""

    def __init__(
        self, tokenizer: Any, eos_ids: tuple[int, ...], context_tokens: int, prompting: Prompting = PAPER
    ) -> None:
        """`eos_ids`: what ends a sequence; targets end with the first, or with what ends the template's turns."""
        self._tokenizer = tokenizer
        self._eos_ids = eos_ids
        self._context_tokens = context_tokens
        self._prompting = prompting
        self._end = self._turn_end()

    def examples(self, revisions: Iterable[ExpertRevision], left_out: Counter[str]) -> list[Example]:
        """In the given order; what can't be trained on is counted by reason."""
        found = [self._example(revision) for revision in revisions]
        left_out.update(reason.value for reason in found if isinstance(reason, LeftOut))
        return [example for example in found if isinstance(example, Example)]

    def _example(self, revision: ExpertRevision) -> Example | LeftOut:
        if not revision.revised.instruction.strip() or not revision.revised.response.strip():
            return LeftOut.EMPTY
        try:
            if self._prompting.is_broken_by(revision.raw):
                return LeftOut.TEMPLATE_MARKER
            prompt = self._prompt(revision.raw)
            target = self._encode(render_pair(revision.revised), add_special_tokens=False)
        except (TypeError, ValueError):
            return LeftOut.NOT_TOKENISABLE
        target.append(self._end)
        if len(prompt) + len(target) > self._context_tokens:
            return LeftOut.TOO_LONG
        instruction = content_hash(revision.raw.instruction)
        return Example(array("i", prompt), array("i", target), revision.raw.id, instruction, revision.weight)

    def _prompt(self, raw: InstructionPair) -> list[int]:
        """A template says itself what a text begins with; around the paper's prompt the tokeniser puts it."""
        text = self._prompting.text(raw)
        if self._prompting.frame is None:
            return self._encode(text)
        return list(self._tokenizer(text, verbose=False, add_special_tokens=False)["input_ids"])

    def _turn_end(self) -> int:
        if self._prompting.frame is None:
            return self._eos_ids[0]
        after = self._tokenizer(self._prompting.frame.ending, verbose=False, add_special_tokens=False)["input_ids"]
        return after[0] if after and after[0] in self._eos_ids else self._eos_ids[0]

    def _encode(self, text: str, **options: Any) -> list[int]:
        return encode(self._tokenizer, self._eos_ids, text, **options)


def encode(tokenizer: Any, eos_ids: Sequence[int], text: str, **options: Any) -> list[int]:
    """Token ids without the end of sequence that some tokenisers add."""
    ids: list[int] = list(tokenizer(text, verbose=False, **options)["input_ids"])
    return ids[:-1] if ids and ids[-1] in eos_ids else ids
