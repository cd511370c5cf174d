"""The coach prompt and the written form of a pair: the only copy, for training, revising and parsing back."""

import re

from coachlm.errors import PromptError
from coachlm.pairs import InstructionPair

COACH_INSTRUCTION = (
    "Improve the following instruction, input and response pair to be more specific, detailed with more logical "
    "steps and grammarly corrected."
)
"""Source: paper Fig. 3, to the letter."""

_CONTEXT = "The pair belongs to this conversation, which stays as it is:\n"
_CONTEXT_CHARS, _SYSTEM_CHARS = 6_000, 2_000
"""How much of it the coach reads."""

_INSTRUCTION = "Instruction: "
_INPUT = "\nInput: "
_RESPONSE = "\nResponse: "


def render_pair(pair: InstructionPair) -> str:
    """The pair as the coach reads and writes it; `Input:` only when there is one. Outer white space is dropped."""
    middle = f"{_INPUT}{pair.input.strip()}" if pair.input.strip() else ""
    return f"{_INSTRUCTION}{pair.instruction.strip()}{middle}{_RESPONSE}{pair.response.strip()}"


def given_fields(pair: InstructionPair) -> str:
    """The written form up to where the response begins, for a coach that is to write the response alone."""
    return render_pair(pair).removesuffix(pair.response.strip()).rstrip(" ")


def coach_prompt(pair: InstructionPair) -> str:
    """What the coach is given; its answer is `render_pair` of the revised pair. What was said before is read and not
    revised; without it the prompt is the paper's."""
    return f"{COACH_INSTRUCTION}\n{render_context(pair)}{render_pair(pair)}\n"


def render_context(pair: InstructionPair) -> str:
    """The newest of what the pair was said in, and an empty line; nothing where there is none."""
    context = pair.context
    if not context:
        return ""
    system = f"System: {context.system.strip()[:_SYSTEM_CHARS]}\n" if context.system.strip() else ""
    said = context.recent(_CONTEXT_CHARS).strip()
    return f"{_CONTEXT}{system}{said}\n\n" if said else f"{_CONTEXT}{system}\n" if system else ""


def coach_prefix() -> str:
    """The part of `coach_prompt` that every prompt of a pair without context starts with (an engine computes it
    once)."""
    return f"{COACH_INSTRUCTION}\n{_INSTRUCTION}"


_STUDENT_TASK = (
    "Below is an instruction that describes a task{material}. "
    "Write a response that appropriately completes the request."
)
_STUDENT_MATERIAL = ", paired with an input that provides further context"


def student_prompt(pair: InstructionPair) -> str:
    """What a model tuned on instruction pairs is given; its answer is the response.

    Source: Stanford Alpaca's `train.py`, to the letter, for models tuned with it answer to nothing else as well.
    """
    task = _STUDENT_TASK.format(material=_STUDENT_MATERIAL if pair.input else "")
    material = f"### Input:\n{pair.input}\n\n" if pair.input else ""
    return f"{task}\n\n### Instruction:\n{pair.instruction}\n\n{material}### Response:"


def parse_revised(text: str, raw: InstructionPair) -> InstructionPair:
    """The pair that a coach wrote for `raw`.

    A field's name starts a line or, as in the paper's data, follows white space on one line with the rest. It may
    occur inside the texts themselves; as many of them as stand in the raw fields before it are skipped, so that
    `parse_revised(render_pair(p), p)` gives p's stripped texts back for every pair without an empty field.

    Raises: PromptError, when a field is missing or empty.
    """
    body = text.strip()
    if not body.startswith(_INSTRUCTION.strip()):
        raise PromptError("the output does not start with `Instruction:`")
    body = body[len(_INSTRUCTION.strip()) :].removeprefix(" ")
    head, response = _split_last(body, _RESPONSE, _head(raw))
    instruction, extra = _split_new(head, _INPUT, raw.instruction.strip())
    if not instruction.strip():
        raise PromptError("the output's instruction is empty")
    if not response.strip():
        raise PromptError("the output's response is empty")
    return InstructionPair(instruction.strip(), extra.strip(), response.strip())


_SECOND_PAIR = re.compile(r"(?<=\n)[^\S\n]*+Instruction:")
_FIRST_RESPONSE = re.compile(r"\sResponse:")


def first_pair(text: str, raw: InstructionPair) -> str:
    """The output up to where a second pair begins after the first one's response; where the raw pair speaks of
    instructions itself, all of it."""
    response = _FIRST_RESPONSE.search(text)
    if response is None:
        return text
    return text[: response.end()] + first_response(text[response.end() :], raw)


def first_response(text: str, raw: InstructionPair) -> str:
    """The same of an output that begins within the response."""
    if any("Instruction:" in each for each in (raw.instruction, raw.input, raw.response)):
        return text
    second = _SECOND_PAIR.search(text)
    return text if second is None else text[: second.start()].rstrip()


def _head(raw: InstructionPair) -> str:
    """What stands between `Instruction: ` and the response's field name in the raw pair's written form."""
    return render_pair(raw).removesuffix(f"{_RESPONSE}{raw.response.strip()}").removeprefix(_INSTRUCTION)


def _split_last(text: str, marker: str, before: str) -> tuple[str, str]:
    """Split at the first marker that is not `before`'s own, or at the last one if the coach dropped some of those."""
    for pattern in _forms(marker):
        places = [match.span() for match in pattern.finditer(text)]
        if places:
            start, end = places[min(len(pattern.findall(before)), len(places) - 1)]
            return text[:start], text[end:]
    raise PromptError(f"the output has no `{marker.strip()}`")


def _split_new(text: str, marker: str, before: str) -> tuple[str, str]:
    """Split at the first marker beyond `before`'s own; without one, all of `text` stands before it."""
    for pattern in _forms(marker):
        places = [match.span() for match in pattern.finditer(text)]
        own = len(pattern.findall(before))
        if len(places) > own:
            start, end = places[own]
            return text[:start], text[end:]
    return text, ""


def _forms(marker: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """The marker at a line's start, and after any white space."""
    name = re.escape(marker.strip())
    return re.compile(rf"\n{name}"), re.compile(rf"(?<=\s){name}")
