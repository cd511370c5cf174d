"""A local causal language model as a judge, asked and read in PandaLM's way; knows no model library.

Source of the prompt, which PandaLM's weights were tuned on and need to the letter, and of the answer's first line:
PandaLM's repository, `pandalm/utils/pandalm_inference.py`.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from coachlm.protocols.revising import TextGenerator
from evaluation.judges.answers import Failure
from evaluation.judges.judging import Comparison, Verdict

_TASK = (
    "Below are two responses for a given task. The task is defined by the Instruction{material}. Evaluate the "
    "responses and generate a reference answer for the task."
)
_MATERIAL = " with an Input that provides further context"
_HEADING = re.compile(r"^###", re.MULTILINE)
_MARKS = re.compile(
    r"<\|?/?(?:s|unk|pad|endoftext|startofpiece|endofpiece|im_start|im_end)\|?>|\[(?:PAD|UNK|CLS|MASK)\]"
)
_VERDICTS = {"1": Verdict.WIN, "2": Verdict.LOSE, "tie": Verdict.TIE}


class CausalJudge:
    """Greedy, one verdict an answer. An answer that does not begin with 1, 2 or Tie is no verdict, where PandaLM's own
    script makes it a tie."""

    def __init__(self, generator: TextGenerator) -> None:
        self._generator = generator
        self._failures: Counter[Failure] = Counter()

    @property
    def name(self) -> str:
        return self._generator.name

    @property
    def failures(self) -> Mapping[str, int]:
        return {failure.value: count for failure, count in self._failures.items()}

    async def verdicts(self, comparisons: Sequence[Comparison]) -> list[Verdict | None]:
        texts = self._generator.generate([judge_prompt(each) for each in comparisons])
        return [self._read(text) for text in texts]

    def _read(self, text: str | None) -> Verdict | None:
        verdict = None if text is None else read_verdict(text)
        if verdict is None:
            self._failures[Failure.TOO_LONG if text is None else Failure.NO_VERDICT] += 1
        return verdict


def judge_prompt(comparison: Comparison) -> str:
    """Texts can't open a section of their own: their headings are set in by a blank, special tokens taken out."""
    texts = [("Instruction", comparison.instruction), ("Input", comparison.input)]
    texts += [("Response 1", comparison.candidate), ("Response 2", comparison.reference)]
    sections = [f"### {name}:\n{_harmless(text)}" for name, text in texts if text.strip() or name != "Input"]
    task = _TASK.format(material=_MATERIAL if comparison.input.strip() else "")
    return "\n\n".join([task, *sections, "### Evaluation:\n"])


def read_verdict(text: str) -> Verdict | None:
    """The first line, which has to be a verdict and nothing else."""
    first = next((line.strip().lower() for line in text.splitlines() if line.strip()), "")
    return _VERDICTS.get(_MARKS.sub("", first).strip())


def _harmless(text: str) -> str:
    return _HEADING.sub(" ###", _MARKS.sub("", text).strip())
