"""What a chat model's answer says of a pair, or why it says nothing usable: talk around it goes, doubt falls back."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from coachlm.errors import PromptError
from coachlm.pairs import InstructionPair
from coachlm.prompt import first_pair, given_fields, parse_revised
from coachlm.text.json_objects import objects_in
from reviser.instructed.reasoning import without_reasoning
from reviser.instructed.talk import without_fence, without_talk

_FIELDS = ("instruction", "input", "response")
_MARK = re.compile(r"<<\s*(?:end of )?(?:instruction|input|response|pair)\s+[\w-]{1,60}\s*>>[ \t]*\n?")
_DECLINES = re.compile(
    r"\s*(?:I['’]?m (?:really |very )?sorry|Sorry|I apologi[sz]e|I (?:can(?:no|['’])t|am (?:not able|unable)))\b"
    r"[^\n]{0,80}\b(?:can(?:no|['’])t|unable|not able|won['’]t|help|assist|comply)\b",
    re.I,
)


class Unusable(StrEnum):
    """Why a chat model's answer is no revision."""

    EMPTY = "empty_answer"  # nothing, or thinking that never ended
    NOT_A_PAIR = "not_a_pair"  # neither the object asked for nor a written pair
    AMBIGUOUS = "ambiguous_answer"  # several revisions that differ, or a verdict that contradicts the text
    DECLINED = "declined"  # the model won't
    TALK = "talk_in_answer"  # talk that can't be told from content, as the pair is about revising texts itself


class UnusableAnswerError(ValueError):
    """The answer is no revision."""

    def __init__(self, reason: Unusable) -> None:
        super().__init__(reason.value)
        self.reason = reason


def read_answer(text: str, raw: InstructionPair) -> InstructionPair:
    """The revised pair: an object as it was asked for, wherever it stands, or the written form of a pair.

    Raises: UnusableAnswerError.
    """
    text = without_reasoning(text, raw).strip()
    if not text:
        raise UnusableAnswerError(Unusable.EMPTY)
    found = [each for each in objects_in(text, strict=False) if "response" in each or "verdict" in each]
    if found:
        return _cleaned(_only(found, raw), raw)
    if "Response:" in text:
        return _cleaned(_written_pair(text, raw), raw)
    raise UnusableAnswerError(Unusable.DECLINED if _DECLINES.match(text) else Unusable.NOT_A_PAIR)


def read_response(text: str, raw: InstructionPair) -> InstructionPair:
    """Where the response alone was asked for. Raises: UnusableAnswerError."""
    text = without_reasoning(text, raw).strip()
    if _DECLINES.match(text) and not _DECLINES.match(raw.response):
        raise UnusableAnswerError(Unusable.DECLINED)
    return _cleaned(replace(raw, response=text), raw)


def _only(found: Sequence[Mapping[str, Any]], raw: InstructionPair) -> InstructionPair:
    """The one pair that the objects say; a draft and its correction can't be told apart."""
    pairs = {pair.id: pair for pair in (_of_object(each, raw) for each in found)}
    if len(pairs) != 1:
        raise UnusableAnswerError(Unusable.AMBIGUOUS)
    return next(iter(pairs.values()))


def _of_object(found: Mapping[str, Any], raw: InstructionPair) -> InstructionPair:
    texts = [found.get(name) or "" for name in _FIELDS]
    if not all(isinstance(text, str) for text in texts):
        raise UnusableAnswerError(Unusable.NOT_A_PAIR)
    verdict = found.get("verdict")
    if verdict == "keep" and not any(text.strip() for text in texts):
        return raw
    instruction, material, response = texts
    pair = InstructionPair(
        instruction if instruction.strip() else raw.instruction,
        material if material.strip() else raw.input,
        response if response.strip() else raw.response,
    )
    is_same = pair.says_the_same(raw)
    if is_same and verdict == "revise":
        raise UnusableAnswerError(Unusable.NOT_A_PAIR)  # it says that it revises, and gives no text
    if not is_same and verdict == "keep":
        raise UnusableAnswerError(Unusable.AMBIGUOUS)
    return pair


def _written_pair(text: str, raw: InstructionPair) -> InstructionPair:
    """The coach's own form, with or without talk before it; from `Response:` on, where that is all there is."""
    text = _plain_labels(_MARK.sub("", without_fence(text, raw)))
    start = re.search(r"^Instruction: ", text, re.M)
    if start is not None:
        body = text[start.start() :]
    else:
        response = re.search(r"^Response: ", text, re.M)
        if response is None:
            raise UnusableAnswerError(Unusable.NOT_A_PAIR)
        body = given_fields(raw) + text[response.end() :]
    try:
        return parse_revised(first_pair(body, raw), raw)
    except PromptError as error:
        raise UnusableAnswerError(Unusable.NOT_A_PAIR) from error


def _plain_labels(text: str) -> str:
    """The first of each field's name without the markup that models like around it."""
    for name in ("Instruction", "Input", "Response"):
        label = re.compile(rf"^[ \t]*[*_#>]{{0,3}}[ ]?{name}[ ]?[*_]{{0,2}}:[*_]{{0,2}}[ \t]*", re.M)
        found = label.search(text)
        response = re.search(r"^Response:", text, re.M)
        if found and not (name == "Input" and response and response.start() < found.start()):
            text = f"{text[: found.start()]}{name}: {text[found.end() :]}"
    return text


def _cleaned(pair: InstructionPair, raw: InstructionPair) -> InstructionPair:
    """Without marks, and without talk around the response. Raises: UnusableAnswerError."""
    texts = {
        name: _MARK.sub("", getattr(pair, name)) if "<<" in getattr(pair, name) else getattr(pair, name)
        for name in _FIELDS
    }
    pair = replace(pair, **texts)
    if pair.response == raw.response:
        return pair
    response = without_talk(pair.response, raw)
    if response is None:
        raise UnusableAnswerError(Unusable.TALK)
    if not response.strip():
        raise UnusableAnswerError(Unusable.EMPTY)
    return replace(pair, response=response)
