"""The coach prompt and the written form of a pair: the only copy, for training, revising and parsing back."""

import re

from coachlm.errors import PromptError
from coachlm.pairs import InstructionPair

COACH_INSTRUCTION = (
    "Improve the following instruction, input and response pair to be more specific, detailed with more logical "
    "steps and grammarly corrected."
)
"""Source: paper Fig. 3, to the letter."""

_INSTRUCTION = "Instruction: "
_INPUT = "\nInput: "
_RESPONSE = "\nResponse: "
# A coach may write its fields on one line, as the paper's data does.
_LENIENT = {_INPUT: re.compile(r"\s+Input:\s*"), _RESPONSE: re.compile(r"\s+Response:\s*")}


def render_pair(pair: InstructionPair) -> str:
    """The pair as the coach reads and writes it; `Input:` only when there is one. Outer white space is dropped."""
    middle = f"{_INPUT}{pair.input.strip()}" if pair.input.strip() else ""
    return f"{_INSTRUCTION}{pair.instruction.strip()}{middle}{_RESPONSE}{pair.response.strip()}"


def coach_prompt(pair: InstructionPair) -> str:
    """What the coach is given; its answer is `render_pair` of the revised pair."""
    return f"{COACH_INSTRUCTION}\n{render_pair(pair)}\n"


def coach_prefix() -> str:
    """The part of `coach_prompt` that every prompt starts with (an engine computes it once)."""
    return f"{COACH_INSTRUCTION}\n{_INSTRUCTION}"


def parse_revised(text: str, raw: InstructionPair) -> InstructionPair:
    """The pair that a coach wrote for `raw`.

    Field names may occur inside the texts themselves; as many of them as stand in the raw fields before it are
    skipped, so that `parse_revised(render_pair(p), p)` gives p's stripped texts back for every pair.

    Raises: PromptError, when a field is missing or empty.
    """
    body = text.strip()
    if not body.startswith(_INSTRUCTION.strip()):
        raise PromptError("the output does not start with `Instruction:`")
    body = body[len(_INSTRUCTION.strip()) :].removeprefix(" ")
    head, response = _split(body, _RESPONSE, f"{raw.instruction.strip()}{_joined_input(raw)}")
    instruction, extra = _split_optional(head, _INPUT, raw.instruction.strip(), wanted=bool(raw.input.strip()))
    if not instruction.strip():
        raise PromptError("the output's instruction is empty")
    if not response.strip():
        raise PromptError("the output's response is empty")
    return InstructionPair(instruction.strip(), extra.strip(), response.strip())


def _joined_input(raw: InstructionPair) -> str:
    return f"{_INPUT}{raw.input.strip()}" if raw.input.strip() else ""


def _split(text: str, marker: str, before: str) -> tuple[str, str]:
    """Split at the first marker that is not the text's own: `before` is what stands in front of it in the raw pair."""
    skip = before.count(marker)
    places = [match.span() for match in re.finditer(re.escape(marker.rstrip(" ")), text)]
    if not places:
        skip = len(_LENIENT[marker].findall(before))
        places = [match.span() for match in _LENIENT[marker].finditer(text)]
    if not places:
        raise PromptError(f"the output has no `{marker.strip()}`")
    start, end = places[min(skip, len(places) - 1)]
    return text[:start], text[end:].removeprefix(" ")


def _split_optional(text: str, marker: str, before: str, *, wanted: bool) -> tuple[str, str]:
    """Like `_split`, for a field that may be absent: without one, `text` is all instruction."""
    places = text.count(marker.rstrip(" "))
    lenient = len(_LENIENT[marker].findall(text)) if wanted else 0
    if places <= before.count(marker.rstrip(" ")) and not (wanted and lenient):
        return text, ""
    return _split(text, marker, before)
